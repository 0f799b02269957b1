"""keys: API keys for programs, from the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.audited import tell
from receiver.cli.options import FLAGS, opened, with_flags
from receiver.cli.telling import refusing

if TYPE_CHECKING:
    from receiver.assembly.house import House


@click.group("keys")
def keys_command() -> None:
    """Make API keys for programs, list and revoke them."""


@keys_command.command("add")
@click.argument("account")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    help="What it may ask for: events:read, people, metrics:read, ...; * is all that the account may. Several times.",
)
@click.option("--days", type=click.IntRange(1, 3650), help="How long it is good for; without it, until it is revoked.")
@with_flags(FLAGS)
def add(account: str, name: str, scopes: tuple[str, ...], days: int | None, **flags: Any) -> None:
    """Make a key of ACCOUNT for what NAME says; it is shown once."""
    from receiver.assembly.entrance import make_accounts, make_api_keys
    from receiver.services.accounts.api_keys import NewKey

    end = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with _house(flags) as house:
        owner = make_accounts(house).number_of(account)
        made = make_api_keys(house).add(NewKey(owner, name, scopes, end))
        tell(subject=made["id"])
    click.echo(f"Key {made['id']} of {account}, shown this once:\n{made['key']}")
    click.echo("A program sends it as `Authorization: Bearer <key>`.")


@keys_command.command("list")
@with_flags(FLAGS)
def list_keys(**flags: Any) -> None:
    """List all keys; the keys themselves are nowhere."""
    from receiver.assembly.entrance import make_api_keys

    after: str | None = "0"
    with _house(flags) as house:
        while after is not None:
            page = make_api_keys(house).listed(None, int(after), 500)
            for row in page.items:
                click.echo(_line(row))
            after = page.next


@keys_command.command("revoke")
@click.argument("key", type=int)
@with_flags(FLAGS)
def revoke(key: int, **flags: Any) -> None:
    """Make the KEY of that number worthless."""
    from receiver.assembly.entrance import make_api_keys

    with _house(flags) as house:
        tell(subject=key)
        make_api_keys(house).revoke(key)
    click.echo(f"Key {key} is revoked.")


@contextmanager
def _house(flags: dict[str, Any]) -> Iterator["House"]:
    with opened(flags) as house, refusing():
        yield house


def _line(row: dict[str, Any]) -> str:
    used = f"last used {row['used_at']:%Y-%m-%d %H:%M}" if row["used_at"] else "never used"
    ends = f"until {row['expires_at']:%Y-%m-%d}" if row["expires_at"] else "without an end"
    state = "revoked" if row["revoked_at"] else ends
    return f"{row['id']:>4}  {row['account']['name']:<20} {row['name']:<20} {' '.join(row['scopes'])}  {state}, {used}"
