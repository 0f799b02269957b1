"""Sends one turn: composes message after message, in the lanes' order, and notes what became of each try."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from receiver.domain.errors import GatehouseError, Unavailable
from receiver.domain.subscriptions import Subscription, Topic
from receiver.forwarder.channel import Answer, Destination, Outcome, Outgoing, SendingChannel
from receiver.services.forwarding.claiming import WITHOUT_AFTER, Part, Turn
from receiver.services.forwarding.due import Composed, Composer, Due
from receiver.store.database import Row
from receiver.store.lanes import Lane

# A turn ends after so long, so that others that wait get theirs.
TURN_SECONDS = 5.0
# A message that the other side calls wrong is tried this often, then kept aside so that the line goes on.
REFUSALS = 3
# Bytes of what a batch is made of: it is in memory as a whole.
LARGEST_BATCH = 16 * 1024 * 1024
KILLED = "killed_its_worker"

log = structlog.get_logger("forwarding")


@dataclass(frozen=True, slots=True)
class Tried:
    """One try of one message."""

    rows: Sequence[Row]
    at: datetime
    seconds: float
    answer: Answer


@dataclass(slots=True)
class Line:
    """What became of one lane in a turn.

    Attributes:
        left_out: delivery id -> why it is not sent, for good.
        killers: deliveries whose workers died, one after the other.
        alone_up_to: the members of a refused batch go alone up to that one.
    """

    lane: Lane
    tries: list[Tried] = field(default_factory=list)
    left_out: dict[int, str] = field(default_factory=dict)
    killers: list[int] = field(default_factory=list)
    alone_up_to: int = 0
    is_held_up: bool = False

    def of(self, *outcomes: Outcome) -> list[Tried]:
        """The tries that ended so."""
        return [each for each in self.tries if each.answer.outcome in outcomes]


@dataclass(slots=True)
class Ended:
    """What became of a turn.

    Attributes:
        stopped_by: the answer after which nothing more is sent there.
        trouble: why the next message could not be made just now, which is our own trouble: it was not tried.
    """

    turn: Turn
    lines: list[Line] = field(default_factory=list)
    stopped_by: Answer | None = None
    trouble: Unavailable | None = None

    @property
    def delivered(self) -> int:
        """Deliveries that were taken."""
        return sum(len(tried.rows) for line in self.lines for tried in line.of(Outcome.DELIVERED))


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends turns."""

    composer: Composer
    channel: SendingChannel
    clock: Callable[[], datetime]
    is_stopping: Callable[[], bool]

    def send(self, turn: Turn) -> Ended:
        """Sends what is in it, until it is done, its time is over, or the other side or our own store does not work."""
        ended = Ended(turn)
        try:
            self._send_parts(ended)
        except Unavailable as error:
            ended.trouble = error
        return ended

    def _send_parts(self, ended: Ended) -> None:
        turn, ends_at = ended.turn, time.monotonic() + TURN_SECONDS
        ended.lines += [Line(part.lane, alone_up_to=part.lane.alone_up_to) for part in turn.parts]
        for part, line in zip(turn.parts, ended.lines, strict=True):
            for rows in self._messages(turn.subscription, part, line):
                if ended.stopped_by is not None or self.is_stopping() or time.monotonic() > ends_at:
                    break
                self._try(ended, line, rows)
                if line.is_held_up:
                    break

    def _messages(self, subscription: Subscription, part: Part, line: Line) -> Iterator[Sequence[Row]]:
        """The rows of each message; what was a batch at the last try is one again, what was refused as one goes alone."""
        rows = list(part.rows)
        if part.lane.attempts >= WITHOUT_AFTER:
            line.killers.append(rows.pop(0).id)
        place = 0
        while place < len(rows):
            size = _size(rows, place, line, subscription.batch_size)
            yield rows[place : place + size]
            is_split = size > 1 and line.alone_up_to >= rows[place].id
            place += 0 if is_split else size

    def _try(self, ended: Ended, line: Line, rows: Sequence[Row]) -> None:
        subscription = ended.turn.subscription
        at, started = self.clock(), time.perf_counter()
        composed = self._compose(subscription, rows)
        if isinstance(composed, Answer):
            answer = composed
        else:
            line.left_out.update(composed.left_out)
            rows = [row for row in rows if row.id not in composed.left_out]
            if not rows:
                return
            answer = self._send(_outgoing(subscription, rows, composed))
        line.tries.append(Tried(rows, at, time.perf_counter() - started, answer))
        if answer.outcome is Outcome.REFUSED:
            _note_refusal(subscription, line, rows)
        elif answer.outcome is not Outcome.DELIVERED:
            ended.stopped_by = answer

    def _compose(self, subscription: Subscription, rows: Sequence[Row]) -> Composed | Answer:
        try:
            return self.composer.compose(subscription, [to_due(row) for row in rows])
        except Unavailable:
            # Nobody has refused it: what it is made of cannot be read just now.
            raise
        except GatehouseError as error:
            return Answer(Outcome.REFUSED, None, f"it cannot be made: {error.reason}: {error.detail}")

    def _send(self, outgoing: Outgoing) -> Answer:
        try:
            return self.channel.send(outgoing)
        except Exception as error:  # a channel's own mistake must hold up its destination alone, not its thread
            log.exception("channel_failed", channel=outgoing.destination.channel)
            return Answer(Outcome.UNREACHABLE, None, f"the channel failed: {type(error).__name__}")


def _size(rows: Sequence[Row], place: int, line: Line, batch_size: int) -> int:
    """How many rows the next message has."""
    if rows[place].id <= line.alone_up_to:
        return 1
    size, total = 0, 0
    for row in rows[place : place + batch_size]:
        total += row.size
        if size and (total > LARGEST_BATCH or row.id > line.lane.batch_up_to >= rows[place].id):
            break
        size += 1
    return size


def _note_refusal(subscription: Subscription, line: Line, rows: Sequence[Row]) -> None:
    if len(rows) > 1:
        # One of them is to blame: each by itself will show which.
        line.alone_up_to = rows[-1].id
    elif rows[0].refusals + 1 < REFUSALS and subscription.is_ordered:
        line.is_held_up = True


def to_due(row: Row) -> Due:
    """What the composer is given of a row."""
    return Due(
        id=row.id,
        subscription_id=row.subscription_id,
        device_id=row.device_id,
        topic=Topic(row.topic),
        event_id=row.event_id,
        message_id=row.message_id,
        subject=row.subject,
        content=row.content,
        is_bare=row.is_bare,
        is_replay=row.is_replay,
        attempts=row.attempts,
        refusals=row.refusals,
        created_at=row.created_at,
    )


def _outgoing(subscription: Subscription, rows: Sequence[Row], composed: Composed) -> Outgoing:
    return Outgoing(
        destination=destination_of(subscription),
        body=composed.body,
        content_type=composed.content_type,
        delivery_ids=[row.id for row in rows],
        event_ids=list(dict.fromkeys(row.event_id for row in rows if row.event_id is not None)),
        topic=rows[0].topic,
        key=key_of([row.id for row in rows]),
        attempt=rows[0].attempts + 1,
        facts=composed.facts,
    )


def destination_of(subscription: Subscription) -> Destination:
    """Where it goes, for the channel."""
    return Destination(subscription.channel, subscription.target, subscription.secrets, subscription.is_guarded)


def key_of(delivery_ids: Sequence[int]) -> str:
    """The message's id: the same deliveries are the same message, whenever they are tried."""
    first, last = delivery_ids[0], delivery_ids[-1]
    return f"msg_{first}" if first == last else f"msg_{first}-{last}-{len(delivery_ids)}"
