"""accounts: who may come in, from the command line; whoever can write the data folder is its administrator."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.audited import tell
from receiver.cli.options import FLAGS, Command, opened, with_flags
from receiver.cli.telling import refusing

if TYPE_CHECKING:
    from receiver.services.accounts.accounts import Accounts

ROLES = ("viewer", "guard", "registrar", "admin")
LISTS = ("staff", "visitor", "blacklist", "stranger", "vip")
PASSWORD_OPTIONS = (
    click.option(
        "--ask", is_flag=True, help="Ask for the password; otherwise a one-time password is made and printed."
    ),
    click.option(
        "--password-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Take the password from this file.",
    ),
)
LIMIT_OPTIONS = (
    click.option("--gate", "gates", type=int, multiple=True, help="Sees events of this gate (its id); several times."),
    click.option(
        "--group", "groups", multiple=True, help="Sees people of this group, and their events; several times."
    ),
    click.option("--list", "lists", type=click.Choice(LISTS), multiple=True, help="The same for a list."),
)


def limited(command: Command) -> Command:
    """Adds the options that limit an account."""
    return with_flags(LIMIT_OPTIONS)(command)


@click.group("accounts")
def accounts_command() -> None:
    """Make accounts, list, change and remove them."""


@accounts_command.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the account may do.")
@limited
@with_flags(PASSWORD_OPTIONS, FLAGS)
def add(name: str, role: str, *, ask: bool, password_file: Path | None, **options: Any) -> None:
    """Make the account NAME."""
    from receiver.domain.accounts import Role, limits_of
    from receiver.services.accounts.accounts import NewAccount

    limits = {each: options.pop(each) for each in ("gates", "groups", "lists")}
    password, is_random = _password(password_file, ask=ask)
    with _desk(options) as desk:
        tell(subject=desk.add(NewAccount(name, password, Role(role), limits_of(limits), must_change=is_random)))
    click.echo(f"The account {name} is made, as {role}.")
    _tell(password, is_random=is_random)


@accounts_command.command("list")
@with_flags(FLAGS)
def list_accounts(**flags: Any) -> None:
    """List all accounts."""
    with _desk(flags) as desk:
        rows = list(_every(desk))
    for row in rows:
        state = "disabled" if row["is_disabled"] else "first password" if row["must_change"] else ""
        seen = f"last login {row['last_login_at']:%Y-%m-%d %H:%M}" if row["last_login_at"] else "never logged in"
        limits = ", ".join(
            f"{name}: {' '.join(map(str, row[name]))}" for name in ("gates", "groups", "lists") if row[name]
        )
        click.echo(
            "  ".join(
                each for each in (f"{row['id']:>4}  {row['name']:<20} {row['role']:<9}", seen, state, limits) if each
            )
        )
    if not rows:
        click.echo(
            "Nobody yet: the first start of the server makes the account admin, or `accounts add NAME --role admin`."
        )


@accounts_command.command("passwd")
@click.argument("name")
@with_flags(PASSWORD_OPTIONS, FLAGS)
def passwd(name: str, *, ask: bool, password_file: Path | None, **flags: Any) -> None:
    """Set another password for NAME; all its logins end."""
    password, is_random = _password(password_file, ask=ask)
    with _desk(flags) as desk:
        desk.change(_number_of(desk, name), {"password": password, "must_change": is_random})
    click.echo(f"The account {name} has another password; whoever was logged in must log in anew.")
    _tell(password, is_random=is_random)


@accounts_command.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@with_flags(FLAGS)
def set_role(name: str, role: str, **flags: Any) -> None:
    """Give NAME another role."""
    with _desk(flags) as desk:
        desk.change(_number_of(desk, name), {"role": role})
    click.echo(f"The account {name} is a {role} now.")


@accounts_command.command("limit")
@click.argument("name")
@limited
@with_flags(FLAGS)
def set_limits(name: str, **options: Any) -> None:
    """Limit what NAME sees; without options it sees everything again."""
    limits = {each: sorted(set(options.pop(each))) for each in ("gates", "groups", "lists")}
    with _desk(options) as desk:
        desk.change(_number_of(desk, name), {"limits": limits})
    told = ", ".join(f"{each} {' '.join(map(str, values))}" for each, values in limits.items() if values)
    click.echo(f"The account {name} sees {f'only {told}' if told else 'everything'}.")


@accounts_command.command("disable")
@click.argument("name")
@click.option("--undo", is_flag=True, help="Let it in again.")
@with_flags(FLAGS)
def disable(name: str, *, undo: bool, **flags: Any) -> None:
    """Let NAME in no more: its logins end at once, its keys are worth nothing until it is let in again."""
    with _desk(flags) as desk:
        desk.change(_number_of(desk, name), {"is_disabled": not undo})
    click.echo(f"The account {name} is {'let in again' if undo else 'disabled'}.")


@accounts_command.command("unlock")
@with_flags(FLAGS)
def unlock(**flags: Any) -> None:
    """Forget all failed logins, so that whoever must wait can try again at once."""
    from receiver.services.accounts.attempts import Attempts

    with opened(flags) as house:
        Attempts(house.store).forget()
    click.echo("Nobody has to wait any more.")


@accounts_command.command("remove")
@click.argument("name")
@with_flags(FLAGS)
def remove(name: str, **flags: Any) -> None:
    """Take NAME away, with its logins and keys."""
    with _desk(flags) as desk:
        desk.remove(_number_of(desk, name))
    click.echo(f"The account {name} is gone.")


def _number_of(desk: "Accounts", name: str) -> int:
    """The account's; the audit log says whose it was."""
    number = desk.number_of(name)
    tell(subject=number)
    return number


@contextmanager
def _desk(flags: dict[str, Any]) -> Iterator["Accounts"]:
    from receiver.assembly.entrance import make_accounts

    with opened(flags) as house, refusing():
        yield make_accounts(house)


def _every(desk: "Accounts") -> Iterator[dict[str, Any]]:
    after: str | None = "0"
    while after is not None:
        page = desk.listed(int(after), 500)
        yield from page.items
        after = page.next


def _password(file: Path | None, *, ask: bool) -> tuple[str, bool]:
    """The password, and whether it is a one-time one that nobody has chosen."""
    from receiver.services.accounts.accounts import one_time_password

    if file is not None:
        return file.read_text(encoding="utf-8").rstrip("\r\n"), False
    if ask:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True)), False
    return one_time_password(), True


def _tell(password: str, *, is_random: bool) -> None:
    if is_random:
        click.echo(f"One-time password, shown this once: {password}\nThe first login must set another one.")
