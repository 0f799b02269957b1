"""A store in which everything goes as in the real one, and nothing stays: for dry runs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from receiver.store.database import Tx
from receiver.store.pictures import Pictures, StoredPicture
from receiver.store.store import Store


class _Undone(Exception):
    """Ends a transaction that went well by rolling it back."""


class RehearsalStore(Store):
    """Reads and locks as the store that it stands for, and rolls every write back."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.main, store.pictures)

    @contextmanager
    def write(self, lock: str | None = None) -> Iterator[Tx]:
        """As Store.write, but what was written is gone when the block ends."""
        with suppress(_Undone), super().write(lock) as tx:
            yield tx
            raise _Undone


class RehearsalPictures(Pictures):
    """Keeps no picture."""

    def put(self, pictures: Iterable[StoredPicture]) -> None:
        """Does nothing."""
