"""Rules that open alerts: what an event must be like, at which hours, and what makes one event a repetition of another."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from receiver.domain.alerts import NewAlert, Severity, Source
from receiver.domain.errors import Invalid
from receiver.domain.events import ListName

BLACKLIST_HIT, DISAGREEMENT, SEEN = "blacklist_hit", "identity_disagreement", "person_seen"


class Trigger(StrEnum):
    """What a rule looks at: events as they are decided, or, every few seconds, how things stand."""

    EVENT = "event"
    DEVICE_SILENT = "device_silent"
    QUARANTINE_GROWING = "quarantine_growing"
    BACKLOG_GROWING = "backlog_growing"


class OnHolidays(StrEnum):
    """What a holiday is to a window."""

    AS_USUAL = "as_usual"
    NEVER = "never"
    ONLY = "only"


# Whether a day is a holiday: of (country, subdivision), by the site's calendar.
IsHoliday = Callable[[str, str, date], bool]


@dataclass(frozen=True, slots=True)
class Window:
    """Hours at which a rule holds, on the gate's clock.

    Attributes:
        days: 0 (Monday) to 6; a night belongs to the day on which it begins.
        begins: from then on.
        ends: until before then; at or before ``begins``: of the next day, so that 00:00 to 00:00 is a whole day.
    """

    days: frozenset[int] = frozenset(range(7))
    begins: time = time(0)
    ends: time = time(0)

    def day_of(self, local: datetime) -> date | None:
        """The day whose window has that moment, by the wall clock; None if it is outside."""
        clock, today = local.time().replace(tzinfo=None), local.date()
        if self.begins < self.ends:
            return today if self.begins <= clock < self.ends else None
        if clock >= self.begins:
            return today
        return today - timedelta(days=1) if clock < self.ends else None


@dataclass(frozen=True, slots=True)
class Hours:
    """When a rule holds.

    Attributes:
        zone: whose clock it goes by.
        windows: at any of these; empty: always.
        country: ISO 3166 code of whose holidays count; empty: of none.
        subdivision: the part of the country, as the calendar names it.
        dates: further days that count as holidays.
        on_holidays: what a holiday is to the rule.
    """

    zone: tzinfo
    windows: tuple[Window, ...] = ()
    country: str = ""
    subdivision: str = ""
    dates: frozenset[date] = frozenset()
    on_holidays: OnHolidays = OnHolidays.AS_USUAL

    def hold(self, moment: datetime, is_holiday: IsHoliday) -> bool:
        """Whether the rule holds at that moment, aware."""
        local = moment.astimezone(self.zone)
        days = [each.day_of(local) for each in self.windows] if self.windows else [local.date()]
        for window, day in zip(self.windows or (Window(),), days, strict=True):
            if day is not None and day.weekday() in window.days and self._suits(day, is_holiday):
                return True
        return False

    def _suits(self, day: date, is_holiday: IsHoliday) -> bool:
        if self.on_holidays is OnHolidays.AS_USUAL:
            return True
        is_one = day in self.dates or (bool(self.country) and is_holiday(self.country, self.subdivision, day))
        return is_one is (self.on_holidays is OnHolidays.ONLY)


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What a rule can ask of an event.

    Attributes:
        occurred_at: aware.
        list: what the person is to the gate; of nobody known, what the device said.
        decision: what we say of the face; None: nothing, recognition is off or has failed.
        is_blacklist_hit: the device, the face or both said so.
        second_opinion: what our reading says to the device's word; None where it did not say who it was.
        identity_id: the device's.
        device_group: of the device.
        person_groups: of the person.
        is_ignored: a poster on the wall.
    """

    event_id: int
    occurred_at: datetime
    device_id: int
    list: str
    gate_id: int | None = None
    person_id: int | None = None
    decision: str | None = None
    is_blacklist_hit: bool = False
    second_opinion: str | None = None
    identity_id: str = ""
    device_group: str = ""
    person_groups: frozenset[str] = frozenset()
    is_ignored: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a rule asks; what is empty asks nothing.

    Attributes:
        lists: of these; ``blacklist`` also has whom only the device calls so.
        decisions: what we say of the face.
        second_opinions: what our reading says to the device's word.
        devices: ids.
        gates: ids.
        device_groups: of the device.
        person_groups: of the person.
        after_seconds: how long a device must have been silent; of a backlog, how long its oldest has been due.
        count: how many items in quarantine, or due in the backlog, are too many.
        within_seconds: in which time the items came into quarantine.
    """

    lists: frozenset[str] = frozenset()
    decisions: frozenset[str] = frozenset()
    second_opinions: frozenset[str] = frozenset()
    devices: frozenset[int] = frozenset()
    gates: frozenset[int] = frozenset()
    device_groups: frozenset[str] = frozenset()
    person_groups: frozenset[str] = frozenset()
    after_seconds: int = 0
    count: int = 0
    within_seconds: int = 0

    def met_by(self, facts: EventFacts) -> bool:
        """Whether an event is what is asked for."""
        return self._is_right_person(facts) and self._is_right_place(facts)

    def _is_right_person(self, facts: EventFacts) -> bool:
        lists = {facts.list} | ({ListName.BLACKLIST.value} if facts.is_blacklist_hit else set())
        return (
            (not self.lists or not self.lists.isdisjoint(lists))
            and (not self.decisions or facts.decision in self.decisions)
            and (not self.second_opinions or facts.second_opinion in self.second_opinions)
            and (not self.person_groups or not self.person_groups.isdisjoint(facts.person_groups))
        )

    def _is_right_place(self, facts: EventFacts) -> bool:
        return (
            (not self.devices or facts.device_id in self.devices)
            and (not self.gates or facts.gate_id in self.gates)
            and (not self.device_groups or facts.device_group in self.device_groups)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """When an alert is opened, and what it is.

    Attributes:
        id: 0 for one that is only tried.
        suppress_seconds: how long after an event another one of the same person and device belongs to the same alert.
        escalate_seconds: after which somebody else is told, unless somebody has acknowledged it; None: nobody.
    """

    id: int
    name: str
    trigger: Trigger
    severity: Severity
    hours: Hours
    conditions: Conditions = field(default_factory=Conditions)
    suppress_seconds: int = 300
    escalate_seconds: int | None = None

    def is_met_by(self, facts: EventFacts, is_holiday: IsHoliday) -> bool:
        """Whether an event is to open an alert; a poster on the wall only where a device says that it is on the blacklist."""
        return (
            self.trigger is Trigger.EVENT
            and (not facts.is_ignored or facts.is_blacklist_hit)
            and self.conditions.met_by(facts)
            and self.hours.hold(facts.occurred_at, is_holiday)
        )

    def alert_of(self, facts: EventFacts) -> NewAlert:
        """The alert that such an event opens."""
        return NewAlert(
            kind=self._kind(facts),
            severity=self.severity,
            source=Source.RULE,
            started_at=facts.occurred_at,
            rule_id=self.id,
            device_id=facts.device_id,
            gate_id=facts.gate_id,
            person_id=facts.person_id,
            list=ListName.BLACKLIST.value if facts.is_blacklist_hit else facts.list,
            event_id=facts.event_id,
            key=key_of(self.id, facts),
            suppress_seconds=self.suppress_seconds,
            escalate_seconds=self.escalate_seconds,
            title=self.name,
        )

    def _kind(self, facts: EventFacts) -> str:
        if self.conditions.second_opinions:
            return DISAGREEMENT
        is_asked = not self.conditions.lists or ListName.BLACKLIST.value in self.conditions.lists
        return BLACKLIST_HIT if is_asked and facts.is_blacklist_hit else SEEN


def key_of(rule_id: int, facts: EventFacts) -> str:
    """What events must share to be one alert: the rule, the person and the device; of nobody known, the device's word and the gate."""
    if facts.person_id is not None:
        who = f"p{facts.person_id}"
    elif facts.identity_id:
        who = "i" + hashlib.sha256(facts.identity_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    else:
        who = f"g{facts.gate_id or 0}"
    return f"rule:{rule_id}:{who}:d{facts.device_id}"


def judged(rules: Iterable[Rule], facts: EventFacts, is_holiday: IsHoliday) -> list[NewAlert]:
    """The alerts that an event opens or belongs to, one for each rule that it meets."""
    return [each.alert_of(facts) for each in rules if each.is_met_by(facts, is_holiday)]


DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def window_of(days: Sequence[str], begins: str, ends: str) -> Window:
    """A window from the words of a document: ``["mon", "fri"]``, ``22:00``, ``06:00``.

    Raises:
        Invalid: ``bad_window``.
    """
    try:
        numbers = frozenset(DAY_NAMES.index(each) for each in days) or frozenset(range(7))
        # 24:00 is how people write the end of a day.
        clock = [time.fromisoformat("00:00" if each == "24:00" else each) for each in (begins, ends)]
    except ValueError as error:
        raise Invalid("bad_window", "a window has days mon to sun, and times such as 22:00") from error
    if any(each.tzinfo is not None for each in clock):
        raise Invalid("bad_window", "the times of a window have no zone of their own; the rule has one")
    return Window(numbers, *clock)


def conditions_of(document: Mapping[str, object]) -> Conditions:
    """The conditions as they are kept: lists of words and ids, and numbers."""
    values: dict[str, object] = {}
    for name in Conditions.__dataclass_fields__:
        if name in document:
            found = document[name]
            values[name] = frozenset(found) if isinstance(found, list | tuple) else found
    return Conditions(**values)  # type: ignore[arg-type]
