"""What every process has: the settings, the opened store, the pictures and the doorbell; and how they are opened."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from receiver.domain.errors import SetupError
from receiver.services.audit.auditing import Audit
from receiver.settings import Settings
from receiver.store import library, people
from receiver.store.announcement_bell import AnnouncementBell, open_bell
from receiver.store.audit import open_audit
from receiver.store.doorbell import Doorbell
from receiver.store.erased_list import ErasedList
from receiver.store.pictures import Pictures
from receiver.store.store import Store, open_store

if TYPE_CHECKING:
    from recognition.engine import RgbImage


@dataclass(frozen=True, slots=True)
class House:
    """The parts that every process has."""

    settings: Settings
    store: Store
    pictures: Pictures
    doorbell: Doorbell
    audit: Audit
    announced: AnnouncementBell
    closers: list[Callable[[], None]] = field(default_factory=list)

    @property
    def models_dir(self) -> Path:
        """Where networks lie: what is derived from dlib's files, and what somebody has put there."""
        return self.settings.data_dir / "models"

    @property
    def visit_pause(self) -> timedelta:
        """Sightings of a person that lie no further apart are one visit."""
        return timedelta(minutes=self.settings.visit_minutes)

    def read_image(self, data: bytes) -> "RgbImage":
        """See recognition.read_image; within the pixel limit."""
        from recognition import read_image

        return read_image(data, self.settings.pixel_limit)

    def close(self) -> None:
        """Ends what was started over this house, newest first, then closes the store and the doorbell."""
        for close in reversed(self.closers):
            close()
        self.doorbell.close()
        self.announced.close()
        self.audit.close()
        self.store.close()


def open_house(settings: Settings, *, is_upgrading: bool = True) -> House:
    """Opens the data folder and the database.

    Args:
        settings: as loaded.
        is_upgrading: bring the tables to this version; otherwise they must be at it already.

    Raises:
        SetupError: the data folder cannot be written, or the tables are of another version.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            "bad_data_dir", f"the data folder {settings.data_dir} cannot be made: {error.strerror}"
        ) from error
    store = open_store(settings.database_url, settings.data_dir)
    if is_upgrading:
        store.upgrade()
    elif not store.is_current():
        store.close()
        raise SetupError("old_tables", "the tables are of another version of this program; run `db upgrade` first")
    audit = Audit(open_audit(settings.database_url, settings.data_dir))
    bell = open_bell(settings.data_dir, settings.database_url)
    house = House(settings, store, Pictures(store.pictures), Doorbell(settings.data_dir), audit, bell)
    if is_upgrading and settings.engine_name != "off":
        _settle_library(house)
    if is_upgrading:
        _erase_again(house)
    return house


def _settle_library(house: House) -> None:
    """A new library begins with the model of the settings; one that has faces keeps its own."""
    with house.store.read() as tx:
        active = library.active(tx)
    if active is None or active.model != house.settings.model:
        with house.store.write(lock=people.GALLERY_LOCK) as tx:
            library.settle(tx, house.settings.model, datetime.now(UTC))


def _erase_again(house: House) -> None:
    """Begins to erase whom a restored backup has brought back."""
    from receiver.services.erasing.erasures import Erasures

    known = ErasedList(house.settings.data_dir)
    again = Erasures(house.store, house.pictures, known, house.doorbell.ring).reapply()
    if again:
        structlog.get_logger("erasing").warning("erased_again", erasures=again)
