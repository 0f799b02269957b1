"""people import: many people from a folder, a zip archive or a table, in this process, with a bar that says how far it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.audited import tell
from receiver.cli.options import FLAGS, opened, with_flags

if TYPE_CHECKING:
    from receiver.bootstrap import House
    from receiver.services.importing.import_jobs import ImportJobs
    from receiver.services.importing.importing import Importing

LISTS = ("staff", "visitor", "blacklist", "vip")
NOTES = 50


@click.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--list",
    "list_name",
    type=click.Choice(LISTS),
    default="staff",
    show_default=True,
    help="What those are to the gate for whom the file does not say it.",
)
@click.option("--dry-run", is_flag=True, help="Judge everybody as an import would, and keep nothing.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write a CSV: a reason for every row.")
@with_flags(FLAGS)
def import_command(path: Path, list_name: str, *, dry_run: bool, report: Path | None, **flags: Any) -> None:
    """Enrol everybody in PATH: a folder, a zip archive, or a CSV table beside its pictures.

    Without a table there is one sub-folder a person, or one picture a person; that name is the person's and the external
    id. A table has a line of headers, in English or Chinese, among them id or name, and picture. No server has to run.
    The same file a second time adds nobody and nothing twice.
    """
    from receiver.bootstrap import make_import_jobs, make_local_importing
    from receiver.domain.errors import GatehouseError
    from receiver.services.importing.import_jobs import NewImport
    from receiver.services.importing.importing import LEASE

    with opened(flags) as house:
        jobs = make_import_jobs(house)
        try:
            importing = make_local_importing(house)
            new = NewImport(path.absolute(), path.absolute().name, list_name, dry_run)
            import_id = jobs.begin(new, lease=LEASE)
            tell(subject=import_id, dry_run=dry_run)
        except GatehouseError as error:
            raise click.ClickException(error.detail) from error
        try:
            _work(importing, import_id)
        except GatehouseError as error:
            _cancel(house, jobs, import_id)
            raise click.ClickException(error.detail) from error
        except KeyboardInterrupt:
            _cancel(house, jobs, import_id)
            click.echo("Stopped; whoever is enrolled stays. The same command goes on from here.", err=True)
        house.doorbell.ring()
        if report is not None:
            with report.open("w", encoding="utf-8", newline="") as file:
                file.writelines(jobs.report(import_id))
        _say(jobs, import_id, report)


def _work(importing: "Importing", import_id: int) -> None:
    from receiver.services.importing.importing import Watch

    with _bar() as (planned, settled):
        importing.run(import_id, Watch(planned=planned, settled=settled))


@contextmanager
def _bar() -> Iterator[Any]:
    """A bar that learns its length when the file has been read."""
    with click.progressbar(length=1, label="Enrolling") as bar:

        def planned(total: int, waiting: int) -> None:
            bar.length = max(1, total)
            bar.update(total - waiting)

        yield planned, bar.update


def _cancel(house: "House", jobs: "ImportJobs", import_id: int) -> None:
    """Nobody is to go on with it: the one who asked for it has seen it end."""
    from receiver.domain.errors import Conflict

    try:
        jobs.cancel(import_id)
        jobs.end_cancelled(import_id)
    except Conflict:
        house.doorbell.ring()


def _say(jobs: "ImportJobs", import_id: int, report: Path | None) -> None:
    job = jobs.show(import_id)
    if job["state"] == "failed":
        raise click.ClickException(job["detail"])
    notes = _notes(jobs, import_id)
    for _, note in zip(range(NOTES), notes, strict=False):
        click.echo(note)
    if next(notes, None) is not None:
        click.echo("... and more; --report writes them all.")
    counts = job["counts"]
    more = f", {counts['extended']} with more pictures" if counts["extended"] else ""
    left = f", {counts['waiting']} left" if counts["waiting"] else ""
    click.echo(
        f"{counts['enrolled']} enrolled{more}, {counts['unchanged']} already there, {counts['refused']} refused{left}."
    )
    if job["is_dry_run"]:
        click.echo("It was a dry run: nothing was kept.")
    if report is not None:
        click.echo(f"Every row: {report}")


def _notes(jobs: "ImportJobs", import_id: int) -> Iterator[str]:
    """What a person should look at: refused rows, and pictures of others that are not used."""
    for row in jobs.all_rows(import_id):
        name = row["name"] or row["external_id"] or row["place"]
        if row["state"] == "refused":
            yield f"{name}: {row['reason']}: {row['detail']}"
            continue
        for picture in row["pictures"]:
            if not picture.get("is_used") and picture.get("reason"):
                detail = f" ({picture['detail']})" if picture["detail"] else ""
                yield f"{picture['path']}: not used, {picture['reason']}{detail}"
