"""Decides before the start which messages a run posts, and builds each one's bytes only when its turn comes."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import cycle
from random import Random

import orjson

from receiver.simulator.corruption import Corruption, corrupted
from receiver.simulator.devices import SimulatedDevice
from receiver.simulator.messages import (
    NEW_STRANGER,
    Event,
    Passage,
    history_event,
    real_time_event,
)
from receiver.simulator.options import SimulationOptions
from receiver.simulator.photographs import Subject, picture_text
from schemas.sophon_writing import STRANGER

LIBRARY_UPDATE = "1002"
MS = 1000
SEEDED_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Planned:
    """One message to come.

    Attributes:
        turn: 0-based place in the run; decides the time of its passage.
        repeats: the turn of the message that is sent again, or None.
        is_announced: whether the real-time event of the same passage goes first.
    """

    turn: int
    repeats: int | None = None
    corruption: Corruption | None = None
    is_announced: bool = False

    @property
    def expected(self) -> str:
        """What a right server answers: new, joined (to its real-time event), duplicate or quarantined."""
        if self.repeats is not None:
            return "duplicate"
        if self.is_announced:
            return "joined"
        return "quarantined" if self.corruption and self.corruption.is_quarantined else "new"


@dataclass(frozen=True)
class Plan:
    """A whole run: the same options, people, seed and start give the same bytes."""

    options: SimulationOptions
    subjects: tuple[Subject, ...]
    seed: int
    start: datetime

    @cached_property
    def messages(self) -> tuple[Planned, ...]:
        """In order of their turns; turn ``i`` belongs to connection ``i % connections``, which keeps its order."""
        chance = _chance(self.seed, "plan")
        broken = self._corrupt_turns(chance)
        repeated = self._repeated_turns(chance, broken)
        sound = [turn for turn in range(self.options.count) if turn not in broken and turn not in repeated]
        announced = set(chance.sample(sound, round(len(sound) * self.options.real_time)))
        return tuple(
            Planned(turn, repeated.get(turn), broken.get(turn), turn in announced)
            for turn in range(self.options.count)
        )  # fmt: skip

    def body(self, planned: Planned) -> bytes:
        """The bytes of a message; a repeated one's are those of the first time."""
        turn = planned.turn if planned.repeats is None else planned.repeats
        message = self._history_event(turn)
        return corrupted(message, planned.corruption) if planned.corruption else orjson.dumps(message)

    def real_time_body(self, planned: Planned) -> bytes:
        return orjson.dumps(real_time_event(self._passage(planned.turn)))

    def _corrupt_turns(self, chance: Random) -> dict[int, Corruption]:
        number = round(self.options.count * self.options.corrupt)
        return dict(zip(sorted(chance.sample(range(self.options.count), number)), cycle(Corruption), strict=False))

    def _repeated_turns(self, chance: Random, broken: dict[int, Corruption]) -> dict[int, int]:
        """Which turn repeats which: always one of the same connection, which has been acknowledged by then."""
        lanes = self.options.connections
        first: dict[int, int] = {}
        for turn in range(self.options.count):
            if turn not in broken:
                first.setdefault(turn % lanes, turn)
        free = [turn for turn in range(self.options.count) if turn not in broken and turn > first[turn % lanes]]
        number = min(round(self.options.count * self.options.duplicates), len(free))
        chosen = set(chance.sample(free, number))
        originals: dict[int, list[int]] = {}
        repeats = {}
        for turn in range(self.options.count):
            if turn in chosen:
                repeats[turn] = chance.choice(originals[turn % lanes])
            elif turn not in broken:
                originals.setdefault(turn % lanes, []).append(turn)
        return repeats

    def _history_event(self, turn: int) -> Event:
        return history_event(self._passage(turn), self._generation(turn))

    def _generation(self, turn: int) -> str:
        if self.options.generation != "mixed":
            return self.options.generation
        return _chance(self.seed, f"generation {turn}").choice("abc")

    def _passage(self, turn: int) -> Passage:
        chance = _chance(self.seed, f"passage {turn}")
        subject = chance.choice(self.subjects)
        picture = picture_text(chance.choice(subject.pictures))
        is_stranger = self.options.sent_person_type == STRANGER
        return Passage(
            device=SimulatedDevice(turn % self.options.devices),
            identity_id=self._identity_id(subject, turn),
            identity_name="stranger" if is_stranger else subject.name,
            person_type=self.options.sent_person_type,
            want_action=self.options.want_action,
            timestamp=self._timestamp(turn),
            similarity=chance.uniform(0.05, 0.3) if is_stranger else chance.uniform(0.62, 0.95),
            picture=picture,
            library_picture=self._library_picture(subject, picture),
            traits=uuid.uuid5(uuid.NAMESPACE_OID, subject.key).int,
        )

    def _identity_id(self, subject: Subject, turn: int) -> str:
        """The folder's name; a filed stranger has a lasting UUID, one that was not filed the time of the passage."""
        if self.options.sent_person_type != STRANGER:
            return self.options.identity_prefix + subject.key
        if self.options.want_action == NEW_STRANGER or self._generation(turn) != "b":
            return self.options.identity_prefix + str(uuid.uuid5(uuid.NAMESPACE_URL, subject.key))
        seconds, rest = divmod(self._timestamp(turn), MS)
        return f"{seconds}.{rest:03d}"

    def _library_picture(self, subject: Subject, picture: str) -> str:
        """Strangers have none; when the box has replaced its library picture, the new one is what it just saw."""
        if self.options.sent_person_type == STRANGER:
            return ""
        return picture if self.options.want_action == LIBRARY_UPDATE else picture_text(subject.pictures[0])

    def _timestamp(self, turn: int) -> int:
        step = max(1, round(MS / self.options.rate)) if self.options.rate else 1
        return int(self.start.timestamp() * MS) + turn * step


def make_plan(options: SimulationOptions, subjects: tuple[Subject, ...]) -> Plan:
    """Draws a seed and takes the time where none is given."""
    if options.seed is None:
        return Plan(options, subjects, secrets.randbelow(2**31), options.start or datetime.now(UTC))
    return Plan(options, subjects, options.seed, options.start or _start_of(options.seed))


def _start_of(seed: int) -> datetime:
    """A clock would make every run with one seed a different one; one moment for all seeds would make duplicates."""
    return SEEDED_YEAR + timedelta(milliseconds=_chance(seed, "start").randrange(365 * DAY_MS))


def _chance(seed: int, what: str) -> Random:
    return Random(f"{seed} {what}")  # noqa: S311  not a secret: it has to be the same again
