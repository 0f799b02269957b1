"""Posts like a box: only HTTP 200 is success, anything else is sent again after a pause, the same bytes each time."""

import time
from dataclasses import dataclass
from threading import Event

import orjson
import requests

from receiver.simulator.planning import Plan, Planned

OK = 200
BAD_REQUEST = 400
SERVER_TROUBLE = 500
LONGEST_PAUSE = 2.0  # seconds
REFUSALS = 3  # a box would go on for ever; a third refusal tells nothing new
REAL_TIME_TIMEOUT = 0.5  # seconds a box gives each address of its real-time events
RESULTS = ("new", "joined", "duplicate", "quarantined", "dropped")
HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Outcome:
    """What became of one message.

    Attributes:
        result: ``new``, ``duplicate``, ``quarantined``, ``dropped`` as the server said; ``joined`` for a duplicate that became one
            with the real-time event of its passage; ``unreadable`` if its 200 said none of these; empty without a 200.
        refused: attempts answered 400.
        interrupted: attempts without an answer, or with a 5xx: what the server did with them is not known.
        attempts: how often it was posted.
        latency: milliseconds of the attempt that was answered 200.
        was_announced: whether the real-time event before it was answered 200; None if there was none.
    """

    planned: Planned
    result: str = ""
    refused: int = 0
    interrupted: int = 0
    attempts: int = 0
    latency: float = 0.0
    was_announced: bool | None = None

    @property
    def is_acknowledged(self) -> bool:
        return bool(self.result)

    @property
    def is_as_expected(self) -> bool:
        """Lost answers leave two ways open: what was interrupted may be known, what was announced may be new."""
        wanted = self.planned.expected
        right = {wanted}
        if self.interrupted and wanted in ("new", "joined"):
            right.add("duplicate")
        if self.was_announced is False:
            right.add("new")
        return self.result in right and self._is_refused_as_expected

    @property
    def _is_refused_as_expected(self) -> bool:
        is_cut = self.planned.corruption is not None and self.planned.corruption.is_refused_first
        return self.refused == int(is_cut) or (is_cut and bool(self.interrupted) and self.refused == 0)


class Connection:
    """One keep-alive connection of the gate."""

    def __init__(self, plan: Plan, stopping: Event) -> None:
        self._plan = plan
        self._options = plan.options
        self._stopping = stopping
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the desktop is no business of a gate

    def close(self) -> None:
        self._session.close()

    def post(self, planned: Planned) -> Outcome:
        """Sends the message until it is acknowledged or there is no point in going on."""
        was_announced = self._announce(planned) if planned.is_announced else None
        body = self._plan.body(planned)
        refused = interrupted = failures = 0
        while True:
            status, result, latency = self._attempt(body)
            attempts = failures + 1
            if status == OK:
                return Outcome(planned, result, refused, interrupted, attempts, latency, was_announced)
            failures += 1
            refused += status == BAD_REQUEST
            interrupted += status == 0 or status >= SERVER_TROUBLE
            if failures >= self._options.attempts or failures - interrupted >= REFUSALS or self._rest(failures):
                return Outcome(planned, "", refused, interrupted, attempts, 0.0, was_announced)

    def _rest(self, failures: int) -> bool:
        """Waits before the next attempt; true if the run is being stopped."""
        return self._stopping.wait(min(LONGEST_PAUSE, self._options.pause * 2.0 ** min(failures - 1, 10)))

    def _attempt(self, body: bytes) -> tuple[int, str, float]:
        """Status (0: no answer), what the server says it did, milliseconds."""
        started = time.perf_counter()
        try:
            answer = self._session.post(
                self._options.history_url, data=body, headers=HEADERS, timeout=self._options.timeout
            )
        except requests.RequestException:
            return 0, "", 0.0
        latency = (time.perf_counter() - started) * 1000
        return answer.status_code, _result(answer.content) if answer.status_code == OK else "", latency

    def _announce(self, planned: Planned) -> bool:
        """The real-time event is sent once and forgotten, whatever comes back."""
        body = self._plan.real_time_body(planned)
        try:
            answer = self._session.post(
                self._options.real_time_url, data=body, headers=HEADERS, timeout=REAL_TIME_TIMEOUT
            )
        except requests.RequestException:
            return False
        return answer.status_code == OK


def _result(content: bytes) -> str:
    """The one item's result; a box would not even look."""
    try:
        item = orjson.loads(content)["data"]["items"][0]
        result = "joined" if item.get("reason") == "same_passage" else item["result"]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError, AttributeError):
        return "unreadable"
    return result if result in RESULTS else "unreadable"
