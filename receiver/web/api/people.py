"""The library: people and their faces."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from flask import Response, json, jsonify, request

from receiver.domain.accounts import Role
from receiver.services.people.people import NewPerson
from receiver.store.people import ANY_DEVICE, Identity, PeopleFilter
from receiver.web import auditing
from receiver.web.api.blueprint import ID, ApiBlueprint, aware, services, shown
from receiver.web.auth import limits, needs, require, who
from receiver.web.uploads import decode
from schemas import answers, api, erasures
from schemas import people as schemas

blueprint = ApiBlueprint("people", __name__, description="People, their lists and faces")

PIECE = 64 * 1024
FILE_FIELDS = ("pictures", "picture", "pictures[]")
# Of a form: lists and objects.
STRUCTURED = frozenset({"groups", "identities", "fields"})
DOUBTFUL = (
    "look_alike or contradiction: nothing was stored; `pictures` says whom it looks like, how near, and the limit"
)
UNUSABLE = (
    "no_usable_face: nothing was stored, `pictures` says why; invalid_arguments, no_such_device, ends_before_it_begins"
)


@blueprint.get("/people")
@blueprint.arguments(api.PeopleQuery, location="query")
@blueprint.response(200, answers.page_of(answers.Person))
@needs(Role.VIEWER, is_limited=True)
def list_people(query: dict[str, Any]) -> dict[str, Any]:
    """List people, newest first."""
    lists = [query["list"]] if query["list"] else None
    page = query["cursor"], query["limit"]
    wanted = PeopleFilter(lists, query["q"], query["group"], query["state"], *page, limits())
    return shown(services().asking.people_as(wanted))


@blueprint.post("/people")
@blueprint.doc(
    requestBody={
        "content": {
            "multipart/form-data": {"schema": schemas.PersonForm},
            "application/json": {"schema": schemas.NewPerson},
        }
    }
)
@blueprint.response(201, answers.PersonEnrolled)
@blueprint.alt_response(409, description=f"external_id_taken; {DOUBTFUL}")
@blueprint.alt_response(422, description=UNUSABLE)
@needs(Role.REGISTRAR)
def add_person() -> dict[str, Any]:
    """Enrol a person, with pictures as base64 in JSON or as files of a form.

    Each face is judged by its quality, by how near it is to everybody else, and by whether the pictures show one person;
    `override` takes what is refused, and it is recorded that somebody insisted.
    """
    values, pictures = _read(schemas.NewPerson)
    values = _as_change(values)
    auditing.tell(override=values["override"])
    own = {name: values.pop(name) for name in ("name", "list", "external_id", "note")}
    new = NewPerson(**own, pictures=pictures, is_insisted=values.pop("override"), more=values)
    person_id, looked = services().people.add(new)
    return services().asking.person(person_id) | {"pictures": looked}


@blueprint.get(f"/people/<{ID}:person_id>")
@blueprint.response(200, answers.PersonInFull)
@needs(Role.VIEWER, is_limited=True)
def get_person(person_id: int) -> dict[str, Any]:
    """Show a person with all faces, current and former."""
    return services().asking.person(person_id, limits())


@blueprint.patch(f"/people/<{ID}:person_id>")
@blueprint.arguments(schemas.PersonPatch)
@blueprint.response(200, answers.PersonInFull)
@blueprint.alt_response(409, description="external_id_taken; still_a_stranger: `promote` puts strangers on a list")
@blueprint.alt_response(422, description="invalid_arguments, no_such_device, ends_before_it_begins")
@needs(Role.REGISTRAR)
def change_person(change: dict[str, Any], person_id: int) -> dict[str, Any]:
    """Change what is known of a person; what is not named stays, lists and `fields` are replaced as a whole.

    `legal_hold` keeps the person from being deleted or erased, or lifts that; it is for administrators.
    """
    auditing.tell(changed=sorted(change))
    is_held = change.pop("legal_hold", None)
    if is_held is not None:
        require(Role.ADMIN)
    if change or is_held is None:
        services().people.change(person_id, _as_change(change))
    if is_held is not None:
        services().holding.person(person_id, is_held=is_held)
    return services().asking.person(person_id)


@blueprint.delete(f"/people/<{ID}:person_id>")
@blueprint.arguments(api.RemovalQuery, location="query")
@blueprint.response(204)
@blueprint.alt_response(202, schema=erasures.Erasure, description="with `erase`: hidden at once, the bytes follow")
@blueprint.alt_response(409, description="legal_hold")
@needs(Role.REGISTRAR)
def remove_person(query: dict[str, Any], person_id: int) -> Response | None:
    """Take a person and all faces out of the library; with `erase`, for administrators, everything that is held about the person."""
    if not query["erase"]:
        services().people.remove(person_id)
        return None
    require(Role.ADMIN)
    auditing.tell(action="person.erased")
    begun = services().erasures.show(services().erasures.begin(person_id, who()))
    answer = jsonify(erasures.Erasure().dump(begun))
    answer.status_code = 202
    answer.headers["Location"] = f"/v1/erasures/{begun['id']}"
    return answer


@blueprint.get(f"/people/<{ID}:person_id>/export")
@blueprint.response(200, content_type="application/zip", schema={"type": "string", "format": "binary"})
@needs(Role.ADMIN)
def export_person(person_id: int) -> Response:
    """Give everything that is held about a person as a zip: JSON, and the pictures."""
    folder = services().settings.data_dir / "spool"
    folder.mkdir(exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".zip") as file:
        services().exporting.write(person_id, Path(file.name))
        # The name goes now, the bytes with the last who reads them.
        kept = Path(file.name).open("rb")  # noqa: SIM115 - closed with the answer
    answer = Response(_pieces(kept), content_type="application/zip")
    answer.call_on_close(kept.close)
    answer.content_length = os.fstat(kept.fileno()).st_size
    answer.headers["Content-Disposition"] = f'attachment; filename="person-{person_id}.zip"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get(f"/people/<{ID}:person_id>/faces")
@blueprint.response(200, answers.Faces)
@needs(Role.VIEWER, is_limited=True)
def list_faces(person_id: int) -> dict[str, Any]:
    """List a person's faces, oldest first: current, former and set aside."""
    return {"items": services().asking.faces(person_id, limits())}


