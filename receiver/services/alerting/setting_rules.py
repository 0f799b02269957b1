"""Rules that people make, change and try; the ready-made ones can be changed and switched off, and stay."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from receiver.domain.errors import Conflict, NotFound
from receiver.services.alerting.rule_documents import document_of, rule_of
from receiver.store import rules
from receiver.store.database import Row, Tx
from receiver.store.store import Store

RULES_LOCK = "rules"


class SettingRules:
    """What people do with rules.

    Args:
        site_zone: whose clock a rule without a zone of its own goes by.
        on_change: called after a commit; others follow within a second.
    """

    def __init__(self, store: Store, site_zone: tzinfo, on_change: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._site_zone = site_zone
        self._on_change = on_change

    def listed(self) -> list[dict[str, Any]]:
        """All rules in the order in which they were made."""
        with self._store.read() as tx:
            return [document_of(row) for row in rules.listed(tx)]

    def rule(self, rule_id: int) -> dict[str, Any]:
        """One rule.

        Raises:
            NotFound: ``no_such_rule``.
        """
        with self._store.read() as tx:
            return document_of(_found(tx, rule_id))

    def add(self, document: Mapping[str, Any], by: str) -> int:
        """Makes a rule; its id.

        Raises:
            Invalid: ``bad_rule``, ``bad_window``, ``bad_zone``, ``unknown_calendar``.
            Conflict: ``too_many_rules``.
        """
        rule_of(document, self._site_zone)
        now = datetime.now(UTC)
        with self._store.write(lock=RULES_LOCK) as tx:
            if len(rules.listed(tx)) >= rules.MOST_RULES:
                raise Conflict(
                    "too_many_rules", f"there are {rules.MOST_RULES} rules; each is weighed with every event"
                )
            rule_id = rules.add(tx, {**document, "created_at": now, "updated_at": now, "updated_by": by[:255]})
        self._on_change()
        return rule_id

    def change(self, rule_id: int, document: Mapping[str, Any], by: str) -> None:
        """Changes what the document names.

        Raises:
            NotFound: ``no_such_rule``.
            Invalid: see ``add``.
        """
        with self._store.write(lock=RULES_LOCK) as tx:
            present = document_of(_found(tx, rule_id))
            rule_of({**present, **document}, self._site_zone)
            rules.change(tx, rule_id, {**document, "updated_at": datetime.now(UTC), "updated_by": by[:255]})
        self._on_change()

    def remove(self, rule_id: int) -> None:
        """Deletes a rule; its alerts stay.

        Raises:
            NotFound: ``no_such_rule``.
            Conflict: ``ready_made``: switch it off instead.
        """
        with self._store.write(lock=RULES_LOCK) as tx:
            if _found(tx, rule_id).built_in is not None:
                raise Conflict("ready_made", "a ready-made rule stays; switch it off instead")
            rules.remove(tx, rule_id)
        self._on_change()


def _found(tx: Tx, rule_id: int) -> Row:
    row = rules.find(tx, rule_id)
    if row is None:
        raise NotFound("no_such_rule", f"there is no rule {rule_id}")
    return row
