"""What tests of erasure share: the work without a worker process, and searches through everything that is kept."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from receiver.services.erasing.erasing import Erasing, ErasingParts
from receiver.services.erasing.erasing_pictures import PictureEraser, PictureParts
from receiver.services.pacing import Pace
from receiver.store import tables
from receiver.store.erased_list import ErasedList
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition import read_image

Locate = Callable[[Any, bytes, str], Sequence[Sequence[int]]]


def make_erasing(store: Store, folder: Path, locate: Locate = lambda _image, _probes, _model: ()) -> Erasing:
    """As the worker has it, with a store of its own process."""
    pictures = PictureEraser(PictureParts(store, Pictures(store.pictures), read_image, locate))
    return Erasing(ErasingParts(store, pictures, ErasedList(folder), 30))


def without_rest(is_stopping: Callable[[], bool] = lambda: False) -> Pace:
    return Pace(is_stopping, lambda _seconds: None)


def stopped_after(steps: int) -> Pace:
    """As if the process were ended before the step of that number."""
    asked = itertools.count()
    return without_rest(lambda: next(asked) >= steps)


def cells(store: Store) -> Iterator[tuple[str, bytes]]:
    """Every value of every table as bytes, each with the name of its column."""
    for database, part in ((store.main, tables.main), (store.pictures, tables.picture_store)):
        for table in part.tables.values():
            with database.read() as tx:
                for row in tx.execute(select(table)):
                    for name, value in row._mapping.items():
                        data = value if isinstance(value, bytes) else repr(value).encode()
                        yield f"{table.name}.{name}", data


def columns_with(store: Store, needles: Iterable[bytes]) -> set[str]:
    """The columns in which one of the needles still stands."""
    wanted = list(needles)
    return {name for name, data in cells(store) if any(needle in data for needle in wanted)}


def files_with(folder: Path, needles: Iterable[bytes]) -> set[str]:
    """The files below a folder in whose bytes one of the needles stands."""
    wanted = list(needles)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.name for path in files if any(needle in path.read_bytes() for needle in wanted)}
