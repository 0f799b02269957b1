"""people face: the pictures by which people are recognised, from the command line."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.audited import tell
from receiver.cli.options import FLAGS, opened, with_flags
from receiver.cli.telling import describe, describe_finding, enrolling, refusing

if TYPE_CHECKING:
    from receiver.bootstrap import House
    from receiver.services.people.keeping_faces import KeepingFaces

STATES = ("current", "former", "set_aside")
override_option = click.option(
    "--override", is_flag=True, help="Take it in spite of what speaks against it; that is recorded."
)
replace_option = click.option("--replace", is_flag=True, help="Make the faces that are current now former ones.")


@click.group("face")
def face_command() -> None:
    """Add faces to people, restore former ones, set them aside."""


@face_command.command("add")
@click.argument("person", type=int)
@click.argument("pictures", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@override_option
@replace_option
@with_flags(FLAGS)
def add(person: int, pictures: tuple[Path, ...], *, override: bool, replace: bool, **flags: Any) -> None:
    """Add the faces on PICTURES to the person of that id."""
    with enrolling(flags) as library, refusing([path.name for path in pictures]):
        data = [path.read_bytes() for path in pictures]
        tell(override=override, replace=replace)
        looked = library.add_faces(person, data, is_insisted=override, is_alone=replace)
    for path, found in zip(pictures, looked, strict=True):
        click.echo(f"{path.name}: {describe(found)}")


@face_command.command("set")
@click.argument("face", type=int)
@click.argument("state", type=click.Choice(STATES))
@override_option
@replace_option
@with_flags(FLAGS)
def set_state(face: int, state: str, *, override: bool, replace: bool, **flags: Any) -> None:
    """Make a face current, former or set aside."""
    from receiver.domain.people import FaceState
    from receiver.services.people.keeping_faces import FaceChange

    with opened(flags) as house, refusing():
        tell(state=state, override=override)
        findings = _keeping(house).change(face, FaceChange(FaceState(state), override, replace))
    click.echo(f"Face {face} is {state} now.")
    for each in findings:
        click.echo(f"  {describe_finding(each)}")


@face_command.command("remove")
@click.argument("face", type=int)
@with_flags(FLAGS)
def remove(face: int, **flags: Any) -> None:
    """Take a face out of the library."""
    with opened(flags) as house, refusing():
        _keeping(house).remove(face)
    click.echo(f"Face {face} is gone.")


def _keeping(house: "House") -> "KeepingFaces":
    from receiver.bootstrap import make_decider, make_gate
    from receiver.services.people.keeping_faces import KeepingFaces

    return KeepingFaces(house.store, make_gate(house, make_decider(house)))
