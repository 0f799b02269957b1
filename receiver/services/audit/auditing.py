"""The audit log as the rest of the house sees it: note what was done, and list what was noted."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from receiver import metrics
from receiver.domain.addresses import owner_of
from receiver.domain.audit import TEXT_LIMIT, Actor, ActorKind, AuditRow, Deed, Outcome, detail_text
from receiver.domain.errors import GatehouseError
from receiver.services.asking.asking import Page
from receiver.services.audit import acting
from receiver.store import audit
from receiver.store.audit import AuditFilter
from receiver.store.database import Database, Row
from receiver.translation.texts import column_text

# Refusals of one address that are noted within a while; whoever knocks more often is counted, or the log would be the way in
# which a stranger fills the disk.
REFUSALS = 30
# Of all of them together: addresses cost nothing to somebody who has a network of them.
REFUSALS_IN_ALL = 600
WHILE_SECONDS = 60.0
ADDRESSES = 1000

EVERYBODY = "*"

log = structlog.get_logger("audit")


@dataclass(slots=True)
class _Knocks:
    since: float
    noted: int = 0
    passed_over: int = 0


class Damper:
    """Bounds what those who are refused can write."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._knocks: OrderedDict[str, _Knocks] = OrderedDict()
        self._lock = threading.Lock()

    def is_full(self, address: str) -> bool:
        """Whether a further refusal of this address is only counted."""
        with self._lock:
            knocks, everybody = self._of(owner_of(address)), self._of(EVERYBODY)
            if knocks.noted >= REFUSALS or everybody.noted >= REFUSALS_IN_ALL:
                knocks.passed_over += 1
                return True
            knocks.noted += 1
            everybody.noted += 1
            return False

    def passed_over(self, address: str) -> int:
        """How many were only counted since the last that was noted, and counts anew."""
        with self._lock:
            knocks = self._of(owner_of(address))
            number, knocks.passed_over = knocks.passed_over, 0
            return number

    def _of(self, address: str) -> _Knocks:
        now = self._clock()
        knocks = self._knocks.pop(address, None)
        if knocks is None or now - knocks.since > WHILE_SECONDS:
            knocks = _Knocks(now, passed_over=knocks.passed_over if knocks else 0)
        self._knocks[address] = knocks
        while len(self._knocks) > ADDRESSES:
            self._knocks.popitem(last=False)
        return knocks


class Audit:
    """Notes deeds, durably, each in a transaction of its own in a database of its own."""

    def __init__(self, database: Database, damper: Damper | None = None) -> None:
        self.database = database
        self._damper = damper or Damper()

    def note(self, action: str, **about: Any) -> None:
        """Notes that whoever is acting did something; see Deed for the names of ``about``.

        Raises:
            Unavailable: the log cannot be written just now; what cannot be noted has been logged.
        """
        self.note_deed(Deed(action, **about), acting.actor())

    def note_deed(self, deed: Deed, actor: Actor) -> None:
        """As note, of somebody who is named."""
        if _is_knocking(deed, actor):
            if self._damper.is_full(actor.address):
                return
            if more := self._damper.passed_over(actor.address):
                deed = replace(deed, detail={**(deed.detail or {}), "passed_over_before": more})
        row = _row(deed, actor)
        try:
            with self.database.write() as tx:
                audit.add(tx, row)
        except GatehouseError as error:
            metrics.AUDIT_LOST.inc()
            told = {name: getattr(row, name) for name in AuditRow.__dataclass_fields__ if name not in {"id", "at"}}
            log.exception("audit_lost", reason=error.reason, detail=error.detail, row=told)
            raise

    def listed(self, wanted: AuditFilter) -> Page:
        """Rows newest first."""
        with self.database.read() as tx:
            rows = audit.listed(tx, replace(wanted, limit=wanted.limit + 1))
        cursor = str(rows[wanted.limit - 1].id) if len(rows) > wanted.limit else None
        return Page([shown(row) for row in rows[: wanted.limit]], cursor)

    def head(self) -> dict[str, Any]:
        """The newest seal: what to write down elsewhere, to hold the log against later."""
        with self.database.read() as tx:
            found = audit.head(tx)
        return {"seal": found.number, "rows": found.position, "head": found.hash.hex()}

    def close(self) -> None:
        """Closes the log's database."""
        self.database.close()


def shown(row: Row) -> dict[str, Any]:
    """One row for people and programs."""
    return {
        "id": row.id,
        "at": row.at,
        "actor": {"kind": row.actor_kind, "id": row.actor, "address": row.address},
        "action": row.action,
        "kind": row.kind,
        "subject": row.subject,
        "outcome": row.outcome,
        "detail": orjson.loads(row.detail) if row.detail else {},
    }


def _is_knocking(deed: Deed, actor: Actor) -> bool:
    return actor.kind == ActorKind.NOBODY and deed.outcome != Outcome.OK


def _row(deed: Deed, actor: Actor) -> AuditRow:
    told = {
        "actor_kind": actor.kind,
        "actor": actor.id,
        "address": actor.address,
        "action": deed.action,
        "kind": deed.kind,
        "subject": deed.subject,
        "outcome": deed.outcome,
    }
    cut = {name: column_text(str(value), TEXT_LIMIT) for name, value in told.items()}
    return AuditRow(id=0, at=datetime.now(UTC), detail=detail_text(deed.detail), **cut)
