"""people: the library from the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, opened, with_flags

if TYPE_CHECKING:
    from receiver.services.people import People

LISTS = ("staff", "visitor", "blacklist", "stranger", "vip")
PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff"}
list_option = click.option(
    "--list",
    "list_name",
    type=click.Choice(LISTS),
    default="staff",
    show_default=True,
    help="What they are to the gate.",
)


@click.group("people")
def people_command() -> None:
    """Enrol people and list them."""


@people_command.command("add")
@click.argument("name")
@click.argument("pictures", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@list_option
@click.option("--external-id", default="", help="The id that devices know the person by.")
@with_flags(FLAGS)
def add(name: str, pictures: tuple[Path, ...], list_name: str, external_id: str, **flags: Any) -> None:
    """Enrol NAME with PICTURES."""
    from receiver.domain.errors import GatehouseError
    from receiver.services.people import NewPerson

    with _library(flags) as library:
        new = NewPerson(name, list_name, external_id, pictures=[path.read_bytes() for path in pictures])
        try:
            person_id, looked = library.add(new)
        except GatehouseError as error:
            raise click.ClickException(error.detail) from error
    click.echo(f"{name} is enrolled as person {person_id}.")
    for path, found in zip(pictures, looked, strict=True):
        click.echo(f"  {path.name}: {describe(found)}")


@people_command.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@list_option
@with_flags(FLAGS)
def import_folder(folder: Path, list_name: str, **flags: Any) -> None:
    """Enrol everybody in FOLDER: one sub-folder a person (its name is the person's), or one picture a person.

    The name is also the external id, so a second import of the same folder adds nobody twice.
    """
    from receiver.domain.errors import Conflict, GatehouseError
    from receiver.services.people import IMPORT, NewPerson

    subjects = _subjects(folder)
    if not subjects:
        raise click.ClickException(f"{folder} holds no pictures ({', '.join(sorted(PICTURES))})")
    counts = {"enrolled": 0, "already there": 0, "refused": 0}
    notes: list[str] = []
    with (
        _library(flags) as library,
        click.progressbar(subjects.items(), label="Enrolling", length=len(subjects)) as bar,
    ):
        for name, paths in bar:
            new = NewPerson(
                name[:255], list_name, name[:255], pictures=[path.read_bytes() for path in paths], source=IMPORT
            )
            try:
                _, looked = library.add(new)
            except Conflict:
                counts["already there"] += 1
            except GatehouseError as error:
                counts["refused"] += 1
                notes.append(f"{name}: {error.detail}")
            else:
                counts["enrolled"] += 1
                notes += [
                    f"{path}: {describe(found)}" for path, found in zip(paths, looked, strict=True) if found["reason"]
                ]
    for note in notes:
        click.echo(note)
    click.echo(", ".join(f"{number} {what}" for what, number in counts.items()) + ".")


@people_command.command("list")
@click.option("--list", "list_name", type=click.Choice(LISTS), help="Only this list.")
@click.option("--limit", default=100, show_default=True, help="At most so many.")
@with_flags(FLAGS)
def list_people(list_name: str | None, limit: int, **flags: Any) -> None:
    """List people, newest first."""
    from receiver.services.asking import Asking

    with opened(flags) as house:
        page = Asking(house.store).people([list_name] if list_name else None, None, None, limit)
    for person in page.items:
        ids = ", ".join(each["external_id"] for each in person["identities"])
        click.echo(
            f"{person['id']:>6}  {person['list']:<9}  {person['name']}{f'  ({ids})' if ids else ''}  seen {person['visits']} times"
        )
    if not page.items:
        click.echo("Nobody yet. `people add NAME PICTURE...` enrols somebody.")


@contextmanager
def _library(flags: dict[str, Any]) -> Iterator["People"]:
    from receiver.bootstrap import make_local_people

    with opened(flags) as house:
        yield make_local_people(house)
        house.doorbell.ring()


def _subjects(folder: Path) -> dict[str, list[Path]]:
    subjects: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix.lower() in PICTURES:
            inner = path.relative_to(folder).parts
            subjects.setdefault(inner[0] if len(inner) > 1 else path.stem, []).append(path)
    return subjects


def describe(found: dict[str, Any]) -> str:
    """One picture's finding as a sentence."""
    if found["reason"]:
        return f"not used, {found['reason']}" + (f" ({found['detail']})" if found["detail"] else "")
    warnings = [each["reason"] for each in found["findings"]]
    return "used" + (f", but {', '.join(warnings)}" if warnings else "")
