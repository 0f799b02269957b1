"""Subscriptions as rows: kept, changed, found; and the version by which every process knows that one has changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Row, exists, insert, select, update

from receiver.domain import signatures
from receiver.domain.breaker import FAILING_AFTER
from receiver.domain.schedules import Schedule, ScheduleKind
from receiver.domain.subscriptions import (
    NAMED,
    Channel,
    Filter,
    Form,
    Origin,
    Pictures,
    Subscription,
    SubscriptionState,
    Topic,
)
from receiver.store import destinations
from receiver.store.database import Tx, driver_cursor
from receiver.store.tables import destination, lane, subscription, subscription_book

REMOVED = "removed"
# Why one of the settings is disabled.
NOT_SET = "not_set"
# Among the topics: an event is wanted once it is decided.
DECISION = "decision"
MINUTE = timedelta(minutes=1)
# How long what goes upstream is signed with the secret before too, so that the other side can change over.
CHANGE_OVER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A subscription with what the forwarder has written down about it.

    Attributes:
        next_at: when the next run begins; None: nothing is planned, or it has no runs.
        run_up_to: the newest delivery of the present run; None before the first.
        failing_since: since when its destination does not work; None: it does.
        detail: what the other side said last.
        due_at: its destination is left alone until then.
        seconds: that all successful tries took, ``sent`` in number.
    """

    subscription: Subscription
    destination_id: int
    next_at: datetime | None
    run_up_to: int | None
    failing_since: datetime | None
    detail: str
    due_at: datetime
    last_success: datetime | None
    sent: int
    failed: int
    seconds: float


def version(tx: Tx) -> int:
    """Counts up whenever a subscription changes."""
    if tx.dialect.name == "sqlite":
        found = driver_cursor(tx).execute("SELECT version FROM subscription_book").fetchone()
        return int(found[0]) if found else 0
    return int(tx.execute(select(subscription_book.c.version)).scalar() or 0)


def wanted_topics(tx: Tx) -> frozenset[str]:
    """What anybody wants to be told of."""
    return frozenset((tx.execute(select(subscription_book.c.topics)).scalar() or "").split())


def every(tx: Tx) -> list[Kept]:
    """All that have not been removed, in the order in which they were made."""
    found = tx.execute(_known().where(subscription.c.state != REMOVED).order_by(subscription.c.id))
    return [_kept(row) for row in found]


def find(tx: Tx, subscription_id: int) -> Kept | None:
    """One; None if there is none or it has been removed."""
    where = (subscription.c.id == subscription_id, subscription.c.state != REMOVED)
    row = tx.execute(_known().where(*where)).one_or_none()
    return None if row is None else _kept(row)


def is_name_taken(tx: Tx, name: str) -> bool:
    """Whether one has that name."""
    return tx.execute(select(subscription.c.id).where(subscription.c.name == name)).first() is not None


def add(tx: Tx, new: Subscription, now: datetime) -> int:
    """Keeps a new one; its id."""
    values = _values(new) | {"destination_id": destinations.ensure(tx, new.destination_key, now), "created_at": now}
    number = tx.execute(insert(subscription).values(**values).returning(subscription.c.id)).scalar_one()
    note_change(tx)
    return int(number)


def change(tx: Tx, changed: Subscription, now: datetime, **values: Any) -> None:
    """Writes a subscription anew; where it goes to another place, that one's breaker counts."""
    values = _values(changed) | {"destination_id": destinations.ensure(tx, changed.destination_key, now)} | values
    tx.execute(update(subscription).where(subscription.c.id == changed.id).values(**values))
    note_change(tx)


def set_state(tx: Tx, subscription_id: int, state: SubscriptionState, reason: str) -> None:
    """Sets its state and why."""
    tx.execute(update(subscription).where(subscription.c.id == subscription_id).values(state=state, reason=reason))
    note_change(tx)


def remove(tx: Tx, subscription_id: int) -> None:
    """Nobody sees it any more, and its name is free; its rows go step by step, see ``removed``."""
    values = {"state": REMOVED, "name": f"removed {subscription_id}", "secrets": {}, "target": {}}
    tx.execute(update(subscription).where(subscription.c.id == subscription_id).values(**values))
    note_change(tx)


def removed(tx: Tx) -> list[int]:
    """Those whose rows are to go."""
    return list(tx.execute(select(subscription.c.id).where(subscription.c.state == REMOVED)).scalars())


def drop(tx: Tx, subscription_id: int) -> None:
    """The row of a removed one, which has no deliveries any more."""
    tx.execute(subscription.delete().where(subscription.c.id == subscription_id, subscription.c.state == REMOVED))


