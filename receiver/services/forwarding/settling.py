"""Writes down what became of a turn: deliveries, tries, the lanes' books, the destination's breaker; in one transaction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from receiver import metrics
from receiver.domain import breaker as breakers
from receiver.domain.breaker import Breaker
from receiver.domain.subscriptions import Subscription, SubscriptionState
from receiver.forwarder.channel import Answer, Outcome
from receiver.services.forwarding.sending import KILLED, REFUSALS, Ended, Line, Tried
from receiver.store import attempts, deliveries, destinations, lanes, subscriptions
from receiver.store.database import Tx
from receiver.store.lanes import DEAD, DELIVERED, DROPPED, Settled
from receiver.translation.texts import column_text

DETAIL_LIMIT = 500
# How long a refused delivery waits for its next try.
REFUSED_PAUSE = timedelta(seconds=5)
# Asked to come later without being told when.
THROTTLE_SECONDS = 30.0
GONE = "gone"
UNREACHABLE = "unreachable"

log = structlog.get_logger("forwarding")


def _nothing(_tx: Tx, _subscription: Subscription, _reason: str) -> None:
    """Nobody wants to know."""


# Who is to be told, of which subscription, and why.
Tell = Callable[[Tx, Subscription, str], None]
Notice = tuple[Tell, Subscription, str]


@dataclass(frozen=True, slots=True)
class Hooks:
    """Who is told, in the transaction, that a subscription's destination does not work, or works again."""

    on_failing: Tell = _nothing
    on_working: Tell = _nothing


NO_HOOKS = Hooks()


@dataclass(frozen=True, slots=True)
class Settler:
    """Settles turns."""

    clock: Callable[[], datetime]
    chance: Callable[[], float]
    hooks: Hooks = NO_HOOKS

    def settle(self, tx: Tx, ended: Ended) -> None:
        """In the order in which everybody holds these rows: destination, subscription, lanes."""
        now = self.clock()
        notices = [*self._settle_destination(tx, ended, now), *self._settle_subscription(tx, ended)]
        for line in ended.lines:
            settled = _settle_deliveries(tx, ended.turn.subscription, line, now)
            lanes.settle(tx, line.lane, ended.turn.until, settled, _lane_values(ended, line, now))
        _note_tries(tx, ended)
        # Last of all: whoever is told may write deliveries, in lanes of its own.
        for tell, subscription, reason in notices:
            tell(tx, subscription, reason)

    def _settle_destination(self, tx: Tx, ended: Ended, now: datetime) -> list[Notice]:
        """A refusal shows that the other side works as much as a success does."""
        has_answered = any(line.of(Outcome.DELIVERED, Outcome.REFUSED) for line in ended.lines)
        if not has_answered and ended.stopped_by is None and not ended.turn.is_probe:
            return []
        held = destinations.held(tx, ended.turn.destination_id)
        if not has_answered and ended.stopped_by is None and not held.is_open:
            return []
        present = self._after(held, ended, now, has_answered=has_answered)
        if present == held and not has_answered:
            return []
        worked_at = now if any(line.of(Outcome.DELIVERED) for line in ended.lines) else None
        destinations.save(tx, ended.turn.destination_id, present, worked_at)
        if present.is_failing == held.is_failing:
            return []
        return self._notices(tx, ended.turn.destination_id, present)

    def _after(self, held: Breaker, ended: Ended, now: datetime, *, has_answered: bool) -> Breaker:
        answer = ended.stopped_by
        if answer is not None and answer.outcome is Outcome.UNREACHABLE:
            # What it took before counts: the failure is a first one again.
            present = breakers.worked(held, now) if has_answered else held
            detail = column_text(answer.detail, DETAIL_LIMIT)
            return breakers.failed(present, now, detail, self.chance, is_probe=ended.turn.is_probe)
        if answer is not None and answer.outcome is Outcome.THROTTLED:
            seconds = THROTTLE_SECONDS if answer.retry_after is None else answer.retry_after
            return breakers.throttled(held, now, seconds)
        if has_answered or answer is not None:
            return breakers.worked(held, now)
        # A probe in which there was nothing to send tells nothing: the next one may come at once.
        return Breaker(held.failures, now, held.failing_since, held.detail)

    def _notices(self, tx: Tx, destination_id: int, present: Breaker) -> list[Notice]:
        """Everybody who sends there is concerned."""
        event = "subscription_failing" if present.is_failing else "subscription_works_again"
        tell = self.hooks.on_failing if present.is_failing else self.hooks.on_working
        found: list[Notice] = []
        for kept in subscriptions.every(tx):
            if kept.destination_id == destination_id and kept.subscription.may_send:
                log.warning(event, subscription=kept.subscription.name, detail=present.detail)
                found.append((tell, kept.subscription, UNREACHABLE))
        return found

    def _settle_subscription(self, tx: Tx, ended: Ended) -> list[Notice]:
        turn = ended.turn
        notices: list[Notice] = []
        tries = [tried for line in ended.lines for tried in line.tries]
        taken = [tried for tried in tries if tried.answer.outcome is Outcome.DELIVERED]
        if ended.stopped_by is not None and ended.stopped_by.outcome is Outcome.GONE:
            # Whoever has paused or removed it meanwhile has said more.
            kept = subscriptions.find(tx, turn.subscription.id)
            if kept is not None and kept.subscription.may_send:
                subscriptions.set_state(tx, turn.subscription.id, SubscriptionState.PAUSED, GONE)
                log.warning("subscription_failing", subscription=turn.subscription.name, detail=GONE)
                notices.append((self.hooks.on_failing, turn.subscription, GONE))
        if tries:
            tally = (ended.delivered, len(tries) - len(taken), sum(tried.seconds for tried in taken))
            subscriptions.count_turn(tx, turn.subscription.id, tally)
        if turn.room is not None:
            unused = turn.room - sum(len(tried.rows) for tried in tries)
            subscriptions.give_back(tx, turn.subscription.id, max(0, unused))
        return notices


