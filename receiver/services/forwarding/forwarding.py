"""Passes on every history event as it arrived: in order per device, at least once, however long the other side is away."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from receiver import metrics
from receiver.domain.errors import Unavailable
from receiver.forwarder.channel import Answer, Destination, Outcome, Outgoing, SendingChannel
from receiver.services.intake.originals import Originals
from receiver.store import deliveries
from receiver.store.database import Row
from receiver.store.store import Store
from receiver.translation.texts import column_text

LANES_AT_ONCE = 4
ROWS_AT_ONCE = 50
# Longer than one try may take, so that nobody else takes the lane while its owner waits for an answer.
LEASE = timedelta(seconds=30)
# A message that the other side calls wrong is tried this often, then kept aside so that the line goes on.
REFUSALS = 3
LONGEST_PAUSE = 60.0
TURN_SECONDS = 5.0
DETAIL_LIMIT = 500

log = structlog.get_logger("forwarding")


def pause(attempts: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait after ``attempts`` failures in a row: doubling up to a minute, jittered to half."""
    return float(min(LONGEST_PAUSE, 2.0 ** min(attempts, 10))) * (0.5 + 0.5 * chance())


class Forwarding:
    """Sends what is due."""

    def __init__(self, store: Store, originals: Originals, channel: SendingChannel) -> None:
        self._store = store
        self._originals = originals
        self._channel = channel
        self._pool = ThreadPoolExecutor(LANES_AT_ONCE, thread_name_prefix="forward")
        self._free = threading.BoundedSemaphore(LANES_AT_ONCE)
        self._is_stopping = False

    def begin_due(self, *, only_failing: bool = False) -> list["Future[int]"]:
        """Starts sending what is due, with the threads that are free; a slow lane keeps one of them, never the others."""
        begun: list[Future[int]] = []
        while not self._is_stopping and self._free.acquire(blocking=False):
            begun.append(self._pool.submit(self._send_lanes, only_failing=only_failing))
        return begun

    def send_due(self, *, only_failing: bool = False) -> int:
        """The same, and waits until nothing more is due; how many were sent."""
        return sum(begun.result() for begun in self.begin_due(only_failing=only_failing))

    def close(self) -> None:
        """Lets the tries under way end; nothing is sent afterwards."""
        self._is_stopping = True
        self._pool.shutdown(wait=True)
        self._channel.close()

    def _send_lanes(self, *, only_failing: bool) -> int:
        sent = 0
        try:
            while not self._is_stopping:
                with self._store.write() as tx:
                    up_to = deliveries.newest(tx)
                    lane = deliveries.claim_lane(tx, datetime.now(UTC), LEASE, up_to=up_to, only_failing=only_failing)
                if lane is None:
                    break
                sent += self._send_lane(lane, up_to)
        except Unavailable as error:
            log.warning("forwarding_stopped", reason=error.reason, detail=error.detail)
        finally:
            self._free.release()
        return sent

    def _send_lane(self, lane: deliveries.Lane, up_to: int) -> int:
        """One turn of one lane: bounded, so that lanes that wait get theirs."""
        sent = 0
        turn_ends = time.monotonic() + TURN_SECONDS
        with self._store.read() as tx:
            rows = deliveries.waiting_in(tx, lane, up_to, ROWS_AT_ONCE)
        for row in rows:
            if self._is_stopping or time.monotonic() > turn_ends:
                break
            answer = self._try(lane, row)
            if not self._settle(lane, row, answer):
                return sent
            if answer.outcome is Outcome.DELIVERED:
                sent += 1
                # The next failure is a first one again.
                lane = replace(lane, attempts=1)
        with self._store.write() as tx:
            deliveries.release(tx, lane, datetime.now(UTC), None)
        return sent

    def _try(self, lane: deliveries.Lane, row: Row) -> Answer:
        try:
            body = self._originals.regular(row.message_id)
        except Exception as error:  # noqa: BLE001 - a message that we cannot give back must not hold up its line for ever
            return Answer(Outcome.REFUSED, f"the message cannot be given back: {error!r}")
        if body is None:
            return Answer(Outcome.DELIVERED, "erased in the meantime")
        outgoing = Outgoing(
            Destination("http", {"url": lane.url}),
            body,
            delivery_ids=(row.id,),
            event_ids=(row.event_id,),
            key=f"dlv_{row.id}",
            attempt=lane.attempts,
        )
        return self._channel.send(outgoing)

    def _settle(self, lane: deliveries.Lane, row: Row, answer: Answer) -> bool:
        """Writes down what became of one try; whether the lane goes on."""
        metrics.DELIVERIES.labels(answer.outcome).inc()
        now = datetime.now(UTC)
        if answer.outcome is Outcome.DELIVERED:
            with self._store.write() as tx:
                deliveries.delivered(tx, lane, row.id, now, LEASE)
            return True
        detail = column_text(answer.detail, DETAIL_LIMIT)  # the other side's own words, whatever they are
        is_buried = answer.outcome is Outcome.REFUSED and row.refusals + 1 >= REFUSALS
        due_at = now if is_buried else now + timedelta(seconds=pause(lane.attempts))
        with self._store.write() as tx:
            if answer.outcome is Outcome.REFUSED:
                deliveries.refused(tx, row.id, detail, is_buried=is_buried)
            if not is_buried:
                deliveries.release(tx, lane, due_at, detail)
        log.warning(
            "not_delivered",
            event_id=row.event_id,
            outcome=answer.outcome,
            buried=is_buried,
            tries=lane.attempts,
            detail=detail,
        )
        return is_buried
