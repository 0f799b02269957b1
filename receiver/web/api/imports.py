"""Imports: many people at once from an archive, judged, enrolled and reported row by row."""

from pathlib import Path
from typing import IO, Any

from flask import Response, request
from werkzeug.formparser import FormDataParser

from receiver.domain.accounts import Role
from receiver.domain.errors import Invalid, Unavailable
from receiver.services.importing.import_jobs import NewImport
from receiver.web.api.blueprint import ID, ApiBlueprint, services, shown
from receiver.web.auth import needs
from schemas import api, imports
from schemas.answers import page_of

blueprint = ApiBlueprint("imports", __name__, description="Many people at once, from a zip archive")

FILE_FIELD = "file"
# Of the fields beside the file; also what is held of the file before it is written on, which comes in pieces of 64 KiB.
FORM_BYTES = 1024 * 1024
FORM_PARTS = 20
FORM = "multipart/form-data"
NO_FILE = "send one archive as the file `file` of a multipart form"


@blueprint.post("/imports")
@blueprint.doc(requestBody={"content": {FORM: {"schema": imports.ImportForm}}})
@blueprint.response(202, imports.Import)
@blueprint.alt_response(422, description="bad_zip, not_importable, table_alone, no_file")
@blueprint.alt_response(503, description="recognition_off, disk_full, cannot_spool")
@needs(Role.REGISTRAR)
def begin_import() -> dict[str, Any]:
    """Take an archive over; a worker enrols whom it tells of."""
    path = services().imports.new_file()
    try:
        fields, name = _received(path)
        values = api.checked(imports.ImportFields, fields)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Unavailable("cannot_spool", "the server has no room for the archive just now") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return services().imports.begin_upload(NewImport(path, name, values["list"], values["dry_run"], is_upload=True))


@blueprint.get("/imports")
@blueprint.arguments(api.PageQuery, location="query")
@blueprint.response(200, page_of(imports.Import))
@needs(Role.REGISTRAR)
def list_imports(query: dict[str, Any]) -> dict[str, Any]:
    """List imports, newest first."""
    return shown(services().imports.listed(query["cursor"], query["limit"]))


@blueprint.get(f"/imports/<{ID}:import_id>")
@blueprint.response(200, imports.Import)
@needs(Role.REGISTRAR)
def get_import(import_id: int) -> dict[str, Any]:
    """Show how far an import is."""
    return services().imports.show(import_id)


@blueprint.get(f"/imports/<{ID}:import_id>/rows")
@blueprint.arguments(imports.RowQuery, location="query")
@blueprint.response(200, page_of(imports.ImportRow))
@needs(Role.REGISTRAR)
def list_rows(query: dict[str, Any], import_id: int) -> dict[str, Any]:
    """List rows in the order of the file."""
    return shown(services().imports.rows(import_id, query["state"], query["cursor"], query["limit"]))


@blueprint.get(f"/imports/<{ID}:import_id>/report")
@blueprint.response(200, content_type="text/csv", schema={"type": "string", "format": "binary"})
@needs(Role.REGISTRAR)
def get_report(import_id: int) -> Response:
    """Give every row with its reason and a sentence, as a CSV file for spreadsheets."""
    pieces = (piece.encode() for piece in services().imports.report(import_id))
    headers = {
        "Content-Disposition": f'attachment; filename="import-{import_id}.csv"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(pieces, content_type="text/csv; charset=utf-8", headers=headers)


@blueprint.post(f"/imports/<{ID}:import_id>/cancel")
@blueprint.response(200, imports.Import)
@blueprint.alt_response(409, description="import_ended")
@needs(Role.REGISTRAR)
def cancel_import(import_id: int) -> dict[str, Any]:
    """End an import after the row under way; whoever is enrolled stays."""
    return services().imports.cancel(import_id)


@blueprint.delete(f"/imports/<{ID}:import_id>")
@blueprint.response(204)
@blueprint.alt_response(409, description="import_running")
@needs(Role.REGISTRAR)
def remove_import(import_id: int) -> None:
    """Forget an import that has ended, with its rows; the people stay."""
    services().imports.remove(import_id)


def _received(path: Path) -> tuple[dict[str, str], str]:
    """The form's fields and the file's name; the file itself goes straight to ``path``.

    Raises:
        Invalid: ``no_file``.
    """
    if request.mimetype != FORM:  # other forms have no files, and werkzeug holds as many parts of them as come
        raise Invalid("no_file", NO_FILE)
    files: list[IO[bytes]] = []

    def open_file(
        total_content_length: int | None,  # noqa: ARG001 - werkzeug names its arguments
        content_type: str | None,  # noqa: ARG001
        filename: str | None,  # noqa: ARG001
        content_length: int | None = None,  # noqa: ARG001
    ) -> IO[bytes]:
        files.append((path if not files else Path("/dev/null")).open("wb"))
        return files[-1]

    parser = FormDataParser(open_file, max_form_memory_size=FORM_BYTES, max_form_parts=FORM_PARTS)
    try:
        _, form, found = parser.parse(request.stream, request.mimetype, request.content_length, request.mimetype_params)
    finally:
        for file in files:
            file.close()
    if not files or FILE_FIELD not in found or len(files) > 1:
        raise Invalid("no_file", NO_FILE)
    return form.to_dict(), found[FILE_FIELD].filename or "upload.zip"
