"""people check: the look over the whole library, begun by hand."""

import os
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, opened, with_flags

if TYPE_CHECKING:
    from receiver.bootstrap import House

STAGES = {
    "strangers": "merges of {strangers} strangers proposed: {proposed}",
    "look_alikes": "pairs who look alike, by {faces} faces: {found}",
    "contradictions": "pictures that contradict their person, of {people} people: {found}",
    "ageing": "pictures that have aged, of {people} people: {found}",
    "settling": "older findings that hold no more: {items}",
}
# Somebody else's work is looked at so often.
LOOK_SECONDS = 0.5


@click.command("check")
@click.option("--status", is_flag=True, help="Only say when the library was checked last, and what was found.")
@with_flags(FLAGS)
def check_library_command(*, status: bool, **flags: Any) -> None:
    """Look over the whole library: strangers who may be one person, people who look alike, pictures that do not fit.

    What is found goes onto the review list; nothing of the library is changed. The server may run or not, and does the
    same every night (GATEHOUSE_LIBRARY_CHECK). Pressed Ctrl-C, a worker goes on with it.
    """
    from receiver.assembly.checkup import make_library_checks
    from receiver.domain.errors import GatehouseError

    with opened(flags) as house:
        checks = make_library_checks(house)
        try:
            if not status:
                # Events come first.
                os.nice(10)
                check_id = checks.begin(f"account {os.getuid()} (command line)")
                _work(house, check_id)
                _print(checks.one(check_id))
            else:
                shown = checks.show()
                click.echo(f"By itself: {shown['schedule']}.")
                _print(shown["newest"])
        except GatehouseError as error:
            raise click.ClickException(error.detail) from error
        except KeyboardInterrupt:
            click.echo("Stopped; a worker goes on with it.", err=True)


def _work(house: "House", check_id: int) -> None:
    """Works on the check, or looks on where a worker has it already."""
    from receiver.assembly.checkup import make_checking, make_library_checks
    from receiver.bootstrap import make_decider
    from receiver.services.checking.steps import LEASE
    from receiver.store import library_checks, outbox

    checks, checking = make_library_checks(house), make_checking(house, make_decider(house).library)
    with click.progressbar(length=100, label="Checking the library", file=sys.stderr) as bar:

        def show() -> bool:
            found = checks.one(check_id)
            if found is not None:
                bar.update(found["percent"] - bar.pos)
            return found is not None and found["state"] == library_checks.RUNNING

        while show():
            with house.store.write() as tx:
                claimed = outbox.claim(tx, library_checks.TOPIC, 1, datetime.now(UTC), LEASE)
            if claimed:
                checking.run(check_id, on_step=show)
            else:
                time.sleep(LOOK_SECONDS)


def _print(check: dict[str, Any] | None) -> None:
    if check is None:
        click.echo("The library has not been checked yet: `people check` does it now.")
        return
    if check["state"] == "failed":
        raise click.ClickException(f"check {check['id']} failed: {check['reason']}; docs/how-to/trouble.md explains it")
    for stage, sentence in STAGES.items():
        counts = check["counts"].get(stage)
        if counts:
            click.echo("  " + sentence.format(**counts))
            if counts.get("left_out"):
                click.echo(f"    and {counts['left_out']} more, less sure, when these have been answered")
    if check["state"] == "running":
        click.echo(f"Check {check['id']} is under way: {check['percent']} %.")
        return
    click.echo(
        f"Check {check['id']}, done {check['ended_at']:%Y-%m-%d %H:%M:%S} UTC; `reviews list` shows what it found."
    )
