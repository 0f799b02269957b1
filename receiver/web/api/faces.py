"""Faces in a picture that is sent: what they are like, whether two are one person's, and who they are and were before."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.domain.errors import Invalid
from receiver.services.looking.searching import Search
from receiver.store.sightings import Place
from receiver.web import auditing
from receiver.web.api.blueprint import ApiBlueprint, aware, services
from receiver.web.auth import needs
from receiver.web.language import in_their_language
from receiver.web.uploads import read_upload
from schemas import api, face_examples, faces

blueprint = ApiBlueprint("faces", __name__, description="Pictures that are looked at once and not kept")

REFUSED = (
    "The picture cannot be used: missing_picture, bad_base64, not_a_picture, too_many_pixels, truncated, cannot_decode, "
    "engine_crashed; or invalid_arguments"
)
NO_ENGINE = (
    "busy, recognition_off, wrong_model and other words that speak of the server; Retry-After says when to come again"
)


def _documented(
    options: type[api.Strict], json: type[api.Strict], form: type[api.Strict], example: dict[str, Any]
) -> dict[str, Any]:
    """The three ways to send a picture, for the OpenAPI document."""
    return {
        "parameters": [{"in": "query", "schema": options}],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": form},
                "application/json": {"schema": json, "example": example},
                "image/*": {"schema": {"type": "string", "format": "binary"}},
            },
        },
    }


@blueprint.post("/detect")
@blueprint.doc(**_documented(faces.DetectOptions, faces.DetectRequest, faces.OneFile, face_examples.DETECT_REQUEST))
@blueprint.response(200, faces.Detected, example=face_examples.DETECTED)
@blueprint.alt_response(422, description=REFUSED)
@blueprint.alt_response(503, description=NO_ENGINE)
@needs(Role.VIEWER, is_limited=True, is_reading=True)
def detect() -> dict[str, Any]:
    """Find the faces of a picture, with what is good and bad about each and what the person could do."""
    upload = read_upload(faces.DetectOptions)
    options = upload.options
    found = services().looking.detect(upload.picture(), options["gate"], with_embedding=options["embedding"])
    return in_their_language(found)


@blueprint.post("/verify")
@blueprint.doc(**_documented(faces.VerifyOptions, faces.VerifyRequest, faces.TwoFiles, face_examples.VERIFY_REQUEST))
@blueprint.response(200, faces.Verified, example=face_examples.VERIFIED)
@blueprint.alt_response(404, description="no_such_person")
@blueprint.alt_response(409, description="person_without_face")
@blueprint.alt_response(422, description=REFUSED)
@blueprint.alt_response(503, description=NO_ENGINE)
@needs(Role.GUARD, is_reading=True)
def verify() -> dict[str, Any]:
    """Compare a picture's foremost face with another picture's, or with a person of the library: one to one."""
    upload = read_upload(faces.VerifyOptions, ("picture", "other"))
    picture, person = upload.picture(), upload.options["person"]
    if (person is None) == ("other" not in upload.pictures):
        raise Invalid("one_other", "send a second picture as `other`, or a person's id as `person`, one of the two")
    auditing.tell(subject=person or "")
    if person is not None:
        return in_their_language(services().looking.verify_person(picture, person))
    return in_their_language(services().looking.verify_pictures(picture, upload.picture("other")))


@blueprint.post("/search")
@blueprint.doc(**_documented(faces.SearchOptions, faces.SearchRequest, faces.OneFile, face_examples.SEARCH_REQUEST))
@blueprint.response(200, faces.Searched, example=face_examples.SEARCHED)
@blueprint.alt_response(422, description=REFUSED)
@blueprint.alt_response(503, description=NO_ENGINE)
@needs(Role.GUARD, is_reading=True)
def search() -> dict[str, Any]:
    """Say who the faces of a picture are, who else is near, and in which past events they may be seen.

    Only `decision` says who somebody is; `candidates` and `events` are for a person to look at.
    """
    upload = read_upload(faces.SearchOptions)
    names = ("where", "candidates", "limit", "max_distance", "gate", "device")
    options = upload.options
    since, until = aware(options["since"]), aware(options["until"])
    if since is not None and until is not None and since > until:
        raise api.InvalidArguments({"from": ["must not be after `to`"]})
    wanted = Search(
        **{name: options[name] for name in names},
        since=since,
        until=until,
        after=Place(*options["cursor"]) if options["cursor"] else None,
    )
    found = services().searching.search(upload.picture(), wanted)
    auditing.tell(where=wanted.where, people=_people_of(found))
    return in_their_language(found)


def _people_of(found: dict[str, Any]) -> list[int]:
    """Whom the decisions name, for the audit log."""
    named = [face["decision"]["person"] for face in found["faces"] if face.get("decision")]
    return sorted({person["id"] for person in named if person})
