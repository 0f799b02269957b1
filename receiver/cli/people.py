"""people: the library from the command line."""

import os
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from typing import Any

import click

from receiver.cli.adopting import adopt_command, identities_command
from receiver.cli.audited import tell
from receiver.cli.bundling import export_library_command, import_library_command
from receiver.cli.calibrating import calibrate_command
from receiver.cli.checking_library import check_library_command
from receiver.cli.correcting import (
    corrections_command,
    ignore_command,
    merge_command,
    promote_command,
    split_command,
    undo_command,
)
from receiver.cli.erasing import erase_command, export_command
from receiver.cli.faces import face_command, override_option
from receiver.cli.importing import import_command
from receiver.cli.options import FLAGS, Command, load, opened, with_flags
from receiver.cli.re_embedding import re_embed_command
from receiver.cli.telling import came, describe, enrolling, refusing

LISTS = ("staff", "visitor", "blacklist", "stranger", "vip")
list_option = click.option(
    "--list",
    "list_name",
    type=click.Choice(LISTS),
    default="staff",
    show_default=True,
    help="What they are to the gate.",
)

ABOUT = ("valid_from", "valid_until", "groups")
DATES = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"))


def about_options(command: Command) -> Command:
    """Adds the options of ABOUT."""
    options = (
        click.option("--valid-from", type=DATES, help="From then on; a time of the site."),
        click.option("--valid-until", type=DATES, help="Up to then; a time of the site."),
        click.option("--group", "groups", multiple=True, help="A group the person is in; several times for several."),
    )
    return with_flags(options)(command)


@click.group("people")
def people_command() -> None:
    """Enrol people and list them; move the library to another model."""
    # Whoever enrols compares with everybody: one search thread is faster than several on shared cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


people_command.add_command(adopt_command)
people_command.add_command(calibrate_command)
people_command.add_command(check_library_command)
people_command.add_command(corrections_command)
people_command.add_command(erase_command)
people_command.add_command(export_command)
people_command.add_command(export_library_command)
people_command.add_command(face_command)
people_command.add_command(identities_command)
people_command.add_command(ignore_command)
people_command.add_command(import_command)
people_command.add_command(import_library_command)
people_command.add_command(merge_command)
people_command.add_command(promote_command)
people_command.add_command(re_embed_command)
people_command.add_command(split_command)
people_command.add_command(undo_command)


@people_command.command("add")
@click.argument("name")
@click.argument("pictures", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@list_option
@click.option("--external-id", default="", help="The id that devices know the person by.")
@click.option("--note", default="", help="Whatever people should know.")
@about_options
@override_option
@with_flags(FLAGS)
def add(name: str, pictures: tuple[Path, ...], *, override: bool, **options: Any) -> None:
    """Enrol NAME with PICTURES."""
    from receiver.services.people.people import NewPerson

    list_name, external_id, note = (options.pop(each) for each in ("list_name", "external_id", "note"))
    more, flags = _about(options)
    with enrolling(flags) as library, refusing([path.name for path in pictures]):
        data = [path.read_bytes() for path in pictures]
        new = NewPerson(name, list_name, external_id, note, data, is_insisted=override, more=more)
        person_id, looked = library.add(new)
        tell(subject=person_id, override=override)
    click.echo(f"{name} is enrolled as person {person_id}.")
    for path, found in zip(pictures, looked, strict=True):
        click.echo(f"  {path.name}: {describe(found)}")


@people_command.command("change")
@click.argument("person", type=int)
@click.option("--name", help="Another name.")
@click.option("--list", "list_name", type=click.Choice(LISTS), help="What they are to the gate.")
@click.option("--external-id", help="The id that every device knows the person by; empty takes it away.")
@click.option("--note", help="Whatever people should know.")
@click.option("--state", type=click.Choice(("active", "set_aside")), help="set_aside: left; decisions say so.")
@about_options
@with_flags(FLAGS)
def change(person: int, **options: Any) -> None:
    """Change what is known of the person of that id; what is not named stays."""
    from receiver.bootstrap import make_decider, make_gate, make_people

    options["list"] = options.pop("list_name")
    own = {name: options.pop(name) for name in ("name", "list", "external_id", "note", "state")}
    more, flags = _about(options)
    values = {name: value for name, value in own.items() if value is not None} | more
    if not values:
        raise click.UsageError("nothing was named that is to change")
    with opened(flags) as house, refusing():
        make_people(house, _sees_nothing, make_gate(house, make_decider(house))).change(person, values)
    click.echo(f"Person {person} is changed: {', '.join(values)}.")


@people_command.command("show")
@click.argument("person", type=int)
@with_flags(FLAGS)
def show(person: int, **flags: Any) -> None:
    """Show the person of that id with all faces."""
    from receiver.services.asking.asking import Asking

    with opened(flags) as house, refusing():
        found = Asking(house.store, house.visit_pause).person(person)
    for line in _lines(found, house.settings.timezone):
        click.echo(line)


@people_command.command("list")
@click.option("--list", "list_name", type=click.Choice(LISTS), help="Only this list.")
@click.option("--limit", default=100, show_default=True, help="At most so many.")
@with_flags(FLAGS)
def list_people(list_name: str | None, limit: int, **flags: Any) -> None:
    """List people, newest first."""
    from receiver.services.asking.asking import Asking

    with opened(flags) as house:
        page = Asking(house.store, house.visit_pause).people([list_name] if list_name else None, None, None, limit)
    for person in page.items:
        ids = ", ".join(each["external_id"] for each in person["identities"])
        click.echo(
            f"{person['id']:>6}  {person['list']:<9}  {person['name']}{f'  ({ids})' if ids else ''}  {came(person, house.settings.timezone)}"
        )
    if not page.items:
        click.echo("Nobody yet. `people add NAME PICTURE...` enrols somebody.")


def _about(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was said of a person, and the flags that are left; times without a zone are the site's."""
    flags = {name: value for name, value in options.items() if name not in ABOUT}
    zone = load(flags).timezone
    said: dict[str, Any] = {}
    for name in ("valid_from", "valid_until"):
        if options[name] is not None:
            said[name] = options[name].replace(tzinfo=zone)
    if options["groups"]:
        said["groups"] = [each for each in options["groups"] if each]
    return said, flags


def _sees_nothing(_data: bytes) -> list[Any]:
    return []


def _lines(person: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    """A person as people read it."""
    yield f"{person['id']}  {person['name']}  ({person['list']}, {person['state']})"
    if person["merged_into"]:
        yield f"  is person {person['merged_into']} by now"
    ids = [_scoped(each) for each in person["identities"]]
    facts = {
        "ids": ", ".join(ids),
        "groups": ", ".join(person["groups"]),
        "valid from": person["valid_from"],
        "valid until": person["valid_until"],
        "note": person["note"],
        **person["fields"],
        "seen": came(person, zone),
    }
    yield from (f"  {name}: {fact}" for name, fact in facts.items() if fact not in {None, ""})
    for face in person["faces"]:
        insisted = f", insisted on in spite of {', '.join(face['insisted'])}" if face["insisted"] else ""
        yield f"  face {face['id']}: {face['state']}, from {face['source']} at {face['created_at']:%Y-%m-%d}{insisted}"


def _scoped(identity: dict[str, Any]) -> str:
    if identity["device"]:
        return f"{identity['external_id']} (device {identity['device']})"
    group = identity["device_group"]
    return f"{identity['external_id']} (group {group})" if group else str(identity["external_id"])
