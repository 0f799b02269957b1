"""Whether the disk has room for what can wait: imports stop well before the intake has to."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from receiver.domain.errors import Unavailable
from receiver.settings import MIB


@dataclass(frozen=True, slots=True)
class Room:
    """The disk of the data folder, and how many bytes of it are kept free for events."""

    data_dir: Path
    reserve: int

    def check(self) -> None:
        """Does nothing where there is room.

        Raises:
            Unavailable: ``disk_full``.
        """
        free = shutil.disk_usage(self.data_dir).free
        if free < self.reserve:
            raise Unavailable(
                "disk_full",
                f"only {free // MIB} MiB are free, {self.reserve // MIB} MiB are kept for events; make room",
            )
