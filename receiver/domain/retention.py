"""How long what is kept: days by list and kind, the stricter of two rules where both speak of an event."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

EVENTS, SCENES, FACES, EMBEDDINGS, STRANGERS, REAL_TIME, REVIEWS, IDENTITIES, ALERTS, FRAMES, QUARANTINE = (
    "events",
    "scenes",
    "faces",
    "embeddings",
    "strangers",
    "real_time",
    "reviews",
    "identities",
    "alerts",
    "frames",
    "quarantine",
)
# What is taken off events, the whole event first: nothing more is to be taken off one that is gone.
EVENT_KINDS = (EVENTS, SCENES, FACES, EMBEDDINGS)


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules as (list or empty, kind, days); a rule with a list goes before the one without."""

    rules: tuple[tuple[str, str, int], ...]

    def days(self, kind: str, list_name: str = "", *, is_real_time: bool = False) -> int | None:
        """Whole days to keep, 1 or more; None: for good."""
        found = {(rule_list, rule_kind): days for rule_list, rule_kind, days in self.rules}

        def of(wanted: str) -> int | None:
            return found.get((list_name, wanted), found.get(("", wanted)))

        days = [of(kind), of(REAL_TIME) if is_real_time and kind == EVENTS else None]
        return min((each for each in days if each is not None), default=None)

    def shortest(self, kind: str) -> int | None:
        """The fewest days that any rule of the kind asks for; None where none does."""
        kinds: Iterable[str] = (EVENTS, REAL_TIME) if kind == EVENTS else (kind,)
        return min((days for _, rule_kind, days in self.rules if rule_kind in kinds), default=None)

    def is_due(self, kind: str, list_name: str, received_at: datetime, now: datetime, *, is_real_time: bool) -> bool:
        """Whether what was received then is to go now; both times aware."""
        days = self.days(kind, list_name, is_real_time=is_real_time)
        return days is not None and received_at < now - timedelta(days=days)

    def text(self) -> str:
        """As they are written in the settings, in one order."""
        return ", ".join(
            f"{name}.{kind}={days}" if name else f"{kind}={days}" for name, kind, days in sorted(self.rules)
        )


# A clock that was set forward would have everything thrown away: a longer step than this is not believed for a day.
JUMP = timedelta(days=1)
# Clocks are set back by seconds all the time.
BACK = timedelta(hours=1)
PATIENCE = timedelta(days=1)


def steady_since(now: datetime, looked_at: datetime, since: datetime) -> datetime:
    """Since when the clock has gone on without a jump; all times aware."""
    return now if now - looked_at > JUMP or looked_at - now > BACK else since


def may_run(now: datetime, since: datetime) -> bool:
    """Whether the clock has gone on without a jump for long enough to trust it with deleting."""
    return now - since >= PATIENCE
