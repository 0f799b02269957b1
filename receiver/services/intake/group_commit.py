"""Group commit: what several requests want written at the same time goes into one transaction."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from receiver.domain.errors import GatehouseError, Unavailable
from receiver.store.database import CONFLICT

Entry = TypeVar("Entry")
Result = TypeVar("Result")
Made = TypeVar("Made")

# One group is one transaction: large enough to share the disk's flush, small enough not to keep other writers waiting.
GROUP_SIZE = 256


class _Submission(Generic[Result]):
    """What one caller waits for: complete when the last of its entries is settled."""

    def __init__(self, count: int, then: Callable[[list[Any]], Any]) -> None:
        self.future: Future[Any] = Future()
        self._then = then
        self._outcomes: list[Any] = [None] * count
        self._open = count

    def settle(self, index: int, outcome: Result | GatehouseError) -> None:
        """Called by whoever holds the lock of the flush."""
        self._outcomes[index] = outcome
        self._open -= 1
        if self._open == 0 and not self.future.done():
            try:
                made = self._then(self._outcomes)
            except GatehouseError as error:
                self.future.set_exception(error)
            else:
                self.future.set_result(made)

    def fail(self, error: BaseException) -> None:
        """Nothing can be said about some entry: the whole submission fails."""
        if not self.future.done():
            self.future.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Entry, Result]):
    entry: Entry
    index: int
    submission: _Submission[Result]


class GroupCommit(Generic[Entry, Result]):
    """Calls ``write_batch`` with everything that has come together while the last batch was being written.

    There is no thread of its own: whoever flushes writes for all who wait. If a batch fails, each entry is tried alone, so
    that one bad entry never takes the others with it. An entry that is refused even alone is replaced by what ``instead``
    makes of it, if it makes something of it.
    """

    def __init__(
        self,
        write_batch: Callable[[Sequence[Entry]], list[Result]],
        instead: Callable[[Entry, GatehouseError], Entry | None] = lambda _entry, _error: None,
    ) -> None:
        self._write_batch = write_batch
        self._instead = instead
        self._waiting: deque[_Waiting[Entry, Result]] = deque()
        self._writing = threading.Lock()

    def begin(
        self, entries: Sequence[Entry], then: "Callable[[list[Result | GatehouseError]], Made]"
    ) -> "Future[Made]":
        """Lines the entries up for the next flush; the future is what ``then`` makes of what became of each.

        That is its result, or what writing it alone raised. The future raises what ``then`` raises, and Unavailable if the
        store does not work just now: nothing can be said about the entries then.
        """
        submission: _Submission[Result] = _Submission(len(entries), then)
        if not entries:
            submission.future.set_result(then([]))
        self._waiting.extend([_Waiting(entry, index, submission) for index, entry in enumerate(entries)])
        return submission.future

    def flush(self) -> None:
        """Returns when everything that was lined up before has been settled, by this thread or by another."""
        with self._writing:
            while self._waiting:
                # Others may line up more meanwhile, but only the holder of the lock takes away.
                count = min(GROUP_SIZE, len(self._waiting))
                group = [self._waiting.popleft() for _ in range(count)]
                try:
                    self._write(group)
                except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits for the result
                    for each in group:
                        each.submission.fail(error)

    def submit(self, entries: Sequence[Entry]) -> list[Result | GatehouseError]:
        """Writes the entries, with whatever else is lined up; for each what became of it.

        Raises:
            Unavailable: the store does not work just now; nothing can be said about the entries.
        """
        future = self.begin(entries, list)
        self.flush()
        return future.result()

    def _write(self, group: Sequence[_Waiting[Entry, Result]]) -> None:
        entries = [each.entry for each in group]
        try:
            try:
                results = self._write_batch(entries)
            except Unavailable as error:
                if error.reason != CONFLICT:
                    raise
                results = self._write_batch(entries)
        except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits for the result
            self._settle_failure(group, error)
            return
        for each, result in zip(group, results, strict=True):
            each.submission.settle(each.index, result)

    def _settle_failure(self, group: Sequence[_Waiting[Entry, Result]], error: BaseException) -> None:
        if len(group) > 1 and not isinstance(error, Unavailable):
            for each in group:
                self._write([each])
            return
        for each in group:
            if isinstance(error, GatehouseError) and not isinstance(error, Unavailable):
                self._replace(each, error)
            else:
                each.submission.fail(error)

    def _replace(self, waiting: _Waiting[Entry, Result], error: GatehouseError) -> None:
        other = self._instead(waiting.entry, error)
        if other is None:
            waiting.submission.settle(waiting.index, error)
        else:
            self._write([_Waiting(other, waiting.index, waiting.submission)])
