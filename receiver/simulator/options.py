"""What a simulated gate is told to do, checked before the first message leaves."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from receiver.domain.errors import Invalid, SetupError

GENERATIONS = ("a", "b", "c", "mixed")
WANT_ACTIONS = ("0", "1001", "1002")
STAFF, STRANGER = 1, 4


@dataclass(frozen=True)
class SimulationOptions:
    """One run of the simulator.

    Attributes:
        url: the server; without a path events go to ``/HistoryEvent``.
        folder: one sub-folder a person, or a flat folder in which every file is a person.
        rate: messages per second over all connections; 0 is as fast as the server answers.
        count: messages in all, duplicates and corrupt ones included; real-time events come on top.
        person_type: 1..5; None is 4 (stranger) for want_action 1001, else 1 (staff).
        duplicates: fraction (0..1) of the messages that repeat an earlier one byte for byte.
        corrupt: fraction (0..1) of the messages that are broken, one kind after the other.
        real_time: fraction (0..1) of the passages that are reported as real-time event first.
        seed: with a seed the same options give the same bytes; None is drawn anew.
        start: time of the first passage; None is now, or if there is a seed a moment of 2025 that belongs to it.
        identity_prefix: stands before every identity id, so that two runs can use different people.
        timeout: seconds one attempt may take.
        attempts: how often one message is tried before it counts as failed.
        pause: seconds before the first further attempt; grows up to two seconds.
    """

    url: str
    folder: Path
    rate: float = 0.0
    count: int = 100
    generation: str = "a"
    want_action: str = "0"
    person_type: int | None = None
    duplicates: float = 0.0
    corrupt: float = 0.0
    real_time: float = 0.0
    seed: int | None = None
    start: datetime | None = None
    connections: int = 4
    devices: int = 1
    identity_prefix: str = ""
    timeout: float = 30.0
    attempts: int = 20
    pause: float = 0.1

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise SetupError("bad_url", f"'{self.url}' is no http address; say for example http://127.0.0.1:9528.")
        self._check_choices()
        self._check_numbers()

    def _check_choices(self) -> None:
        if self.generation not in GENERATIONS:
            raise Invalid("bad_generation", f"The generation is one of {', '.join(GENERATIONS)}.")
        if self.want_action not in WANT_ACTIONS:
            raise Invalid("bad_want_action", f"want_action is one of {', '.join(WANT_ACTIONS)}.")
        if self.person_type is not None and self.person_type not in range(1, 6):
            raise Invalid("bad_person_type", "person_type is 1 staff, 2 visitor, 3 blacklist, 4 stranger or 5 VIP.")

    def _check_numbers(self) -> None:
        if min(self.count, self.connections, self.devices, self.attempts) < 1:
            raise Invalid("too_small", "Count, connections, devices and attempts are 1 or more.")
        if self.rate < 0 or self.timeout <= 0 or self.pause < 0:
            raise Invalid("too_small", "Rate and pause are 0 or more, the timeout is more than 0.")
        if not all(0 <= part <= 1 for part in (self.duplicates, self.corrupt, self.real_time)):
            raise Invalid("bad_fraction", "A fraction is between 0 and 1 (or 0% and 100%).")
        if self.duplicates + self.corrupt > 1:
            raise Invalid("bad_fraction", "Duplicates and corrupt messages together are at most all messages.")

    @property
    def sent_person_type(self) -> int:
        """What the messages say, 1..5."""
        if self.person_type is not None:
            return self.person_type
        return STRANGER if self.want_action == "1001" else STAFF

    @property
    def history_url(self) -> str:
        return self._with_path("HistoryEvent") if urlsplit(self.url).path in ("", "/") else self.url

    @property
    def real_time_url(self) -> str:
        return self._with_path("RealTimeEvent")

    def _with_path(self, name: str) -> str:
        parts = urlsplit(self.url)
        folder = parts.path.rpartition("/")[0]
        return urlunsplit(parts._replace(path=f"{folder}/{name}"))


def read_fraction(text: str) -> float:
    """``10%`` or ``0.1`` as 0.1; raises Invalid (``bad_fraction``) for anything outside 0..1."""
    bare = text.strip()
    try:
        value = float(bare[:-1]) / 100 if bare.endswith("%") else float(bare)
    except ValueError:
        raise Invalid("bad_fraction", f"'{text}' is no fraction; write 10% or 0.1.") from None
    if not 0 <= value <= 1:
        raise Invalid("bad_fraction", f"'{text}' is not between 0% and 100%; ten in a hundred is 10% or 0.1.")
    return value
