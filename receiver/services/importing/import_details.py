"""What a table says of a person beside name, id, list and note: groups, validity and fields of the site's own."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from receiver.store.database import Row

TIMES = ("valid_from", "valid_until")


def with_zone(more: Mapping[str, Any], zone: tzinfo) -> dict[str, Any]:
    """What a row says, with the times of a table, which have no zone, as the site's."""
    moments = {name: datetime.fromisoformat(more[name]).replace(tzinfo=zone) for name in TIMES if name in more}
    return {**more, **{name: moment.isoformat() for name, moment in moments.items()}}


def details_of(more: Mapping[str, Any]) -> dict[str, Any]:
    """As the library keeps it.

    Args:
        more: of a row: ``groups``, ``valid_from`` and ``valid_until`` (ISO 8601 with a zone), ``fields``.
    """
    times = {name: datetime.fromisoformat(more[name]) for name in TIMES if name in more}
    return {**times, **{name: more[name] for name in ("groups", "fields") if name in more}}


def differing(wanted: Mapping[str, Any], person: Row, groups: Sequence[str]) -> list[str]:
    """What of it the library has otherwise, by name: a group that the person is not in, another time, another field."""
    found = [name for name in ("valid_from", "valid_until") if name in wanted and wanted[name] != person._mapping[name]]
    found += ["groups"] if set(wanted.get("groups", ())) - set(groups) else []
    fields = wanted.get("fields", {})
    return found + [name for name, value in fields.items() if person.fields.get(name) != value]