@dataclass(frozen=True, slots=True)
class Open:
    """One that may have something to send now, as far as its destination and its lanes go."""

    id: int
    destination_id: int
    run_up_to: int | None
    is_probe: bool


def open_ones(tx: Tx, now: datetime) -> list[Open]:
    """Those that are enabled, with a lane that is due and a destination that is not to be left alone."""
    is_due = exists().where(lane.c.subscription_id == subscription.c.id, lane.c.waiting > 0, lane.c.due_at <= now)
    statement = (
        select(subscription.c.id, subscription.c.destination_id, subscription.c.run_up_to, destination.c.failures)
        .join(destination, destination.c.id == subscription.c.destination_id)
        .where(subscription.c.state == SubscriptionState.ENABLED, destination.c.due_at <= now, is_due)
        .order_by(subscription.c.id)
    )
    return [Open(row.id, row.destination_id, row.run_up_to, row.failures > 0) for row in tx.execute(statement)]


def plan(tx: Tx, subscription_id: int, next_at: datetime | None, run_up_to: int | None) -> None:
    """When the next run begins, and what the present one sends."""
    values = {"next_at": next_at, "run_up_to": run_up_to}
    tx.execute(update(subscription).where(subscription.c.id == subscription_id).values(**values))


def take_room(tx: Tx, subscription_id: int, rate: int, now: datetime, wanted: int) -> int:
    """How many deliveries, of those wanted, this minute still has room for; they are counted as sent."""
    row = tx.execute(
        select(subscription.c.minute_at, subscription.c.minute_used)
        .where(subscription.c.id == subscription_id)
        .with_for_update()
    ).one()
    is_this = row.minute_at is not None and row.minute_at <= now < row.minute_at + MINUTE
    used = row.minute_used if is_this else 0
    taken = max(0, min(wanted, rate - used))
    if taken:
        values = {"minute_at": row.minute_at if is_this else now, "minute_used": used + taken}
        tx.execute(update(subscription).where(subscription.c.id == subscription_id).values(**values))
    return taken


def give_back(tx: Tx, subscription_id: int, unused: int) -> None:
    """Room that was taken and not used."""
    values = {"minute_used": subscription.c.minute_used - unused}
    tx.execute(update(subscription).where(subscription.c.id == subscription_id).values(**values))


def count_turn(tx: Tx, subscription_id: int, tally: tuple[int, int, float]) -> None:
    """After a turn: deliveries that were taken, tries that failed, and the seconds that all tries took."""
    sent, failed, seconds = tally
    values: dict[str, Any] = {
        "sent": subscription.c.sent + sent,
        "failed": subscription.c.failed + failed,
        "seconds": subscription.c.seconds + seconds,
    }
    tx.execute(update(subscription).where(subscription.c.id == subscription_id).values(**values))


def note_change(tx: Tx) -> None:
    """A subscription has changed: every process looks them up anew."""
    taking = [kept.subscription for kept in every(tx) if kept.subscription.takes_new]
    topics: set[str] = {topic for each in taking for topic in each.topics}
    if any(each.filter.needs_decision and Topic.EVENT in each.topics for each in taking):
        topics.add(DECISION)
    values = {"version": subscription_book.c.version + 1, "topics": " ".join(sorted(topics))}
    tx.execute(update(subscription_book).values(**values))


def _known() -> Any:
    breaker = (
        destination.c.failures,
        destination.c.failing_since,
        destination.c.last_error,
        destination.c.last_success,
        destination.c.due_at,
    )
    return select(subscription, *breaker).join(destination, destination.c.id == subscription.c.destination_id)


def _kept(row: Row[Any]) -> Kept:
    found = to_subscription(row)
    is_failing = row.failures >= FAILING_AFTER and found.state is SubscriptionState.ENABLED
    if is_failing:
        found = replace(found, state=SubscriptionState.FAILING, reason=found.reason or "unreachable")
    return Kept(
        subscription=found,
        destination_id=row.destination_id,
        next_at=row.next_at,
        run_up_to=row.run_up_to,
        failing_since=row.failing_since,
        detail=row.last_error or "",
        due_at=row.due_at,
        last_success=row.last_success,
        sent=row.sent,
        failed=row.failed,
        seconds=row.seconds,
    )


