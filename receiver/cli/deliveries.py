"""deliveries: what was sent to whom, every try, and the dead ones once more, from the command line."""

from collections.abc import Iterator
from typing import Any

import click

from receiver.cli.options import FLAGS, load, opened, with_flags
from receiver.cli.subscribing import TIMES
from receiver.cli.telling import refusing

STATES = ("waiting", "delivered", "dead", "dropped")


@click.group("deliveries")
def deliveries_command() -> None:
    """Look at what was sent to whom, and retry what was given up."""


@deliveries_command.command("list")
@click.option("--subscription", type=int, help="Only of this subscription.")
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--device", type=int, help="Only of what this device told.")
@click.option("--event", type=int, help="Only of this event.")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
@with_flags(FLAGS)
def list_deliveries(
    subscription: int | None, state: str | None, device: int | None, event: int | None, limit: int, **flags: Any
) -> None:
    """List deliveries, newest first."""
    from receiver.services.forwarding.deliveries_shown import DeliveryList
    from receiver.store.delivery_lists import DeliveryFilter

    wanted = DeliveryFilter(
        subscription=subscription, state=state, device=device, event=event, limit=min(max(limit, 1), 500)
    )
    with opened(flags) as house:
        page = DeliveryList(house.store).page(wanted)
    for each in page.items:
        click.echo(_line(each))
    if page.next is not None:
        click.echo("... and more; --limit, --state and --subscription show them.")
    if not page.items:
        click.echo("There is none.")


@deliveries_command.command("show")
@click.argument("delivery", type=int)
@with_flags(FLAGS)
def show(delivery: int, **flags: Any) -> None:
    """Show the delivery of that id with every try."""
    from receiver.services.forwarding.deliveries_shown import DeliveryList

    with opened(flags) as house, refusing():
        found = DeliveryList(house.store).one(delivery)
    for line in _lines(found):
        click.echo(line)


@deliveries_command.command("retry")
@click.argument("ids", nargs=-1, type=int)
@click.option("--subscription", type=int, help="All dead ones of this subscription.")
@click.option("--device", type=int, help="Of what this device told.")
@click.option("--from", "since", type=TIMES, help="Made at this time of the site or later.")
@click.option("--to", "until", type=TIMES, help="Made before this time.")
@with_flags(FLAGS)
def retry(
    ids: tuple[int, ...], subscription: int | None, device: int | None, since: Any, until: Any, **flags: Any
) -> None:
    """Try dead deliveries once more: those of the IDS, or all that fit what is named."""
    from receiver.assembly.subscriptions import make_desk
    from receiver.store.deliveries import DeadFilter

    named = (subscription, device, since, until)
    if bool(ids) == any(each is not None for each in named):
        raise click.UsageError("give ids, or at least one of --subscription, --device, --from and --to")
    zone = load(flags).timezone
    times = {
        "since": None if since is None else since.replace(tzinfo=zone),
        "until": None if until is None else until.replace(tzinfo=zone),
    }
    with opened(flags) as house, refusing():
        wanted = DeadFilter(ids=list(ids) or None, subscription_id=subscription, device_id=device, **times)
        number = make_desk(house).repeating.retry(wanted)
        house.doorbell.ring()
    click.echo(f"Deliveries that are tried once more: {number}.")


def _line(found: dict[str, Any]) -> str:
    what = f"event {found['event']}" if found["event"] is not None else f"{found['topic']} {found['subject']}"
    bare = "" if found["has_pictures"] else "  without pictures"
    error = f"  {found['last_error']}" if found["last_error"] else ""
    return (
        f"{found['id']:>8}  subscription {found['subscription']:<4} {what:<14} {found['state']:<9} tries {found['tries']:<3} "
        f"{found['created_at']:%Y-%m-%d %H:%M:%S}{bare}{error}"
    )


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield _line(found).strip()
    for each in found["attempts"]:
        status = "" if each["status"] is None else f" HTTP {each['status']}"
        yield f"  {each['at']:%Y-%m-%d %H:%M:%S}  {each['seconds']:.3f} s  {each['outcome']}{status}  {each['detail']}".rstrip()
