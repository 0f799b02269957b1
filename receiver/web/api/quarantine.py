"""What could not be read: to look at, and to read again after an update."""

from typing import Any

from flask import Response

from receiver.domain.accounts import Role
from receiver.web.api.blueprint import ID, ApiBlueprint, services, shown
from receiver.web.auth import needs
from schemas import answers, api
from schemas import quarantine as schemas

blueprint = ApiBlueprint("quarantine", __name__, description="Messages that could not be read")


@blueprint.get("/quarantine")
@blueprint.arguments(api.QuarantineQuery, location="query")
@blueprint.response(200, answers.page_of(schemas.Quarantined))
@needs(Role.ADMIN)
def list_quarantine(query: dict[str, Any]) -> dict[str, Any]:
    """List unreadable messages, newest first."""
    return shown(services().asking.quarantined(query["state"], query["cursor"], query["limit"]))


@blueprint.get(f"/quarantine/<{ID}:quarantine_id>/raw")
@blueprint.response(200, content_type="application/octet-stream", schema={"type": "string", "format": "binary"})
@needs(Role.ADMIN)
def get_quarantined(quarantine_id: int) -> Response:
    """Give the bytes as they came."""
    held = services().replaying.raw(quarantine_id)
    return Response(held, content_type="application/octet-stream", headers={"X-Content-Type-Options": "nosniff"})


@blueprint.post(f"/quarantine/<{ID}:quarantine_id>/replay")
@blueprint.response(200, answers.page_of(schemas.Replayed))
@blueprint.alt_response(422, description="still_unreadable, with the reason")
@needs(Role.ADMIN)
def replay(quarantine_id: int) -> dict[str, Any]:
    """Read it again as if it had come just now; what it holds becomes events."""
    recorded = services().replaying.replay(quarantine_id)
    return {"items": [{"result": each.result, "event_id": each.event_id} for each in recorded], "next": None}
