"""strangers: who comes often without being known, from the command line."""

from datetime import datetime, tzinfo
from typing import Any

import click

from receiver.cli.options import FLAGS, load, opened, with_flags
from receiver.cli.telling import came, refusing

DATES = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"))
MOST = 500


@click.group("strangers")
def strangers_command() -> None:
    """List strangers and show when they came; what they are to be is said with `people`."""


@strangers_command.command("list")
@click.option("--since", type=DATES, help="Seen then or later; a time of the site.")
@click.option("--until", type=DATES, help="Seen then or earlier; a time of the site.")
@click.option("--device", help="Seen by this device: id, key, licence or address.")
@click.option("--gate", help="Seen at this gate: id, key, address or name.")
@click.option("--text", help="With this in the name, an id or the note.")
@click.option("--min-visits", type=click.IntRange(0), default=0, help="Came at least so often.")
@click.option("--order", type=click.Choice(("last_seen", "visits")), default="last_seen", show_default=True)
@click.option("--limit", type=click.IntRange(1, MOST), default=50, show_default=True, help="At most so many.")
@with_flags(FLAGS)
def list_strangers(**options: Any) -> None:
    """List strangers, the latest or the most frequent first."""
    from receiver.services.asking.visiting import Visiting
    from receiver.store.strangers import StrangerFilter

    own = ("since", "until", "device", "gate", "text", "min_visits", "order", "limit")
    said = {name: options.pop(name) for name in own}
    zone = load(options).timezone
    times = {name: said[name].replace(tzinfo=zone) for name in ("since", "until") if said[name] is not None}
    with opened(options) as house:
        page = Visiting(house.store, house.visit_pause).strangers(StrangerFilter(**(said | times)))
    for each in page.items:
        ids = ", ".join(identity["external_id"] for identity in each["identities"])
        click.echo(f"{each['id']:>6}  {each['name']}{f'  ({ids})' if ids else ''}  {came(each, zone)}")
    if page.next is not None:
        click.echo("... and more; --limit shows them, the other options find fewer.")
    if not page.items:
        click.echo("None. Who is seen twice, or registered by a device, becomes one; see docs/how-to/strangers.md.")


@strangers_command.command("show")
@click.argument("stranger", type=click.IntRange(1))
@click.option("--visits", "limit", type=click.IntRange(1, 100), default=20, show_default=True, help="The latest ones.")
@with_flags(FLAGS)
def show_stranger(stranger: int, limit: int, **flags: Any) -> None:
    """Show the stranger of that id: pictures, gates and visits."""
    from receiver.services.asking.visiting import Timeline, Visiting

    with opened(flags) as house, refusing():
        visiting = Visiting(house.store, house.visit_pause)
        found = visiting.stranger(stranger)
        page = visiting.timeline(stranger, Timeline(limit=limit))
        zone = house.settings.timezone
    click.echo(f"{found['id']}  {found['name']}  ({found['state']})  {came(found, zone)}")
    for face in found["faces"]:
        click.echo(f"  face {face['id']}: {face['state']}, from {face['source']}, picture {face['picture']['digest']}")
    for place in found["seen_at"]:
        click.echo(f"  at {_named(place)}: {place['events']} times, last {_clock(place['last_seen'], zone)}")
    for visit in page.items:
        gates = ", ".join(dict.fromkeys(_named(place) for place in visit["places"]))
        end = f" to {_clock(visit['end'], zone)}" if visit["end"] != visit["start"] else ""
        click.echo(f"  visit {_clock(visit['start'], zone)}{end}  {gates}  seen {visit['events']} times")


def _clock(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _named(place: dict[str, Any]) -> str:
    """A gate as people call it, else who told of it."""
    for known in (place["gate"], place["device"]):
        if known is not None:
            return str(known["name"] or known["address"] or known["key"])
    return "an unknown gate"