def _settle_deliveries(tx: Tx, subscription: Subscription, line: Line, now: datetime) -> Settled:
    """The deliveries' own rows; what that is in the lane's books."""
    found = [deliveries.end(tx, _ids(line.of(Outcome.DELIVERED)), DELIVERED, now)]
    for why in sorted(set(line.left_out.values())):
        ids = [each for each, reason in line.left_out.items() if reason == why]
        found.append(deliveries.end(tx, ids, DROPPED, now, why))
    found.append(deliveries.end(tx, line.killers, DEAD, now, KILLED))
    for tried in line.of(Outcome.REFUSED):
        detail = column_text(tried.answer.detail, DETAIL_LIMIT)
        if len(tried.rows) > 1:
            deliveries.failed(tx, _ids([tried]), detail)
        elif tried.rows[0].refusals + 1 >= REFUSALS:
            found.append(deliveries.end(tx, _ids([tried]), DEAD, now, detail))
        else:
            rests_until = None if subscription.is_ordered else now + REFUSED_PAUSE
            deliveries.refused(tx, tried.rows[0].id, detail, rests_until)
    for tried in line.of(Outcome.UNREACHABLE, Outcome.THROTTLED, Outcome.GONE):
        deliveries.failed(tx, _ids([tried]), column_text(tried.answer.detail, DETAIL_LIMIT))
    return Settled(
        delivered=sum(each.delivered for each in found),
        dead=sum(each.dead for each in found),
        dropped=sum(each.dropped for each in found),
        size=sum(each.size for each in found),
    )


def _lane_values(ended: Ended, line: Line, now: datetime) -> dict[str, Any]:
    """When the lane goes on, and how; its destination's state is the breaker's business."""
    values: dict[str, Any] = {"due_at": now + REFUSED_PAUSE if line.is_held_up else now, "attempts": 0}
    if line.tries:
        last = line.tries[-1]
        is_taken = last.answer.outcome is Outcome.DELIVERED
        values["last_error"] = None if is_taken else column_text(last.answer.detail, DETAIL_LIMIT)
        is_whole = last.answer is ended.stopped_by and len(last.rows) > 1
        values["batch_up_to"] = last.rows[-1].id if is_whole else 0
        values["alone_up_to"] = line.alone_up_to
    if line.of(Outcome.DELIVERED):
        values["last_success"] = now
    return values


def _note_tries(tx: Tx, ended: Ended) -> None:
    tries = [tried for line in ended.lines for tried in line.tries]
    attempts.add(tx, [row for tried in tries for row in _try_rows(tried)])
    again = [row.id for tried in tries for row in tried.rows if row.attempts >= attempts.OF_ONE]
    attempts.trim(tx, again)


def _try_rows(tried: Tried) -> list[dict[str, Any]]:
    answer = tried.answer
    common = {
        "at": tried.at,
        "seconds": tried.seconds,
        "outcome": answer.outcome,
        "status": answer.status,
        "detail": column_text(answer.detail, DETAIL_LIMIT) or "",
    }
    return [{"delivery_id": row.id, **common} for row in tried.rows]


def _ids(tries: Sequence[Tried]) -> list[int]:
    return [row.id for tried in tries for row in tried.rows]


def count(ended: Ended) -> None:
    """The metrics of a turn, after its commit."""
    for line in ended.lines:
        for tried in line.tries:
            metrics.DELIVERIES.labels(tried.answer.outcome).inc(len(tried.rows))


def answer_of(ended: Ended) -> Answer | None:
    """What stopped it, or the last refusal: for the log."""
    refused = [tried.answer for line in ended.lines for tried in line.of(Outcome.REFUSED)]
    return ended.stopped_by or (refused[-1] if refused else None)
