"""Looks at pictures before their turn comes, in several threads: what is written stays in order, what is looked at need not."""

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from receiver.domain.errors import GatehouseError
from receiver.services.people.people import See
from recognition.engine import RecognitionError, Sighting


class LookingAhead:
    """Stands in for ``see``; a picture that it was told of before is ready, or nearly so."""

    def __init__(self, see: See, threads: int) -> None:
        self._see = see
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="look")
        self._begun: dict[bytes, Future[list[Sighting]]] = {}

    def begin(self, data: bytes) -> None:
        """Has the picture looked at as soon as a thread is free."""
        self._future(data)

    def see(self, data: bytes) -> list[Sighting]:
        """As the ``see`` that it stands for; waits for a picture that was begun.

        Raises:
            RecognitionError: as ``see``; ``engine_crashed`` for whatever else went wrong: a picture that the engine
                cannot bear is that picture's fault.
        """
        future = self._future(data)
        error = future.exception()
        if error is None:
            return future.result()
        if isinstance(error, RecognitionError | GatehouseError):
            raise error
        raise RecognitionError("engine_crashed", f"the engine failed on this picture: {error!r:.200}") from error

    def forget(self) -> None:
        """Lets go of the pictures so far; one that comes again is looked at anew."""
        for future in self._begun.values():
            future.cancel()
        self._begun.clear()

    def _future(self, data: bytes) -> "Future[list[Sighting]]":
        key = hashlib.sha256(data).digest()
        if key not in self._begun:
            self._begun[key] = self._pool.submit(self._see, data)
        return self._begun[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.forget()
        self._pool.shutdown(wait=True)
