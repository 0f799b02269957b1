"""people export-library and people import-library: the library alone, with its ids, from one server to another."""

from pathlib import Path
from typing import Any

import click

from receiver.cli.options import FLAGS, opened, with_flags
from receiver.cli.telling import refusing

TOLD = ("people", "faces", "pictures")


@click.command("export-library")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@with_flags(FLAGS)
def export_library_command(path: Path, **flags: Any) -> None:
    """Write people, faces and their pictures into the file PATH, without any event; the server may run meanwhile.

    It holds faces and names: keep it as you keep the server.
    """
    from receiver.assembly.security import make_exporting_library

    with opened(flags) as house, refusing():
        counts = make_exporting_library(house).write(path.absolute())
    click.echo(f"{path}: {_told(counts)}. `people import-library` reads it into an empty library.")


@click.command("import-library")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_flags(FLAGS)
def import_library_command(path: Path, **flags: Any) -> None:
    """Read a bundle into an empty library; people and faces keep their ids, devices are known again by their keys.

    Whoever was erased here stays erased.
    """
    from receiver.assembly.privacy import make_erasures
    from receiver.assembly.security import make_importing_library

    with opened(flags) as house, refusing():
        counts = make_importing_library(house).read(path.absolute())
        again = make_erasures(house).reapply()
        house.doorbell.ring()
    click.echo(
        f"Read: {_told(counts)}." + (f" {again} of the people were erased here once, and are again." if again else "")
    )


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in TOLD)
