"""devices: who may speak, said from the command line; the server may run or not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.audited import tell
from receiver.cli.options import FLAGS, opened, with_flags

if TYPE_CHECKING:
    from receiver.bootstrap import House
    from receiver.services.devices.trusting import Trusting

ADDRESS = "From where it may speak: an address, a CIDR like 10.0.0.0/24, or any."
HUB = "It vouches for the devices in its messages: another Gatehouse that passes events on."
PAGE = 500
WHY = {
    "unknown": "nobody has trusted it",
    "other_address": "its licence is trusted, but at another address",
    "no_key": "it shows no key",
    "wrong_key": "it shows a key that is none of ours",
}


@click.group("devices")
def devices_command() -> None:
    """Say which devices are believed, from where, and by which key."""


@devices_command.command("list")
@click.option("--state", type=click.Choice(["pending", "trusted", "blocked"]), help="Only these.")
@with_flags(FLAGS)
def list_devices(state: str | None, **flags: Any) -> None:
    """List devices, and what waits for each of them to be trusted."""
    is_any = False
    with opened(flags) as house:
        for row in _every(house, state):
            is_any = True
            click.echo(_line(row))
    if not is_any:
        click.echo("There is none." if state is None else f"None is {state}.")


@devices_command.command("trust")
@click.argument("device_id", type=int)
@click.option("--address", help=ADDRESS)
@click.option("--hub", is_flag=True, default=None, help=HUB)
@with_flags(FLAGS)
def trust_device(device_id: int, *, address: str | None, hub: bool | None, **flags: Any) -> None:
    """Trust DEVICE_ID from now on; the worker then processes what it sent lately.

    Without --address, at the address where it was before, or else from which it last spoke.
    """
    from receiver.domain.trust import Mode, State
    from receiver.services.devices.trusting import Change

    with _trusting(flags) as (house, trusting):
        trusting.change(device_id, Change(state=State.TRUSTED, bound=address, is_hub=hub, by=_by()))
        row = _shown(house, device_id)
        click.echo(f"Device {device_id} ({row['key']}) is trusted at {row['bound']}.")
        if row["kept"]["waiting"]:
            click.echo(f"The worker now processes what it sent before (events: {row['kept']['waiting']}).")
        if house.settings.device_trust == Mode.SECRET and row["known_by"] == "address":
            click.echo(f"GATEHOUSE_DEVICE_TRUST is secret: it also needs a key, see `devices key {device_id}`.")


@devices_command.command("block")
@click.argument("device_id", type=int)
@with_flags(FLAGS)
def block_device(device_id: int, **flags: Any) -> None:
    """Block DEVICE_ID: what it sends is acknowledged and dropped."""
    from receiver.domain.trust import State
    from receiver.services.devices.trusting import Change

    with _trusting(flags) as (house, trusting):
        trusting.change(device_id, Change(state=State.BLOCKED, by=_by()))
        click.echo(f"Device {device_id} ({_shown(house, device_id)['key']}) is blocked.")


@devices_command.command("key")
@click.argument("device_id", type=int)
@click.option("--remove", is_flag=True, help="Take its key, certificate or signing secret away instead.")
@click.option("--certificate", help="Know it by this name in its client certificate instead.")
@with_flags(FLAGS)
def key_of_device(device_id: int, *, remove: bool, certificate: str | None, **flags: Any) -> None:
    """Make a key for DEVICE_ID, in the place of an earlier one; it is shown once. From then on it must be shown by the device."""
    from receiver.services.devices.trusting import Change

    if remove and certificate is not None:
        raise click.UsageError("give --remove or --certificate, not both")
    with _trusting(flags) as (_house, trusting):
        if remove:
            trusting.take_key(device_id)
            click.echo(f"Device {device_id} is known by its licence and address again.")
        elif certificate is not None:
            trusting.change(device_id, Change(certificate=certificate, by=_by()))
            click.echo(f"Device {device_id} is known by its client certificate.")
        else:
            _print_key(device_id, trusting.give_key(device_id))


@devices_command.command("secret")
@click.argument("device_id", type=int)
@click.option("--given", is_flag=True, help="Ask for the secret that the device has made, instead of making one.")
@with_flags(FLAGS)
def secret_of_device(device_id: int, *, given: bool, **flags: Any) -> None:
    """Let DEVICE_ID sign what it sends, in the place of a key: for a Gatehouse that passes events on to this one.

    From then on it is believed with its signature only; the secret before this one holds for a day more.
    """
    text = click.prompt("Secret", hide_input=True) if given else ""
    with _trusting(flags) as (_house, trusting):
        secret = trusting.give_secret(device_id, text)
    click.echo(f"Device {device_id} is known by its signature.")
    if not given:
        click.echo("The secret with which it signs, shown this once:")
        click.echo(f"  {secret}")


@devices_command.command("add")
@click.option("--name", default="", help="What people call it.")
@click.option("--licence", default="", help="Its licence code, as its messages name it.")
@click.option("--address", default="", help=ADDRESS)
@click.option("--hub", is_flag=True, help=HUB)
@with_flags(FLAGS)
def add_device(*, name: str, licence: str, address: str, hub: bool, **flags: Any) -> None:
    """Write down a device before it speaks; it is trusted."""
    from receiver.services.devices.trusting import Change

    with _trusting(flags) as (_house, trusting):
        device_id = trusting.add(name, licence, Change(bound=address, is_hub=hub, by=_by()))
        tell(subject=device_id)
    click.echo(f"Device {device_id} is trusted{f' at {address}' if address else ''}.")
    if not address:
        click.echo(f"No address is its own yet: `devices key {device_id}` makes the key by which it is known.")


def _print_key(device_id: int, key: str) -> None:
    click.echo(f"The key of device {device_id}, shown this once:")
    click.echo(f"  {key}")
    click.echo("The address for its events, where the box can be told an address and nothing else:")
    click.echo(f"  http://<server>:9528/in/{key}/HistoryEvent")
    click.echo("Or as ?key=..., as the password of HTTP Basic, or as a bearer token.")


@contextmanager
def _trusting(flags: dict[str, Any]) -> Iterator[tuple["House", "Trusting"]]:
    """The house and the use cases; what they refuse ends the command with a sentence."""
    from receiver.assembly.trust import make_trusting
    from receiver.domain.errors import GatehouseError

    with opened(flags) as house:
        try:
            yield house, make_trusting(house)
        except GatehouseError as error:
            raise click.ClickException(f"{error.detail}; `devices list` shows all of them") from error


def _every(house: "House", state: str | None) -> Iterator[dict[str, Any]]:
    from receiver.services.asking.asking import Asking

    asking, after = Asking(house.store), 0
    while True:
        page = asking.devices(after, PAGE, state)
        yield from page.items
        if page.next is None:
            return
        after = int(page.next)


def _shown(house: "House", device_id: int) -> dict[str, Any]:
    from receiver.services.asking.asking import Asking

    return Asking(house.store).device(device_id)


def _line(row: dict[str, Any]) -> str:
    why = WHY.get(row["pending_reason"] or "", "")
    facts = [
        f"{row['id']:>5}  {row['state']:<8} {row['key']}",
        f"at {row['bound']}" if row["known_by"] == "address" else f"by {row['known_by']}",
        f"named {row['name']}" if row["name"] else "",
        "a hub" if row["hub"] else "",
        f"vouched for by {row['vouched_by']}" if row["vouched_by"] else "",
        why if row["state"] == "pending" else "",
        f"last seen {row['last_seen']:%Y-%m-%d %H:%M:%S}",
        f"{row['kept']['waiting']} events wait" if row["kept"]["waiting"] else "",
        f"{row['kept']['left']} unverified" if row["kept"]["left"] else "",
        f"{row['dropped']} dropped" if row["dropped"] else "",
    ]
    line = ", ".join(fact for fact in facts if fact)
    # Names come from outside: none may look like a line of its own, or colour the terminal.
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in line)


def _by() -> str:
    return f"account {os.getuid()} (command line)"
