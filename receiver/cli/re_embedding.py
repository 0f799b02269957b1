"""people re-embed: the library moves to another embedding model, and back."""

import os
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, opened, with_flags

if TYPE_CHECKING:
    from receiver.bootstrap import House
    from receiver.services.people.re_embedding import LeftOut, Moved

# Names that are printed of faces that cannot be embedded; the others are counted.
NAMED = 50


@click.command("re-embed")
@click.argument("model", required=False)
@click.option("--back", is_flag=True, help="Go back to the model before this one.")
@click.option("--status", is_flag=True, help="Only say which model decides, and how many faces each model has.")
@click.option("--forget", metavar="MODEL", help="Drop what is stored for a model that is not needed any more.")
@click.option(
    "--leave-out",
    is_flag=True,
    help="Switch although some current faces cannot be embedded; they are not recognised then.",
)
@with_flags(FLAGS)
def re_embed_command(
    model: str | None, *, back: bool, status: bool, forget: str | None, leave_out: bool, **flags: Any
) -> None:
    """Move the library to MODEL: every face is embedded anew from its stored picture, then MODEL decides.

    The old model answers until then. A run that was ended is taken up where it stood; running servers follow without a
    restart.
    """
    if sum((model is not None, back, status, forget is not None)) != 1:
        raise click.UsageError("give a MODEL, or one of --back, --status and --forget MODEL")
    from receiver.domain.errors import GatehouseError

    with opened(flags) as house:
        try:
            if status:
                _show(house)
            elif forget is not None:
                _forget(house, forget)
            else:
                _move(house, model or _previous(house), may_leave_out=leave_out)
        except GatehouseError as error:
            raise click.ClickException(error.detail) from error


def _show(house: "House") -> None:
    from receiver.store import library, people

    with house.store.read() as tx:
        active = library.active(tx)
        counts = library.counts(tx)
    if active is None:
        click.echo("The library has no model yet: recognition has never been on.")
        return
    click.echo(f"{active.model} decides, since {active.changed_at:%Y-%m-%d %H:%M:%S} UTC.")
    if active.previous_model:
        click.echo(f"Before it: {active.previous_model}; `people re-embed --back` goes back.")
    for name in sorted({each for each, _ in counts} | {active.model}):
        current, former = (counts.get((name, state), 0) for state in (people.CURRENT, people.FORMER))
        click.echo(f"  {name}: {current} current and {former} former faces embedded")


def _forget(house: "House", model: str) -> None:
    from receiver.services.people.re_embedding import forget

    click.echo(f"{forget(house.store, model)} embeddings of {model} are dropped.")


def _previous(house: "House") -> str:
    from receiver.store import library

    with house.store.read() as tx:
        active = library.active(tx)
    if active is None or not active.previous_model:
        raise click.ClickException("the library has had no other model: there is nothing to go back to")
    return str(active.previous_model)


def _move(house: "House", model: str, *, may_leave_out: bool) -> None:
    from receiver import bootstrap
    from recognition.engine import RecognitionError

    # Events come first.
    os.nice(10)
    moving = bootstrap.make_re_embedding(house, model)
    try:
        with click.progressbar(length=moving.count(), label=f"Embedding for {model}") as bar:
            moved = moving.run(lambda: bar.update(1), may_leave_out=may_leave_out)
    except RecognitionError as error:
        raise click.ClickException(error.detail) from error
    house.doorbell.ring()
    _tell(moved, model)


def _tell(moved: "Moved", model: str) -> None:
    for each in moved.left_out[:NAMED]:
        click.echo(_line(each))
    if len(moved.left_out) > NAMED:
        click.echo(f"  and {len(moved.left_out) - NAMED} more")
    sentence = f"{moved.embedded} faces embedded, {len(moved.left_out)} without an embedding."
    if not moved.is_active:
        raise click.ClickException(
            f"{sentence} The library stays with its model: the current faces above would not be recognised any more. "
            "Enrol those people anew and run this again, or switch with --leave-out."
        )
    click.echo(f"{sentence} {model} decides now.")


def _line(face: "LeftOut") -> str:
    return f"  person {face.person_id} {face.name}: {face.state} face {face.face_id}, {face.reason}"
