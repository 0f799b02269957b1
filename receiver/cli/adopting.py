"""people identities and people adopt: whom the boxes know, and taking them over into the library."""

import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, Command, opened, with_flags

if TYPE_CHECKING:
    from receiver.bootstrap import House
    from receiver.services.adopting.adoptions import Adoptions
    from receiver.store.identities import IdentityFilter

LISTS = ("staff", "visitor", "blacklist", "vip")
STATES = ("known", "adopted", "refused")
PAGE = 500
NOTES = 50


def filter_options(command: Command) -> Command:
    """Adds the options by which identities are found."""
    options = (
        click.option("--device", help="Only this device's: id, key, licence or address."),
        click.option("--list", "list_name", type=click.Choice(LISTS), help="Only this list, as the device reports it."),
        click.option("--text", help="Only with this in the name or the id."),
    )
    return with_flags(options)(command)


@click.command("identities")
@filter_options
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--limit", default=100, show_default=True, help="At most so many.")
@with_flags(FLAGS)
def identities_command(limit: int, **options: Any) -> None:
    """List whom the devices know: id, name and list as a device has them, and whose id it is in our library."""
    from receiver.assembly.adoption import make_adoptions

    wanted, flags = _filter(options)
    with opened(flags) as house:
        page = make_adoptions(house).identities(wanted, None, min(max(limit, 1), 10_000))
    for each in page.items:
        click.echo(_line(each))
    if page.next is not None:
        click.echo("... and more; --limit shows them.")
    if not page.items:
        click.echo("None. Devices' identities are kept as events of staff, visitors ... are recognised.")


@click.command("adopt")
@filter_options
@click.option("--id", "ids", multiple=True, help="DEVICE:ID, the device by its number; several times for several.")
@click.option("--again", is_flag=True, help="Also those that were refused with the picture that they have.")
@with_flags(FLAGS)
def adopt_command(ids: tuple[str, ...], *, again: bool, **options: Any) -> None:
    """Enrol whom the devices know, with their library pictures: all, those of a filter, or those of --id.

    Each goes through the gate of enrolment. Whoever looks like somebody of the same name in the library is that one; who
    looks like somebody else is refused, and shown in the review list. A second time changes nothing. The server may run
    or not; pressed Ctrl-C, a worker goes on with it.
    """
    from receiver.domain.errors import GatehouseError

    wanted, flags = _filter(options, ids)
    with opened(flags) as house:
        try:
            _adopt(house, wanted, is_again=again)
        except GatehouseError as error:
            raise click.ClickException(error.detail) from error


def _adopt(house: "House", wanted: "IdentityFilter", *, is_again: bool) -> None:
    from receiver.assembly.adoption import make_adoptions
    from receiver.bootstrap import make_local_adopting
    from receiver.services.adopting.adopting import LEASE
    from receiver.services.adopting.adoptions import NewAdoption

    desk, adopting = make_adoptions(house), make_local_adopting(house)
    adoption_id = desk.begin(NewAdoption(wanted, f"account {os.getuid()} (command line)", is_again), lease=LEASE)
    waiting = desk.show(adoption_id)["counts"]["waiting"]
    try:
        with click.progressbar(length=max(1, waiting), label="Adopting", file=sys.stderr) as bar:
            adopting.run(adoption_id, on_settled=lambda: bar.update(1))
    except KeyboardInterrupt:
        adopting.leave(adoption_id, timedelta())
        click.echo("Stopped; a worker goes on with it, or `people adopt` again.", err=True)
    house.doorbell.ring()
    _say(desk, adoption_id, wanted)


def _say(desk: "Adoptions", adoption_id: int, wanted: "IdentityFilter") -> None:
    counts = desk.show(adoption_id)["counts"]
    for _, note in zip(range(NOTES), _refused(desk, wanted) if counts["refused"] else (), strict=False):
        click.echo(note)
    renewed = f", {counts['renewed']} with a new picture" if counts["renewed"] else ""
    left = f", {counts['waiting']} left" if counts["waiting"] else ""
    click.echo(
        f"{counts['adopted']} adopted, {counts['linked']} linked to people who are there{renewed},"
        f" {counts['unchanged']} unchanged, {counts['refused']} refused{left}."
    )


def _refused(desk: "Adoptions", wanted: "IdentityFilter") -> Iterator[str]:
    """What a person should look at."""
    from dataclasses import replace

    for each in desk.identities(replace(wanted, state="refused"), None, NOTES).items:
        yield _line(each)


def _line(each: dict[str, Any]) -> str:
    device = each["device"] or {"id": "?", "licence": "", "address": ""}
    place = f"{device['id']}:{each['external_id']}"
    whose = f"  person {each['person']['id']} {each['person']['name']}" if each["person"] else ""
    reason = f" ({each['reason']})" if each["reason"] else ""
    picture = "" if each["picture"] else "  no picture"
    return f"{place:<24} {each['list']:<9} {each['name'] or '(no name)'}  {each['state']}{reason}{whose}{picture}"


def _filter(options: dict[str, Any], ids: tuple[str, ...] = ()) -> tuple["IdentityFilter", dict[str, Any]]:
    """What is asked for, and the flags that are left."""
    from receiver.store.identities import IdentityFilter

    own = {name: options.pop(name, None) for name in ("device", "state", "list_name", "text")}
    if ids and any(own.values()):
        raise click.UsageError("--id chooses identities, so that no filter is needed beside it")
    chosen = [_key(each) for each in ids] if ids else None
    return IdentityFilter(own["device"], own["state"], own["list_name"], own["text"], chosen), options


def _key(text: str) -> tuple[int, str]:
    device, _, external_id = text.partition(":")
    if not device.isdecimal() or not external_id:
        raise click.UsageError(f"{text!r} is not DEVICE:ID; `people identities` shows them so")
    return int(device), external_id
