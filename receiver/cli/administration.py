"""db, tasks and settings: what an administrator looks at and repairs."""

from datetime import UTC, datetime
from typing import Any

import click

from receiver.cli.backing_up import backup_command, restore_command
from receiver.cli.options import FLAGS, load, opened, with_flags


@click.group("db")
def db_command() -> None:
    """Look after the database."""


db_command.add_command(backup_command)
db_command.add_command(restore_command)


@db_command.command("upgrade")
@with_flags(FLAGS)
def upgrade(**flags: Any) -> None:
    """Bring the tables to this version; `serve` does so by itself."""
    with opened(flags) as house:
        where = house.settings.data_dir if house.settings.is_sqlite else "the PostgreSQL database"
        click.echo(f"The tables in {where} are up to date.")


@db_command.command("compact")
@with_flags(FLAGS)
def compact(**flags: Any) -> None:
    """Write the SQLite file anew without its holes, as erasures ask for; no event is taken in meanwhile."""
    from receiver.assembly.privacy import make_erasing
    from receiver.domain.errors import Unavailable

    with opened(flags) as house:
        if not house.settings.is_sqlite:
            click.echo("PostgreSQL looks after that itself.")
            return
        try:
            number = make_erasing(house, None).compact()
        except Unavailable as error:
            raise click.ClickException(error.detail) from error
    click.echo(
        f"{number} erasures waited for it." if number else "No erasure waits for it, or somebody is reading just now."
    )


@click.group("tasks")
def tasks_command() -> None:
    """Look at what is still to do, and retry what was given up."""


@tasks_command.command("list")
@click.option("--state", type=click.Choice(["waiting", "buried"]), help="Only these.")
@click.option("--limit", default=50, show_default=True, help="At most so many rows.")
@with_flags(FLAGS)
def list_tasks(state: str | None, limit: int, **flags: Any) -> None:
    """List tasks, oldest first, and deliveries that wait."""
    from receiver.store import deliveries, outbox

    with opened(flags) as house, house.store.read() as tx:
        rows = outbox.listed(tx, state, limit)
        counts = outbox.counts(tx)
        lines = deliveries.counts(tx)
    for row in rows:
        error = f"  {row.last_error}" if row.last_error else ""
        click.echo(
            f"{row.id:>8}  {row.topic:<10} {row.state:<8} event {row.subject:<8} tries {row.attempts}  due {row.due_at:%Y-%m-%d %H:%M:%S}{error}"
        )
    for (topic, each), number in sorted(counts.items()):
        click.echo(f"{topic}: {number} {each}")
    for (name, each), number in sorted(lines.items()):
        click.echo(f"deliveries to {name}: {number} {each}")
    if not counts and not lines:
        click.echo("Nothing is waiting and nothing was given up.")


@tasks_command.command("retry")
@click.argument("ids", nargs=-1, type=int)
@click.option("--all", "is_all", is_flag=True, help="All buried tasks and deliveries.")
@with_flags(FLAGS)
def retry_tasks(ids: tuple[int, ...], *, is_all: bool, **flags: Any) -> None:
    """Make buried tasks due again: those with the given IDS, or --all (deliveries too)."""
    from receiver.services.forwarding.repeating import Repeating
    from receiver.store import outbox
    from receiver.store.deliveries import DeadFilter

    if bool(ids) == is_all:
        raise click.UsageError("give the ids of tasks, or --all")
    now = datetime.now(UTC)
    with opened(flags) as house:
        with house.store.write() as tx:
            number = outbox.retry(tx, None if is_all else ids, now)
        again = Repeating(house.store).retry(DeadFilter()) if is_all else 0
        house.doorbell.ring()
    click.echo(f"{number} tasks and {again} deliveries are due again.")


@click.command("settings")
@with_flags(FLAGS)
def settings_command(**flags: Any) -> None:
    """Print every setting with its value and where it comes from; secrets are starred."""
    from receiver.settings import shown

    rows = shown(load(flags))
    width = max(len(row.name) for row in rows)
    for row in rows:
        click.echo(f"{row.name:<{width}}  {row.value or '(empty)'}  [{row.source}]")
        click.echo(f"{'':<{width}}  {click.style(row.doc, dim=True)}")
