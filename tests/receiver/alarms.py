"""Alerts for tests: what there is of them, and rules beside the ready-made ones."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from receiver.store import announcements, rules, tables
from receiver.store.database import Row
from receiver.store.store import Store

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def alerts_of(store: Store) -> list[Row]:
    """All alerts, oldest first."""
    with store.read() as tx:
        return list(tx.execute(select(tables.alert).order_by(tables.alert.c.id)))


def announced(store: Store) -> list[tuple[str, int]]:
    """(change, alert) of all announcements in their order."""
    with store.read() as tx:
        return [(row.kind, row.alert_id) for row in announcements.after(tx, 0, 999)]


def add_rule(store: Store, trigger: str = "event", **changes: Any) -> int:
    """Another rule; its id."""
    row = {
        "name": "A rule", "trigger": trigger, "severity": "warning", "is_active": True, "conditions": {},
        "suppress_seconds": 300, "escalate_seconds": None, "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    with store.write() as tx:
        return rules.add(tx, row | changes)


def change_rule(store: Store, rule_id: int, **values: Any) -> None:
    with store.write() as tx:
        rules.change(tx, rule_id, values)


def only(store: Store, *kept: int) -> None:
    """Switches off all rules but these."""
    with store.write() as tx:
        for row in rules.listed(tx):
            rules.change(tx, row.id, {"is_active": row.id in kept})
