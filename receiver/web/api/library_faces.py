"""The faces of the library: their states, and their way out of it."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.domain.people import FaceState
from receiver.services.people.keeping_faces import FaceChange
from receiver.web.api.blueprint import ID, ApiBlueprint, services
from receiver.web.auth import limits, needs
from schemas import answers
from schemas import people as schemas

blueprint = ApiBlueprint("library_faces", __name__, description="The pictures by which people are recognised")


@blueprint.get(f"/faces/<{ID}:face_id>")
@blueprint.response(200, answers.FaceInFull)
@blueprint.alt_response(404, description="no_such_face")
@needs(Role.VIEWER, is_limited=True)
def get_face(face_id: int) -> dict[str, Any]:
    """Show a face of the library."""
    return services().asking.face(face_id, limits())


@blueprint.patch(f"/faces/<{ID}:face_id>")
@blueprint.arguments(schemas.FaceChange)
@blueprint.response(200, answers.FaceChanged)
@blueprint.alt_response(404, description="no_such_face")
@blueprint.alt_response(409, description="look_alike or contradiction: nothing was changed; not_embedded")
@needs(Role.REGISTRAR)
def change_face(change: dict[str, Any], face_id: int) -> dict[str, Any]:
    """Make a face current, former or set aside.

    A face that becomes current again is held against everybody else and against the person's current faces first; with
    `replace` it takes their place.
    """
    wanted = FaceChange(FaceState(change["state"]), change["override"], change["replace"])
    findings = services().faces.change(face_id, wanted)
    return services().asking.face(face_id) | {"findings": findings}


@blueprint.delete(f"/faces/<{ID}:face_id>")
@blueprint.response(204)
@blueprint.alt_response(404, description="no_such_face")
@blueprint.alt_response(409, description="legal_hold: the person must be kept")
@needs(Role.REGISTRAR)
def remove_face(face_id: int) -> None:
    """Take a face out of the library."""
    services().faces.remove(face_id)
