"""subscriptions: who is told what, where, when and how, said from the command line; such ones may go anywhere."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.audited import tell
from receiver.cli.options import FLAGS, opened, with_flags
from receiver.cli.subscribing import CHANNELS, FORMATS, LISTS, PICTURES, SAYING, TIMES, checked_by, document, parted
from receiver.cli.telling import refusing

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.assembly.subscriptions import Desk
    from receiver.translation.subscriptions import Author


# More than there may be.
MOST = 500


@click.group("subscriptions")
def subscriptions_command() -> None:
    """Say who is told what, where, when and how."""


@subscriptions_command.command("list")
@with_flags(FLAGS)
def list_subscriptions(**flags: Any) -> None:
    """List subscriptions with what waits for them."""
    with _desk(flags) as (_, desk):
        found = desk.shown.page(0, MOST, None).items
    for each in found:
        click.echo(_line(each))
    if not found:
        click.echo("There is none.")


@subscriptions_command.command("show")
@click.argument("subscription", type=int)
@with_flags(FLAGS)
def show(subscription: int, **flags: Any) -> None:
    """Show the subscription of that id: all that it says, and how it does."""
    with _desk(flags) as (_, desk):
        found = desk.shown.one(subscription)
    for line in _lines(found):
        click.echo(line)


@subscriptions_command.command("add")
@click.argument("name")
@click.option("--channel", type=click.Choice(CHANNELS), default="http", show_default=True, help="The way out.")
@click.option("--signed", is_flag=True, help="Make a secret by which what is sent is signed; it is shown once.")
@click.option("--paused", is_flag=True, help="Keep what is new for it, and send nothing yet.")
@with_flags(SAYING, FLAGS)
def add(name: str, channel: str, *, signed: bool, paused: bool, **options: Any) -> None:
    """Make a subscription called NAME."""
    from receiver.translation.subscriptions import to_subscription
    from schemas.subscriptions import NewSubscription

    said, flags = parted(options)
    wanted = document(said) | {"name": name, "channel": channel, "signed": signed}
    wanted.setdefault("target", {})
    if paused:
        wanted["state"] = "paused"
    with _desk(flags) as (house, desk):
        read = checked_by(NewSubscription, wanted)
        made = desk.subscribing.add(to_subscription(read, _author(house)), is_signed=signed)
        tell(subject=made.id)
    click.echo(f"Subscription {made.id} is made.")
    if made.secret:
        _print_secret(made.secret)


@subscriptions_command.command("change")
@click.argument("subscription", type=int)
@click.option("--name", help="What it is called.")
@with_flags(SAYING, FLAGS)
def change(subscription: int, name: str | None, **options: Any) -> None:
    """Change the subscription of that id; --target, filters and schedules take the place of the former ones as a whole."""
    from receiver.translation.subscriptions import changed
    from schemas.subscriptions import SubscriptionChange

    said, flags = parted(options)
    wanted = document(said) | ({} if name is None else {"name": name})
    with _desk(flags) as (house, desk):
        read, author = checked_by(SubscriptionChange, wanted), _author(house)
        desk.subscribing.change(subscription, lambda known: changed(known, read, author.zone), author.origin)
    click.echo(f"Subscription {subscription} is changed.")


@subscriptions_command.command("pause")
@click.argument("subscription", type=int)
@with_flags(FLAGS)
def pause(subscription: int, **flags: Any) -> None:
    """Send nothing for now; what is new is kept for it."""
    _set_state(subscription, "paused", flags)
    click.echo(f"Subscription {subscription} is paused; what is new is kept for it.")


@subscriptions_command.command("resume")
@click.argument("subscription", type=int)
@with_flags(FLAGS)
def resume(subscription: int, **flags: Any) -> None:
    """Let a paused or disabled one go on."""
    _set_state(subscription, "enabled", flags)
    click.echo(f"Subscription {subscription} goes on.")


@subscriptions_command.command("disable")
@click.argument("subscription", type=int)
@with_flags(FLAGS)
def disable(subscription: int, **flags: Any) -> None:
    """Give it nothing new, and send nothing; what waits for it stays."""
    _set_state(subscription, "disabled", flags)
    click.echo(f"Subscription {subscription} is disabled; what waits for it stays.")


@subscriptions_command.command("remove")
@click.argument("subscription", type=int)
@with_flags(FLAGS)
def remove(subscription: int, **flags: Any) -> None:
    """Remove the subscription of that id with what waits for it."""
    with _desk(flags) as (_, desk):
        desk.subscribing.remove(subscription)
    click.echo(f"Subscription {subscription} is removed.")


@subscriptions_command.command("secret")
@click.argument("subscription", type=int)
@with_flags(FLAGS)
def secret(subscription: int, **flags: Any) -> None:
    """Make another signing secret; for a day the one before holds too."""
    with _desk(flags) as (_, desk):
        made = desk.subscribing.new_secret(subscription)
    _print_secret(made.secret)
    if made.old_until is not None:
        click.echo(f"What is sent is signed with the former one too until {made.old_until:%Y-%m-%d %H:%M %Z}.")


@subscriptions_command.command("preview")
@click.argument("subscription", type=int)
@click.argument("event", type=int)
@click.option("--format", "form", type=click.Choice(FORMATS), help="Try another form.")
@click.option(
    "--template-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Try another template, in Jinja.",
)
@click.option("--pictures", type=click.Choice(PICTURES), help="Try another way of pictures.")
@with_flags(FLAGS)
def preview(
    subscription: int, event: int, form: str | None, template_file: Path | None, pictures: str | None, **flags: Any
) -> None:
    """Show what would be sent of EVENT; nothing is sent."""
    template = None if template_file is None else template_file.read_text(encoding="utf-8")
    wanted = {"event": event, "format": form, "template": template, "pictures": pictures}
    with _desk(flags) as (house, desk):
        found = desk.previewing.of(subscription, wanted, str(house.settings.timezone))
    click.echo(f"{found['content_type']}, {found['size']} bytes:")
    click.echo(found["body"])


@subscriptions_command.command("replay")
@click.argument("subscription", type=int)
@click.option("--from", "since", type=TIMES, help="Events of this time of the site or later.")
@click.option("--to", "until", type=TIMES, help="Events of this time or earlier.")
@click.option("--device", type=int, help="Events of this device.")
@click.option("--list", "list_name", type=click.Choice(LISTS), help="Events of this list.")
@click.option("--event", type=int, help="This event alone.")
@with_flags(FLAGS)
def replay(subscription: int, **options: Any) -> None:
    """Send past events once more that the subscription wants."""
    from schemas.subscriptions import Replay

    named = {"device": options.pop("device"), "list": options.pop("list_name"), "event": options.pop("event")}
    times = {"since": options.pop("since"), "until": options.pop("until")}
    wanted = {name: value for name, value in named.items() if value is not None}
    wanted |= {
        word: times[name].isoformat() for name, word in (("since", "from"), ("until", "to")) if times[name] is not None
    }
    with _desk(options) as (house, desk):
        read = checked_by(Replay, wanted)
        for name in ("since", "until"):
            read[name] = None if read[name] is None else read[name].replace(tzinfo=house.settings.timezone)
        begun = desk.repeating.replay(subscription, read, _author(house).by)
    if begun["state"] == "done":
        click.echo(f"Deliveries that are made once more: {begun['deliveries']}.")
    else:
        click.echo(f"Replay {begun['id']} is begun; the worker makes its deliveries.")


def _set_state(subscription: int, state: str, flags: dict[str, Any]) -> None:
    from receiver.translation.subscriptions import changed

    with _desk(flags) as (house, desk):
        author = _author(house)
        desk.subscribing.change(
            subscription, lambda known: changed(known, {"state": state}, author.zone), author.origin
        )


@contextmanager
def _desk(flags: dict[str, Any]) -> Iterator[tuple["House", "Desk"]]:
    from receiver.assembly.subscriptions import make_desk

    with opened(flags) as house, refusing():
        yield house, make_desk(house)
        house.doorbell.ring()


def _author(house: "House") -> "Author":
    from receiver.domain.subscriptions import Origin
    from receiver.translation.subscriptions import Author

    return Author(Origin.COMMAND, f"account {os.getuid()} (command line)", str(house.settings.timezone))


def _print_secret(text: str) -> None:
    click.echo(f"The signing secret, shown this once; the other side verifies `webhook-signature` with it:\n  {text}")


def _line(found: dict[str, Any]) -> str:
    figures = found["figures"]
    why = f" ({found['reason']})" if found["reason"] else ""
    books = f"{figures['waiting']} waiting, {figures['delivered']} delivered, {figures['dead']} dead"
    return (
        f"{found['id']:>4}  {found['name']:<20} {found['channel']:<5} {found['state']}{why}  {books}  {_place(found)}"
    )


def _place(found: dict[str, Any]) -> str:
    target = found["target"]
    return str(target.get("url") or target.get("path") or f"{target.get('host', '')} {target.get('topic', '')}").strip()


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """One as people read it."""
    yield _line(found).strip()
    figures = found.pop("figures")
    for name, value in (*found.items(), *figures.items()):
        if value not in (None, "", [], {}):
            yield f"  {name.replace('_', ' ')}: {_said(value)}"


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(each)}" for name, each in value.items() if each not in (None, "", [], {}))
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:%Y-%m-%d %H:%M:%S %Z}" if hasattr(value, "strftime") else str(value)
