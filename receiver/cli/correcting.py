"""people merge, split, promote, ignore, undo and corrections: putting the library right from the command line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, opened, with_flags
from receiver.cli.telling import refusing

if TYPE_CHECKING:
    from receiver.bootstrap import House

NAMED = ("staff", "visitor", "blacklist", "vip")
LISTS = (*NAMED, "stranger")
override_option = click.option("--override", is_flag=True, help="Also if the faces speak against it; that is recorded.")


@click.command("merge")
@click.argument("person", type=int)
@click.argument("other", type=int)
@click.option("--list", "list_name", type=click.Choice(NAMED), help="Which of their two lists holds from now on.")
@override_option
@with_flags(FLAGS)
def merge_command(person: int, other: int, *, list_name: str | None, override: bool, **flags: Any) -> None:
    """Make one person of PERSON and OTHER: PERSON stays, and has everything of OTHER."""
    from receiver.domain.events import ListName

    into = ListName(list_name) if list_name else None
    with _library(flags) as (house, parts):
        made = parts["correcting"].merge(person, other, by=_by(), is_insisted=override, into_list=into)
        _tell(house, parts, made)


@click.command("split")
@click.argument("person", type=int)
@click.option("--face", "faces", type=int, multiple=True, help="A face of somebody else; several times for several.")
@click.option("--event", "events", type=int, multiple=True, help="A further event; several times for several.")
@click.option("--to", type=int, help="Whose they are; without it a new person's.")
@click.option("--name", default="", help="The new person's name.")
@click.option("--list", "list_name", type=click.Choice(LISTS), default="stranger", help="The new person's list.")
@override_option
@with_flags(FLAGS)
def split_command(person: int, *, faces: tuple[int, ...], events: tuple[int, ...], **options: Any) -> None:
    """Give some faces of PERSON, with the events that were decided on them, to somebody else."""
    from receiver.domain.events import ListName
    from receiver.services.correcting.splitting import Split

    to, name, list_name, override = (options.pop(each) for each in ("to", "name", "list_name", "override"))
    if to is not None and (name or list_name != "stranger"):
        raise click.UsageError("--to names somebody who is there already: leave out --name and --list")
    wanted = Split(frozenset(faces), frozenset(events), to, ListName(list_name), name, override)
    with _library(options) as (house, parts):
        _tell(house, parts, parts["splitting"].split(person, wanted, by=_by()))


@click.command("promote")
@click.argument("person", type=int)
@click.option("--list", "list_name", type=click.Choice(NAMED), required=True, help="What they are to the gate.")
@click.option("--name", default="", help="As people call them; without it as before.")
@click.option("--external-id", default="", help="The id that every device knows the person by.")
@click.option("--group", "groups", multiple=True, help="A group the person is in; several times for several.")
@override_option
@with_flags(FLAGS)
def promote_command(person: int, **options: Any) -> None:
    """Make the stranger PERSON somebody, with the whole history."""
    from receiver.domain.events import ListName
    from receiver.services.correcting.correcting import Promotion

    own = [options.pop(each) for each in ("list_name", "name", "external_id", "groups", "override")]
    with _library(options) as (house, parts):
        wanted = Promotion(ListName(own[0]), *own[1:])
        _tell(house, parts, parts["correcting"].promote(person, wanted, by=_by()))


@click.command("ignore")
@click.argument("person", type=int)
@with_flags(FLAGS)
def ignore_command(person: int, **flags: Any) -> None:
    """Say that the stranger PERSON is nobody: a poster on the wall."""
    with _library(flags) as (house, parts):
        _tell(house, parts, parts["correcting"].ignore(person, by=_by()))


@click.command("undo")
@click.argument("correction", type=int, required=False)
@click.option("--person", type=int, help="The last correction of that person instead.")
@with_flags(FLAGS)
def undo_command(correction: int | None, *, person: int | None, **flags: Any) -> None:
    """Undo CORRECTION, a number of `people corrections`."""
    if (correction is None) == (person is None):
        raise click.UsageError("name a correction, or a person with --person, one of the two")
    with _library(flags) as (house, parts):
        if correction is None:
            correction = parts["undoing"].undo_last(person, by=_by())
        else:
            parts["undoing"].undo(correction, by=_by())
        _tell(house, parts, correction)


@click.command("corrections")
@click.option("--person", type=int, help="Only those in which this person takes part.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500), help="At most so many.")
@with_flags(FLAGS)
def corrections_command(person: int | None, *, limit: int, **flags: Any) -> None:
    """List what was put right in the library, newest first."""
    from receiver.store.corrections import CorrectionFilter

    with _library(flags) as (_house, parts):
        page = parts["corrections"].listed(CorrectionFilter(person, None, limit))
    for each in page.items:
        click.echo(f"{each['id']:>6}  {each['made_at']:%Y-%m-%d %H:%M}  {_sentence(each)}")
    if not page.items:
        click.echo("Nothing has been corrected yet.")


@contextmanager
def _library(flags: dict[str, Any]) -> Iterator[tuple["House", dict[str, Any]]]:
    from receiver import bootstrap
    from receiver.assembly import repair

    with opened(flags) as house, refusing():
        yield house, repair.services_of(house, bootstrap.make_gate(house, bootstrap.make_decider(house)))


def _by() -> str:
    return f"account {os.getuid()} (command line)"


def _tell(house: "House", parts: dict[str, Any], correction_id: int) -> None:
    """What was done; whatever is still to be moved is moved first."""
    shown = parts["corrections"].show(correction_id)
    if shown["is_moving"]:
        from receiver.assembly.repair import make_event_moves

        with click.progressbar(length=1, label="Moving events", file=sys.stderr) as bar:
            make_event_moves(house).run(correction_id)
            bar.update(1)
        shown = parts["corrections"].show(correction_id)
    click.echo(f"Correction {correction_id}: {_sentence(shown)}")
    if shown["undone_at"] is None:
        click.echo(f"`people undo {correction_id}` takes it back.")


def _sentence(shown: dict[str, Any]) -> str:
    person, other, moved = _named(shown["person"]), _named(shown["other"]), shown["moved"]
    what = f"{moved['faces']} faces, {moved['events']} events"
    sentences = {
        "merge": f"{other} is {person}; {what} moved",
        "split": f"{what} of {person} are {other}'s",
        "promote": f"stranger promoted: {person}",
        "ignore": f"ignored: {person}",
    }
    undone = f"; undone at {shown['undone_at']:%Y-%m-%d %H:%M}" if shown["undone_at"] else ""
    return f"{sentences[shown['kind']]}{undone}"


def _named(person: dict[str, Any] | None) -> str:
    if person is None:
        return ""
    if person["name"] is None:
        return f"person {person['id']} (gone)"
    return f"{person['name']} (person {person['id']}, {person['list']})"
