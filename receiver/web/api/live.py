"""The live stream of alerts: lets in whoever may see them, and leaves the rest to the front."""

from collections.abc import Callable
from typing import Any

from flask import Response, request

from receiver.domain.accounts import Role
from receiver.domain.errors import Unavailable
from receiver.web.api.blueprint import ApiBlueprint, services
from receiver.web.arrivals import BEGIN_STREAM
from receiver.web.auth import caller, needs
from receiver.web.live import Wanted
from schemas.live import LiveQuery

blueprint = ApiBlueprint("live", __name__, description="What happens to alerts, as it happens")

# Filters that are told by another name in the alert's facts.
FACTS = {"device": "device_id", "gate": "gate_id", "person": "person_id"}
DIGITS = 18


@blueprint.get("/live")
@blueprint.arguments(LiveQuery, location="query")
@blueprint.alt_response(200, description="server-sent events", content_type="text/event-stream")
@blueprint.alt_response(503, description="too_many_live; no_live_streams: the server's own front is not in use")
@needs(Role.VIEWER, is_limited=True)
def follow(query: dict[str, Any]) -> Response:
    """Tell what happens to alerts as it happens, as server-sent events.

    First comes an event `ready` with the number from which on everything is told, then an event `alert` for each change. Who
    comes back with the last `id` as `Last-Event-ID`, as browsers do by themselves, is told what happened in between;
    `missed` instead of `ready` says that this is too long ago: list the alerts anew. Something comes every 15 seconds at least. The
    stream ends when the login does.
    """
    begin: Callable[[Wanted], None] | None = request.environ.get(BEGIN_STREAM)
    if begin is None:
        raise Unavailable(
            "no_live_streams", "a foreign WSGI server runs the application: `serve` and `web` hold streams"
        )
    services().live_seats.check(caller().account_id)
    only = {FACTS.get(name, name): query[name] for name in query if name != "last_event_id" and query[name] is not None}
    begin(Wanted(caller(), _last_id(query["last_event_id"]), only))
    # Proxies that gather an answer before they pass it on are asked not to.
    quiet = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(content_type="text/event-stream; charset=utf-8", headers=quiet)


def _last_id(of_query: int | None) -> int | None:
    """A browser that has lost the stream sends the header; that one is the newer."""
    text = request.headers.get("Last-Event-ID", "")
    return int(text) if text.isdecimal() and len(text) <= DIGITS else of_query
