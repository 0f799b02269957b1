"""people erase, people export and retention: what people have a right to, from the command line."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, opened, with_flags

if TYPE_CHECKING:
    from receiver.bootstrap import House

KINDS = {
    "events": "events with everything of theirs",
    "scenes": "scene pictures",
    "faces": "face pictures",
    "embeddings": "embeddings",
    "strangers": "strangers not seen for long",
    "reviews": "review items that were answered",
    "alerts": "alerts that were closed",
    "frames": "frames of alerts and of devices",
    "identities": "device identities not seen for long",
    "quarantine": "messages that could not be read",
}


@click.command("erase")
@click.argument("person_id", type=int)
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_flags(FLAGS)
def erase_command(person_id: int, *, yes: bool, **flags: Any) -> None:
    """Erase PERSON_ID for good: faces, names, pictures, whatever is held; the certificate is printed at the end.

    The person is gone from every process at once. The server may run or not; pressed Ctrl-C, a worker goes on with it.
    """
    from receiver.assembly.privacy import make_erasures
    from receiver.domain.errors import GatehouseError

    with opened(flags) as house:
        try:
            name = _name_of(house, person_id)
            if not yes:
                click.confirm(f"Erase {name} (person {person_id}) for good? There is no way back", abort=True)
            desk = make_erasures(house)
            erasure_id = desk.begin(person_id, f"user {os.getuid()} (command line)")
            click.echo(f"{name} is hidden everywhere; erasure {erasure_id} takes the bytes away.")
            for each in (*desk.show(erasure_id)["also"], erasure_id):
                _work(house, each)
            _print_certificate(desk.show(erasure_id))
        except GatehouseError as error:
            raise click.ClickException(error.detail) from error
        except KeyboardInterrupt:
            click.echo("Stopped; a worker goes on with it.", err=True)


def _name_of(house: "House", person_id: int) -> str:
    from receiver.services.asking.asking import Asking

    return str(Asking(house.store).person(person_id)["name"])


def _work(house: "House", erasure_id: int) -> None:
    from receiver.assembly.privacy import make_erasing, make_erasures
    from receiver.bootstrap import make_engines

    desk = make_erasures(house)
    engines = None if house.settings.engine_name == "off" else make_engines(house)
    with click.progressbar(length=100, label="Erasing", file=sys.stderr) as bar:
        make_erasing(house, engines).run(
            erasure_id, on_step=lambda _stage: bar.update(desk.show(erasure_id)["percent"] - bar.pos)
        )


def _print_certificate(shown: dict[str, Any]) -> None:
    certificate = shown["certificate"]
    if certificate is None:
        click.echo("It is not done yet; a worker goes on with it.")
        return
    click.echo(f"Certificate {certificate['key']} of person {certificate['person']}")
    click.echo(f"  asked by {certificate['requested_by']} at {certificate['requested_at']:%Y-%m-%d %H:%M:%S %Z}")
    click.echo(f"  done at {certificate['ended_at']:%Y-%m-%d %H:%M:%S %Z}")
    for kind, number in certificate["counts"].items():
        click.echo(f"  {number:>8}  {kind}")
    for each in certificate["remains"]:
        click.echo(f"  {each['what']}: {each['sentence']}; {each['gone_at'] or 'no time is known'}")


@click.command("export")
@click.argument("person_id", type=int)
@click.option(
    "--to", "path", type=click.Path(dir_okay=False, path_type=Path), help="The zip; person-ID.zip if not given."
)
@with_flags(FLAGS)
def export_command(person_id: int, path: Path | None, **flags: Any) -> None:
    """Write everything that is held about PERSON_ID into a zip: JSON, and the pictures."""
    from receiver.assembly.privacy import services_of
    from receiver.domain.errors import GatehouseError

    target = path or Path(f"person-{person_id}.zip")
    with opened(flags) as house:
        try:
            services_of(house)["exporting"].write(person_id, target)
        except GatehouseError as error:
            raise click.ClickException(error.detail) from error
    click.echo(f"Everything about person {person_id}: {target}")


@click.command("retention")
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@with_flags(FLAGS)
def retention_command(*, dry_run: bool, **flags: Any) -> None:
    """Take away what has been kept for as long as GATEHOUSE_RETENTION says; a worker does so every hour."""
    from receiver.assembly.privacy import make_retaining
    from receiver.services.pacing import Pace

    with opened(flags) as house:
        if not house.settings.retention:
            click.echo("GATEHOUSE_RETENTION is empty: everything is kept for good.")
            return
        retaining = make_retaining(house)
        counts = retaining.dry_run() if dry_run else retaining.run(Pace())
        house.doorbell.ring()
    for kind, number in counts.items():
        click.echo(f"{number:>8}  {KINDS[kind]}")
    click.echo("It was a dry run: nothing was changed." if dry_run else "Pictures that nobody needs go within a day.")