@blueprint.post(f"/people/<{ID}:person_id>/faces")
@blueprint.doc(
    requestBody={
        "content": {
            "multipart/form-data": {"schema": schemas.FacesForm},
            "application/json": {"schema": schemas.NewFaces},
        }
    }
)
@blueprint.response(201, answers.PersonEnrolled)
@blueprint.alt_response(409, description=DOUBTFUL)
@blueprint.alt_response(422, description=UNUSABLE)
@needs(Role.REGISTRAR)
def add_faces(person_id: int) -> dict[str, Any]:
    """Add faces to a person, judged as in POST /v1/people; with `replace` those that were current become former ones."""
    values, pictures = _read(schemas.NewFaces)
    auditing.tell(override=values["override"], replace=values["replace"])
    wanted = {"is_insisted": values["override"], "is_alone": values["replace"]}
    looked = services().people.add_faces(person_id, pictures, **wanted)
    return services().asking.person(person_id) | {"pictures": looked}


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _read(schema: type[api.Strict]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """The checked fields and the decoded pictures, from JSON or from a form with files."""
    if request.mimetype == "multipart/form-data":
        files = [file.read() for name in FILE_FIELDS for file in request.files.getlist(name)]
        fields: dict[str, Any] = {name: _form_value(name, text) for name, text in request.form.items()}
        fields |= {"pictures": []} if schema is schemas.NewPerson else {"pictures": [""] * len(files)}
        return api.checked(schema, fields), files
    values = api.checked(schema, request.get_json())
    return values, [decode(text) for text in values["pictures"]]


def _form_value(name: str, text: str) -> Any:
    """A form's field; lists and objects are JSON text in it."""
    if name not in STRUCTURED:
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise api.InvalidArguments({name: ["must be JSON text"]}) from None


def _as_change(values: dict[str, Any]) -> dict[str, Any]:
    """As the library takes it: times with a zone, identities with their scope."""
    found = {name: value for name, value in values.items() if name != "pictures"}
    for name in ("valid_from", "valid_until"):
        if name in found:
            found[name] = aware(found[name])
    if "identities" in found:
        found["identities"] = [
            Identity(each["external_id"], each["device"] or ANY_DEVICE, each["device_group"] or "")
            for each in found["identities"]
        ]
    return found
