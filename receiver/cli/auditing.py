"""audit: who did what; and whether the log of it is whole."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, opened, with_flags

if TYPE_CHECKING:
    from receiver.store.database import Database

READ = 500


@click.group("audit")
def audit_command() -> None:
    """Look at the audit log, verify it and take it elsewhere."""


@audit_command.command("list")
@click.option("--action", help="Only this, e.g. person.erased.")
@click.option("--kind", help="Only things of this kind, e.g. person.")
@click.option("--subject", help="Only the thing with this id.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="At most so many rows.")
@with_flags(FLAGS)
def list_rows(action: str | None, kind: str | None, subject: str | None, limit: int, **flags: Any) -> None:
    """List what was done, newest first."""
    from receiver.store.audit import AuditFilter

    with opened(flags) as house:
        page = house.audit.listed(AuditFilter(action=action, kind=kind, subject=subject, limit=limit))
    for row in page.items:
        actor = " ".join(filter(None, row["actor"].values()))
        thing = f"{row['kind']} {row['subject']}".strip()
        detail = " ".join(f"{name}={value}" for name, value in row["detail"].items())
        click.echo(
            f"{row['id']:>8}  {row['at']:%Y-%m-%d %H:%M:%S}  {row['outcome']:<7}  {row['action']:<22}  {thing:<20}  {actor}  {detail}"
        )
    if not page.items:
        click.echo("Nothing of that kind was noted.")


@audit_command.command("head")
@with_flags(FLAGS)
def show_head(**flags: Any) -> None:
    """Print the newest seal; write it down elsewhere, `audit verify --head` holds the log against it."""
    with opened(flags) as house:
        found = house.audit.head()
    click.echo(f"seal {found['seal']} over {found['rows']} rows: {found['head']}")


@audit_command.command("verify")
@click.option("--head", help="A head that was written down: it must still be in the log.")
@with_flags(FLAGS)
def verify(head: str | None, **flags: Any) -> None:
    """Hold every row against the chain and every seal against its signature; ends with 1 if anything is wrong.

    Rows of the last five seconds may not be sealed yet: only that one is missing can be said of them, and on SQLite alone.
    """
    from receiver.assembly.security import make_verifying
    from receiver.store.signing_key import public_key_of

    with opened(flags) as house:
        verdict = make_verifying(house).run(head)
        own = public_key_of(house.settings.data_dir)
    for finding in verdict.findings:
        click.echo(f"{click.style('WRONG', fg='red')}  {finding.reason}: {finding.detail}")
    for key in verdict.keys:
        click.echo(
            f"signed with {key}" + ("" if own and key == own.hex() else ", which is not the key of this data folder")
        )
    click.echo(
        f"{verdict.rows} rows under {verdict.seals} seals, {verdict.waiting} not sealed yet; head {verdict.head}"
    )
    if verdict.findings:
        raise SystemExit(1)
    click.echo(
        "The log is whole."
        if head
        else "The log is whole as far as it goes; --head HASH shows whether its end was cut off."
    )


@audit_command.command("export")
@click.option(
    "--to", "path", type=click.Path(dir_okay=False, path_type=Path), help="The file; standard output if not given."
)
@click.option("--after", default=0, help="Only rows with a higher id: where the last export ended.")
@with_flags(FLAGS)
def export(path: Path | None, after: int, **flags: Any) -> None:
    """Write the log as JSON lines, oldest first: the rows with their place in the chain, then the seals."""
    with opened(flags) as house:
        if path is None:
            _write(sys.stdout, house.audit.database, after)
            return
        with path.open("w", encoding="utf-8") as file:
            number = _write(file, house.audit.database, after)
    click.echo(f"{number} rows: {path}")


def _write(file: IO[str], database: "Database", after: int) -> int:
    import orjson

    number = 0
    for line in _lines(database, after):
        number += line["type"] == "row"
        file.write(orjson.dumps(line).decode() + "\n")
    return number


def _lines(database: "Database", last: int) -> Iterator[dict[str, Any]]:
    from receiver.services.audit.auditing import shown
    from receiver.store import audit

    while True:
        with database.read() as tx:
            rows = audit.rows_after(tx, last, READ)
        for row in rows:
            chain = {"position": row.position, "hash": row.hash.hex() if row.hash else None}
            yield {"type": "row", **shown(row), **chain}
        if len(rows) < READ:
            break
        last = rows[-1].id
    with database.read() as tx:
        for seal in audit.seals(tx):
            plain = {name: value.hex() if isinstance(value, bytes) else value for name, value in seal._mapping.items()}
            yield {"type": "seal", **plain}
