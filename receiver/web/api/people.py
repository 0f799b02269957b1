"""The library: people and their faces; and strangers, who came into it by themselves."""

from collections.abc import Sequence
from typing import Any

from flask import request

from receiver.domain.errors import Invalid
from receiver.services.people import NewPerson
from receiver.web.api.blueprint import ID, ApiBlueprint, services, shown
from schemas import answers, api
from schemas.base64_text import decode_picture_text
from schemas.errors import BadBase64

blueprint = ApiBlueprint("people", __name__, description="People, their lists and faces")

FILE_FIELDS = ("pictures", "picture", "pictures[]")


@blueprint.get("/people")
@blueprint.arguments(api.PeopleQuery, location="query")
@blueprint.response(200, answers.page_of(answers.Person))
def list_people(query: dict[str, Any]) -> dict[str, Any]:
    """List people, newest first."""
    lists = [query["list"]] if query["list"] else None
    return shown(services().asking.people(lists, query["q"], query["cursor"], query["limit"]))


@blueprint.get("/strangers")
@blueprint.arguments(api.SearchQuery, location="query")
@blueprint.response(200, answers.page_of(answers.Person))
def list_strangers(query: dict[str, Any]) -> dict[str, Any]:
    """List strangers with how often and when they were seen."""
    return shown(services().asking.strangers(query["q"], query["cursor"], query["limit"]))


@blueprint.post("/people")
@blueprint.doc(
    requestBody={
        "content": {"multipart/form-data": {"schema": api.PersonForm}, "application/json": {"schema": api.NewPerson}}
    }
)
@blueprint.response(201, answers.PersonEnrolled)
@blueprint.alt_response(409, description="external_id_taken")
@blueprint.alt_response(422, description="no_usable_face: nothing was stored; `pictures` says why")
def add_person() -> dict[str, Any]:
    """Enrol a person, with pictures as base64 in JSON or as files of a form."""
    values, pictures = _read(api.NewPerson)
    new = NewPerson(**{name: values[name] for name in ("name", "list", "external_id", "note")}, pictures=pictures)
    person_id, looked = services().people.add(new)
    return services().asking.person(person_id) | {"pictures": looked}


@blueprint.get(f"/people/<{ID}:person_id>")
@blueprint.response(200, answers.PersonInFull)
def get_person(person_id: int) -> dict[str, Any]:
    """Show a person with all faces, current and former."""
    return services().asking.person(person_id)


@blueprint.patch(f"/people/<{ID}:person_id>")
@blueprint.arguments(api.PersonChange)
@blueprint.response(200, answers.PersonInFull)
def change_person(change: dict[str, Any], person_id: int) -> dict[str, Any]:
    """Change name, list, note or external id."""
    services().people.change(person_id, change)
    return services().asking.person(person_id)


@blueprint.delete(f"/people/<{ID}:person_id>")
@blueprint.response(204)
def remove_person(person_id: int) -> None:
    """Take a person and all faces out of the library."""
    services().people.remove(person_id)


@blueprint.post(f"/people/<{ID}:person_id>/faces")
@blueprint.doc(
    requestBody={
        "content": {
            "multipart/form-data": {"schema": api.FacesForm},
            "application/json": {"schema": api.NewFaces},
        }
    }
)
@blueprint.response(201, answers.PersonEnrolled)
@blueprint.alt_response(422, description="no_usable_face: nothing was stored; `pictures` says why")
def add_faces(person_id: int) -> dict[str, Any]:
    """Add faces to a person."""
    _, pictures = _read(api.NewFaces)
    looked = services().people.add_faces(person_id, pictures)
    return services().asking.person(person_id) | {"pictures": looked}


def _read(schema: type[api.Strict]) -> tuple[dict[str, Any], Sequence[bytes]]:
    """The checked fields and the decoded pictures, from JSON or from a form with files."""
    if request.mimetype == "multipart/form-data":
        files = [file.read() for name in FILE_FIELDS for file in request.files.getlist(name)]
        fields = request.form.to_dict() | (
            {"pictures": []} if schema is api.NewPerson else {"pictures": [""] * len(files)}
        )
        return api.checked(schema, fields), files
    values = api.checked(schema, request.get_json())
    return values, [_decode(text) for text in values["pictures"]]


def _decode(text: str) -> bytes:
    try:
        decoded = decode_picture_text(text)
    except BadBase64 as error:
        raise Invalid("bad_base64", "a picture must be base64 text, with or without a data: prefix") from error
    if decoded is None:
        raise Invalid("bad_base64", "a picture is empty")
    return decoded.data