def to_subscription(row: Row[Any]) -> Subscription:
    """What a row means."""
    return Subscription(
        id=row.id,
        name=row.name,
        origin=Origin(row.origin),
        channel=Channel(row.channel),
        target=row.target,
        topics=frozenset(Topic(word) for word in row.topics.split()),
        filter=_filter(row.filter),
        schedule=_schedule(row.schedule),
        form=Form(row.form),
        template=row.template,
        pictures=Pictures(row.pictures),
        batch_size=row.batch_size,
        rate_per_minute=row.rate_per_minute,
        is_ordered=row.is_ordered,
        state=SubscriptionState(row.state),
        reason=row.reason,
        secrets=row.secrets,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _values(known: Subscription) -> dict[str, Any]:
    state = SubscriptionState.ENABLED if known.state is SubscriptionState.FAILING else known.state
    return {
        "name": known.name,
        "origin": known.origin,
        "channel": known.channel,
        "target": dict(known.target),
        "secrets": dict(known.secrets),
        "topics": " ".join(sorted(known.topics)),
        "filter": _filter_values(known.filter),
        "schedule": _schedule_values(known.schedule),
        "form": known.form,
        "template": known.template,
        "pictures": known.pictures,
        "batch_size": known.batch_size,
        "rate_per_minute": known.rate_per_minute,
        "is_ordered": known.is_ordered,
        "state": state,
        "reason": "" if known.state is SubscriptionState.FAILING else known.reason,
        "created_by": known.created_by,
    }


def _filter(values: Mapping[str, Any]) -> Filter:
    named = {name: frozenset(values.get(name, ())) for name in NAMED}
    return Filter(**named, min_score=values.get("min_score"))


def _filter_values(wanted: Filter) -> dict[str, Any]:
    named = {name: sorted(getattr(wanted, name)) for name in NAMED}
    return {name: each for name, each in named.items() if each} | (
        {} if wanted.min_score is None else {"min_score": wanted.min_score}
    )


def _schedule(values: Mapping[str, Any]) -> Schedule:
    return Schedule(
        kind=ScheduleKind(values.get("kind", ScheduleKind.NOW)),
        seconds=values.get("seconds", 0.0),
        cron=values.get("cron", ""),
        window_from=time.fromisoformat(values.get("from", "00:00")),
        window_to=time.fromisoformat(values.get("to", "00:00")),
        timezone=values.get("timezone", "UTC"),
    )


def _schedule_values(known: Schedule) -> dict[str, Any]:
    return {
        "kind": known.kind,
        "seconds": known.seconds,
        "cron": known.cron,
        "from": known.window_from.isoformat(),
        "to": known.window_to.isoformat(),
        "timezone": known.timezone,
    }


def settle(tx: Tx, wanted: Mapping[str, Schedule], now: datetime, secret: str = "") -> dict[int, str]:
    """Makes the ready-made subscriptions those of the settings, address -> when; returns the ones that are set, id -> address.

    An address that is no longer set keeps its backlog but gets nothing new, and goes on when it comes back. One that
    somebody has paused stays so. All of them sign with the secret, if there is one.
    """
    known = {
        str(each.subscription.target.get("url")): each
        for each in every(tx)
        if each.subscription.origin is Origin.SETTINGS
    }
    for url, found in known.items():
        _settle_one(tx, found, wanted.get(url), now, secret)
    for url, schedule in wanted.items():
        if url not in known:
            made = Subscription(0, _free_name(tx), Origin.SETTINGS, Channel.HTTP, {"url": url}, schedule=schedule)
            add(tx, replace(made, secrets=signatures.changed({}, secret, now.timestamp())), now)
    return {
        each.subscription.id: str(each.subscription.target["url"])
        for each in every(tx)
        if each.subscription.origin is Origin.SETTINGS and each.subscription.takes_new
    }


def _settle_one(tx: Tx, kept: Kept, schedule: Schedule | None, now: datetime, secret: str) -> None:
    found = kept.subscription
    if found.state is SubscriptionState.FAILING:
        found = replace(found, state=SubscriptionState.ENABLED, reason="")
    changed = found
    if schedule is None and found.takes_new:
        changed = replace(found, state=SubscriptionState.DISABLED, reason=NOT_SET)
    elif schedule is not None and found.reason == NOT_SET:
        changed = replace(found, state=SubscriptionState.ENABLED, reason="")
    secrets = signatures.changed(found.secrets, secret, (now + CHANGE_OVER).timestamp())
    changed = replace(changed, schedule=schedule or found.schedule, secrets=secrets)
    is_at_home = destinations.ensure(tx, found.destination_key, now) == kept.destination_id
    if changed != found or not is_at_home:
        planned: dict[str, Any] = {} if changed.schedule == found.schedule else {"next_at": None}
        change(tx, changed, now, **planned)


def _free_name(tx: Tx) -> str:
    number = 1
    while is_name_taken(tx, "upstream" if number == 1 else f"upstream-{number}"):
        number += 1
    return "upstream" if number == 1 else f"upstream-{number}"
