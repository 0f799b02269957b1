"""Our first language: HistoryEvent, RealTimeEvent and DeviceStatus as the boxes post them."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response, current_app, request

from receiver.domain.errors import GatehouseError
from receiver.domain.events import IP_LIMIT, Channel
from receiver.services.intake.intake import Intake
from receiver.services.intake.recording import Recorded, Sender
from receiver.translation.requests import items_of
from receiver.translation.texts import column_text
from receiver.web.arrivals import Arrival
from receiver.web.auth import public
from receiver.web.calling import Answer, from_flask
from receiver.web.device_paths import CHANNELS, HISTORY_PATHS, REAL_TIME_PATHS, STATUS_PATHS
from receiver.web.origins import is_foreign_page
from receiver.web.problems import known, problem, unexpected
from receiver.web.proofs import ProofReader
from schemas.errors import UnreadableBody, UnreadableItem

if TYPE_CHECKING:
    from receiver.web.app import Services

JSON = "application/json"

blueprint = Blueprint("sophon", __name__)


@blueprint.before_request
def refuse_foreign_page() -> Response | None:
    """A page that is open on a machine from whose address a trusted device speaks could speak in its name."""
    if not is_foreign_page(_services().settings.cors_origins):
        return None
    return problem(403, "foreign_page", "a page of another site cannot post what devices post")


def _services() -> "Services":
    found: Services = current_app.extensions["gatehouse"]
    return found


@blueprint.post(HISTORY_PATHS[0], strict_slashes=False)
@public
def history_event() -> Response:
    """Events that a box kept: each is stored durably before this answers 200."""
    return _take(Channel.HISTORY)


@blueprint.post(REAL_TIME_PATHS[0], strict_slashes=False)
@public
def real_time_event() -> Response:
    """The same passage told at once; becomes one event with its history event."""
    return _take(Channel.REAL_TIME)


@blueprint.post(STATUS_PATHS[0], strict_slashes=False)
@public
def device_status() -> Response:
    """A box's figures and the state of its capture devices."""
    try:
        _services().statuses.record(_items(request.get_data()), _peer(), _proofs())
    except (UnreadableBody, UnreadableItem) as error:
        return problem(400, error.reason, error.detail)
    return _success(None)


for _paths, _view in (
    (HISTORY_PATHS, history_event),
    (REAL_TIME_PATHS, real_time_event),
    (STATUS_PATHS, device_status),
):
    for _path in _paths[1:]:
        blueprint.add_url_rule(_path, view_func=_view, methods=["POST"], strict_slashes=False)


class EventRounds:
    """Answers many requests with one commit, for the front's line.

    It does what the views do for an ordinary event and leaves everything else to them. Flask's own part of a request, which
    an event does not need, takes as long as reading the event.
    """

    def __init__(self, intake: Intake, body_limit: int, proofs: ProofReader | None = None) -> None:
        self._intake = intake
        self._body_limit = body_limit
        self._proofs = proofs or ProofReader()

    def answers(self, arrivals: Sequence[Arrival]) -> list[Answer | None]:
        """The answers, in their order; None for what the view is to answer."""
        begun = [self._begin(arrival) for arrival in arrivals]
        self._intake.flush()
        return [None if future is None else _answer(future) for future in begun]

    def _begin(self, arrival: Arrival) -> "Future[list[Recorded]] | None":
        if arrival.header(b"origin"):
            return None
        content_type, path = arrival.content_type, arrival.path
        try:
            body = arrival.file.read()
            proofs = self._proofs.of_arrival(arrival, body)
            sender = Sender(column_text(arrival.peer, IP_LIMIT), path, CHANNELS[path], content_type, proofs)
            items = items_of(body, content_type, self._body_limit, is_patient=False)
            return self._intake.begin(items, sender)
        except Exception:  # noqa: BLE001 - one request's trouble is not the others': its view meets it again, and says it
            return None


def _answer(future: "Future[list[Recorded]]") -> Answer:
    error = future.exception()
    if error is not None:
        return from_flask(known(error) if isinstance(error, GatehouseError) else unexpected(error))
    document = _document(future.result())
    return 200, [(b"content-type", JSON.encode()), (b"content-length", b"%d" % len(document))], document


def _peer() -> str:
    """The address that the request came from; behind a proxy it is the proxy's word, so it may be anything."""
    return column_text(request.remote_addr or "", IP_LIMIT)


def _proofs() -> tuple[bytes, ...]:
    """What came with the request to show who sent it."""
    return _services().proofs.of_environ(request.environ, request.get_data())


def _take(channel: Channel) -> Response:
    services = _services()
    body = request.get_data()
    sender = Sender(_peer(), request.path, channel, request.content_type or "", _proofs())
    try:
        items = _items(body)
    except UnreadableBody as error:
        if error.reason == "too_large":
            services.statuses.note_problem(sender.peer, "body_too_large")
            return problem(413, "body_too_large", error.detail)
        held = services.intake.record_unreadable(body, error.reason, error.detail, sender)
        if held is None:
            return problem(
                400, error.reason, f"{error.detail}. The same bytes again will be put into quarantine and answered 200."
            )
        return _success([held])
    return _success(services.intake.record(items, sender))


def _items(body: bytes) -> list[Any]:
    return items_of(body, request.content_type or "", _services().settings.body_limit)


def _shown(item: Recorded) -> dict[str, Any]:
    return {"event_id": item.event_id, "result": item.result, "reason": item.reason}


def _success(items: list[Recorded] | None) -> Response:
    return Response(_document(items), 200, content_type=JSON)


def _document(items: list[Recorded] | None) -> bytes:
    """The answer that the vendor's own platform gives; ``data`` says what became of each item."""
    data = None if items is None else {"items": [_shown(item) for item in items]}
    return orjson.dumps({"status": 0, "message": "SUCCESS", "data": data})
