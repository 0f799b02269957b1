"""What the commands of the library have in common: opening it, and telling what it found or refused."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import opened

if TYPE_CHECKING:
    from receiver.services.people.people import People


@contextmanager
def enrolling(flags: dict[str, Any]) -> Iterator["People"]:
    """The library of these settings, with the engine in this process."""
    from receiver import bootstrap

    with opened(flags) as house:
        yield bootstrap.make_local_people(house)
        house.doorbell.ring()


@contextmanager
def refusing(names: Sequence[str] = ()) -> Iterator[None]:
    """Ends the command with a sentence, and one for each picture, if the library refuses; ``names`` are the pictures'."""
    from receiver.domain.errors import GatehouseError

    try:
        yield
    except GatehouseError as error:
        pictures = getattr(error, "pictures", [])
        shown = zip(names or [""] * len(pictures), pictures, strict=False)
        lines = [error.detail, *(f"  {name}: {describe(found)}".replace("  : ", "  ") for name, found in shown)]
        raise click.ClickException("\n".join(lines)) from error


def came(person: Mapping[str, Any], zone: tzinfo) -> str:
    """How often somebody was seen, and when last, by the clock of the site."""
    if not person["events"]:
        return "never seen"
    visits, events = (f"{person[name]} {name if person[name] != 1 else name[:-1]}" for name in ("visits", "events"))
    return f"{visits} ({events}), last {person['last_seen'].astimezone(zone):%Y-%m-%d %H:%M}"


def describe(found: Mapping[str, Any]) -> str:
    """One picture's finding as a sentence."""
    told = [describe_finding(each) for each in found["findings"]]
    if found["reason"] == "already_there":
        return "there already"
    if found["reason"]:
        why = found.get("detail") or "; ".join(told)
        return f"not used, {found['reason']}" + (f" ({why})" if why else "")
    return "used" + (f", but {'; '.join(told)}" if told else "")


def describe_finding(finding: Mapping[str, Any]) -> str:
    """What speaks against a face: the word, and of whom it speaks."""
    if finding["measure"] != "distance":
        return str(finding["reason"])
    person = finding["person"]
    of_whom = f" of {person['name']} (person {person['id']})" if person else ""
    return f"{finding['reason']}{of_whom}, {finding['level']}: distance {finding['value']}, limit {finding['limit']}"
