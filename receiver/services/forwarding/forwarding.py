"""Passes everything on to whoever wants it: in order per device, at least once, however long the other side is away."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from receiver.domain.errors import Unavailable
from receiver.forwarder.channel import SendingChannel
from receiver.services.forwarding.claiming import LEASE, Claiming, Turn
from receiver.services.forwarding.due import Composer
from receiver.services.forwarding.runs import begin_due_runs
from receiver.services.forwarding.sending import Ended, Sender
from receiver.services.forwarding.settling import NO_HOOKS, Hooks, Settler, answer_of, count
from receiver.services.publishing.book import SubscriptionBook
from receiver.store import lanes
from receiver.store.store import Store

# Turns at once, of all subscriptions together; for destinations that do not work, half of them.
TURNS_AT_ONCE = 8
# Claims are prolonged when they are this old.
PROLONG_AFTER = timedelta(seconds=10)

log = structlog.get_logger("forwarding")


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ForwardingParts:
    """What the forwarder works with."""

    store: Store
    composer: Composer
    channel: SendingChannel
    clock: Callable[[], datetime] = utc_now
    chance: Callable[[], float] = random.random
    hooks: Hooks = NO_HOOKS


class Forwarding:
    """Sends what is due."""

    def __init__(self, parts: ForwardingParts) -> None:
        self._parts = parts
        self._claiming = Claiming(parts.store, SubscriptionBook(is_recognising=True))
        self._sender = Sender(parts.composer, parts.channel, parts.clock, lambda: self._is_stopping)
        self._settler = Settler(parts.clock, parts.chance, parts.hooks)
        self._pool = ThreadPoolExecutor(TURNS_AT_ONCE, thread_name_prefix="forward")
        self._free = threading.BoundedSemaphore(TURNS_AT_ONCE)
        # Guards what follows.
        self._lock = threading.Lock()
        self._under_way: dict[int, Turn] = {}
        self._is_stopping = False

    def tick(self) -> None:
        """What the clock does: runs begin, claims are prolonged, and what may be sent is."""
        try:
            self._prolong()
            begin_due_runs(self._parts.store, self._parts.clock())
        except Unavailable as error:
            _tell_stopped(error)
        else:
            self.begin_due()

    def begin_due(self) -> list["Future[int]"]:
        """Starts sending what may be sent, with the threads that are free; a slow lane keeps one of them, never the others."""
        begun: list[Future[int]] = []
        while not self._is_stopping and self._free.acquire(blocking=False):
            turn: Turn | None = None
            try:
                turn = self._claim()
            finally:
                if turn is None:
                    self._free.release()
            if turn is None:
                break
            begun.append(self._pool.submit(self._send_turns, turn))
        return begun

    def send_due(self) -> int:
        """Begins the runs that are due, sends until nothing more may be sent now; how many were delivered."""
        begin_due_runs(self._parts.store, self._parts.clock())
        return sum(begun.result() for begun in self.begin_due())

    def close(self) -> None:
        """Lets the tries under way end; nothing is sent afterwards."""
        self._is_stopping = True
        self._pool.shutdown(wait=True)
        self._parts.channel.close()

    def _send_turns(self, first: Turn) -> int:
        delivered = 0
        turn: Turn | None = first
        try:
            while turn is not None:
                ended = self._sender.send(turn)
                self._settle(ended)
                delivered += ended.delivered
                if ended.trouble is not None:
                    # The clock's next tick tries again; this thread would do so at once.
                    _tell_stopped(ended.trouble)
                is_over = self._is_stopping or ended.trouble is not None
                turn = None if is_over else self._claim()
        except Unavailable as error:
            # What was sent is sent again when the lease is over.
            _tell_stopped(error)
        except Exception:  # nobody looks at what a thread ends with: its lanes would stand, and nobody would know
            log.exception("turn_failed")
        finally:
            # A claim that goes on being prolonged would keep its lanes for ever; this one comes back with the lease.
            self._let_go(turn)
            self._free.release()
        return delivered

    def _let_go(self, turn: Turn | None) -> None:
        with self._lock:
            if turn is not None:
                self._under_way.pop(turn.number, None)

    def _claim(self) -> Turn | None:
        """One thread at a time, so that no two of this process look for the same."""
        with self._lock:
            busy = Counter(each.subscription.id for each in self._under_way.values())
            may_probe = sum(each.is_probe for each in self._under_way.values()) * 2 < TURNS_AT_ONCE
            try:
                turn = self._claiming.claim(self._parts.clock(), busy, may_probe=may_probe)
            except Unavailable as error:
                _tell_stopped(error)
                return None
            if turn is not None:
                self._under_way[turn.number] = turn
            return turn

    def _settle(self, ended: Ended) -> None:
        with self._lock:
            # As prolonged meanwhile.
            ended.turn = self._under_way.pop(ended.turn.number)
            with self._parts.store.write() as tx:
                self._settler.settle(tx, ended)
        count(ended)
        answer = answer_of(ended)
        if answer is not None:
            log.warning(
                "not_delivered",
                subscription=ended.turn.subscription.name,
                outcome=answer.outcome,
                status=answer.status,
                detail=answer.detail[:500],
            )

    def _prolong(self) -> None:
        """A claim goes on as long as its owner lives, however slow the other side is."""
        now = self._parts.clock()
        with self._lock:
            old = [turn for turn in self._under_way.values() if turn.until - now < LEASE - PROLONG_AFTER]
            if not old:
                return
            with self._parts.store.write() as tx:
                for turn in old:
                    for part in turn.parts:
                        lanes.prolong(tx, part.lane, turn.until, now + LEASE)
            for turn in old:
                self._under_way[turn.number] = replace(turn, until=now + LEASE)


def _tell_stopped(error: Unavailable) -> None:
    log.warning("forwarding_stopped", reason=error.reason, detail=error.detail)
