"""Frames of vehicles, many with one commit: what the views of ``server_api`` do with them, without Flask."""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from receiver.domain.errors import GatehouseError, Unavailable
from receiver.services.vehicles.registering import Vehicles
from receiver.services.vehicles.reporting import Picture, Reporting, frame_id_of
from receiver.translation import server_api as words
from receiver.web.arrivals import Arrival
from receiver.web.calling import Answer
from receiver.web.compat._server_api_refusals import told
from receiver.web.problems import RETRY_SECONDS, STATUS
from schemas import server_api as wire
from schemas.server_api import Fields, Refused

# The address of each kind of frame: what the frame is of, and the name of its id in the answer.
LOG_PATH, SAFE_PATH = "/api/v1/log/", "/api/v1/safe/"
FRAME_PATHS = {LOG_PATH: ("alert_id", "frame_id"), SAFE_PATH: ("truck_id", "safeframe_id")}
HEADERS = (
    (b"content-type", b"application/json"),
    (b"access-control-allow-origin", b"*"),
    (b"cache-control", b"no-store"),
)


class FrameRounds:
    """Answers many frames with one commit, for the front's line.

    It says what the views say, also where it refuses a frame: twice in the line and in its view would be twice the work, and
    a frame of which nobody knows whether it was kept may have been. Frames of pages of other sites, of vehicles that nobody
    trusts, and what orjson cannot read are left to the views.

    Args:
        zone: in which vehicles tell the time.
    """

    def __init__(self, vehicles: Vehicles, reporting: Reporting, zone: ZoneInfo) -> None:
        self._vehicles = vehicles
        self._reporting = reporting
        self._zone = zone

    def answers(self, arrivals: Sequence[Arrival]) -> list[Answer | None]:
        """The answers, in their order; None for what the view is to answer."""
        begun = [self._begin(arrival) for arrival in arrivals]
        self._reporting.flush_frames()
        return [
            _answer(arrival.path, each) if isinstance(each, Future) else each
            for arrival, each in zip(arrivals, begun, strict=True)
        ]

    def _begin(self, arrival: Arrival) -> "Future[int] | Answer | None":
        if arrival.header(b"origin"):
            return None
        owner = FRAME_PATHS[arrival.path][0]
        try:
            fields = frame_of(orjson.loads(arrival.file.read()), owner)
            vehicle = self._vehicles.by_token(fields.text("token"), arrival.peer)
            if not vehicle.is_trusted:
                return None  # what is kept of those is counted first, and here it would hold up all others
            picture, owner_id = picture_of(fields, self._zone), fields.whole(owner)
            begin = self._reporting.begin_frame if owner == "alert_id" else self._reporting.begin_calm
            return begin(vehicle, owner_id, picture)
        except Exception as error:  # noqa: BLE001 - one frame's trouble is not the others'
            return _refusal(error)


def frame_of(document: object, owner: str) -> Fields:
    """The fields of a frame, of which all that it needs are there.

    Raises:
        Refused: ``no_data``, ``missing_field``, ``empty_field``.
    """
    return wire.message(document, "token", owner, "frame_timestamp", "frame")


def picture_of(fields: Fields, zone: ZoneInfo) -> Picture:
    """The picture of a frame.

    Raises:
        Refused: ``bad_time``, ``bad_base64``, ``not_a_picture``, ``bad_number``.
    """
    return Picture(
        fields.picture(), words.to_utc(fields.moment("frame_timestamp"), zone), fields.whole("frame_index", 0)
    )


def frame_data(path: str, frame_id: int) -> dict[str, int]:
    """What the answer to a frame says: its id, by both of the names that clients read."""
    return {"id": frame_id, FRAME_PATHS[path][1]: frame_id}


def _answer(path: str, future: "Future[int]") -> Answer | None:
    try:
        return _written(200, data=frame_data(path, frame_id_of(future)))
    except Exception as error:  # noqa: BLE001 - as above
        return _refusal(error)


def _refusal(error: Exception) -> Answer | None:
    """None for what nobody foresaw: the view meets it again, and says it."""
    if not isinstance(error, GatehouseError | Refused):
        return None
    status, sentence = told(error)
    return _written(status, error=sentence)


def _written(status: int, **more: Any) -> Answer:
    document = orjson.dumps(wire.envelope(status, **more))
    headers = [*HEADERS, (b"content-length", b"%d" % len(document))]
    if status == STATUS[Unavailable]:
        headers.append((b"retry-after", RETRY_SECONDS.encode()))
    return status, headers, document
