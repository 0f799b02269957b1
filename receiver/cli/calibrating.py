"""people calibrate: measures the site's own library, and writes the curves and a page to look at."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, opened, with_flags

if TYPE_CHECKING:
    from receiver.bootstrap import House
    from receiver.services.calibration.calibrating import Calibrating
    from receiver.services.calibration.measured import Measured
    from receiver.services.calibration.scores import Step

PNG, PAGE = "calibration.png", "calibration.html"


@dataclass(frozen=True, slots=True)
class _Files:
    """Where pictures come from and files go to, and whether the result counts."""

    strangers: Path | None
    output: Path | None
    is_kept: bool

    @property
    def source(self) -> str:
        return "" if self.strangers is None else f"folder {self.strangers.resolve().name}"


@click.command("calibrate")
@click.option(
    "--strangers",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Pictures of people who are not in the library, one of each; sub-folders are groups that are told apart.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where calibration.png and calibration.html are written; by default a new folder below the data folder.",
)
@click.option("--no-store", is_flag=True, help="Only measure: the decisions go on as they are.")
@with_flags(FLAGS)
def calibrate_command(strangers: Path | None, output: Path | None, *, no_store: bool, **flags: Any) -> None:
    """Measure how many strangers would be called by a name and how many known people missed, with this library.

    Every picture of a person with two or more is held against the others, everybody against everybody else, and the
    strangers against all. The result is stored and sets the threshold; two files show it: a picture with the curves, and
    a page that also names look-alikes and pictures that do not fit.
    """
    from receiver.bootstrap import make_calibrating
    from receiver.domain.errors import GatehouseError
    from receiver.services.calibration.telling import lines
    from recognition.errors import RecognitionError

    files = _Files(strangers, output, is_kept=not no_store)
    with opened(flags) as house:
        try:
            calibrating = make_calibrating(house)
            found = calibrating.measure(strangers, _bar)
            if files.is_kept:
                calibrating.keep(found)
                house.doorbell.ring()
        except (GatehouseError, RecognitionError) as error:
            raise click.ClickException(error.detail) from error
        for line in lines(found, files.source, is_kept=files.is_kept):
            click.echo(line)
        _write(house, calibrating, found, files)


@contextmanager
def _bar(label: str, total: int) -> Iterator["Step"]:
    """A progress bar; nothing where there is nothing to do."""
    if not total:
        yield lambda _done: None
        return
    with click.progressbar(length=total, label=f"{label:<34}") as bar:
        yield bar.update


def _write(house: "House", calibrating: "Calibrating", found: "Measured", files: _Files) -> None:
    """The two files; the folder of strangers is looked into again for the faces that are shown."""
    from receiver.services.calibration.page import PageParts, curves, page
    from receiver.services.calibration.portraits import Portraits

    folder = files.output or house.settings.data_dir / "calibrations" / f"{found.made_at:%Y-%m-%d_%H%M%S}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        png = curves(found)
        (folder / PNG).write_bytes(png)
        portraits = Portraits(house.read_image, calibrating.picture, files.strangers)
        parts = PageParts(calibrating.names(found), portraits.of, files.source, is_kept=files.is_kept)
        (folder / PAGE).write_text(page(found, png, parts), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be written ({error.strerror}); give another --output") from error
    click.echo(f"\nCurves: {folder / PNG}\nPage:   {folder / PAGE}")
    click.echo("Open the page in a browser: it shows the faces that a person should look at.")
