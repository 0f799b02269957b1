"""Makes, changes and removes subscriptions."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain import schedules, signatures
from receiver.domain.errors import Conflict, NotFound
from receiver.domain.subscriptions import Channel, Form, Origin, Subscription, SubscriptionState, check
from receiver.store import lanes, subscriptions
from receiver.store.database import Tx
from receiver.store.store import Store
from receiver.store.subscriptions import Kept

# Each is asked about every event.
MOST = 100
# So long both the old signing secret and the new one hold.
ROTATION = timedelta(days=1)
# Somebody else may change it in the moment between looking and writing.
TRIES = 3


@dataclass(frozen=True, slots=True)
class Checks:
    """What is asked beyond the words themselves; both raise Invalid.

    Attributes:
        destination: whether the channel can read where it goes, and whether it may go there.
        template: whether it can be filled.
    """

    destination: Callable[[Subscription], None]
    template: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A new one.

    Attributes:
        secret: by which it is signed; told once.
    """

    id: int
    secret: str | None


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A signing secret, told once; the one before holds until then too."""

    secret: str
    old_until: datetime | None


class Subscribing:
    """The use cases."""

    def __init__(self, store: Store, checks: Checks, ring: Callable[[], None]) -> None:
        self._store = store
        self._checks = checks
        self._ring = ring

    def add(self, new: Subscription, *, is_signed: bool = False) -> Made:
        """Keeps a new one; from now on what it wants is kept for it and sent.

        Raises:
            Invalid: with the reason of what does not fit.
            Conflict: ``name_taken``, ``too_many_subscriptions``, ``not_signed``.
        """
        secret = None
        if is_signed:
            _check_signed(new)
            secret = signatures.new_secret(secrets.token_bytes)
            new = replace(new, secrets={**new.secrets, "signing_secret": secret})
        self._check(new)
        with self._store.write() as tx:
            if len(subscriptions.every(tx)) >= MOST:
                raise Conflict("too_many_subscriptions", f"there may be {MOST} subscriptions; remove one first")
            _check_name(tx, new.name)
            number = subscriptions.add(tx, new, datetime.now(UTC))
        self._ring()
        return Made(number, secret)

    def change(self, subscription_id: int, change: Callable[[Subscription], Subscription], by: Origin) -> None:
        """Writes it anew; what the API sends elsewhere is guarded from then on.

        Raises:
            NotFound: ``no_such_subscription``.
            Invalid: with the reason of what does not fit.
            Conflict: ``name_taken``, ``set_in_settings``, ``changed_meanwhile``.
        """
        for _ in range(TRIES):
            with self._store.read() as tx:
                before = _as_set(_find(tx, subscription_id))
            after = _owned(before, change(before), by)
            # Outside of the transaction: names may be looked up.
            self._check(after)
            with self._store.write() as tx:
                if _as_set(_find(tx, subscription_id)) == before:
                    _write(tx, before, after)
                    break
        else:
            raise Conflict("changed_meanwhile", "somebody else changes it just now; try it again")
        self._ring()

    def remove(self, subscription_id: int) -> None:
        """Takes it away with what waits for it.

        Raises:
            NotFound: ``no_such_subscription``.
            Conflict: ``set_in_settings``.
        """
        with self._store.write() as tx:
            found = _find(tx, subscription_id).subscription
            if found.origin is Origin.SETTINGS and found.reason != "not_set":
                raise Conflict("set_in_settings", "take it out of GATEHOUSE_UPSTREAM_URL, then it can be removed")
            subscriptions.remove(tx, subscription_id)
        self._ring()

    def new_secret(self, subscription_id: int) -> NewSecret:
        """Makes another signing secret; for a while both hold, so that the other side can change over.

        Raises:
            NotFound: ``no_such_subscription``.
            Conflict: ``not_signed``.
        """
        secret, until = signatures.new_secret(secrets.token_bytes), datetime.now(UTC) + ROTATION
        with self._store.write() as tx:
            found = _as_set(_find(tx, subscription_id))
            _check_signed(found)
            old = found.secrets.get("signing_secret")
            changed: dict[str, object] = {**found.secrets, "signing_secret": secret}
            if old:
                changed |= {"previous_signing_secret": old, "previous_until": int(until.timestamp())}
            subscriptions.change(tx, replace(found, secrets=changed), datetime.now(UTC))
        return NewSecret(secret, until if old else None)

    def _check(self, wanted: Subscription) -> None:
        check(wanted)
        schedules.check(wanted.schedule)
        if wanted.form is Form.TEMPLATE:
            self._checks.template(wanted.template)
        self._checks.destination(wanted)


def _find(tx: Tx, subscription_id: int) -> Kept:
    found = subscriptions.find(tx, subscription_id)
    if found is None:
        raise NotFound("no_such_subscription", f"there is no subscription {subscription_id}")
    return found


def _as_set(found: Kept) -> Subscription:
    """As somebody has set it: that it fails is what we find."""
    if found.subscription.state is not SubscriptionState.FAILING:
        return found.subscription
    return replace(found.subscription, state=SubscriptionState.ENABLED, reason="")


def _owned(before: Subscription, after: Subscription, by: Origin) -> Subscription:
    """Whoever says where it goes answers for it; what the settings say is said there."""
    is_elsewhere = (after.target, after.channel) != (before.target, before.channel)
    if before.origin is Origin.SETTINGS and (is_elsewhere or after.schedule != before.schedule):
        raise Conflict("set_in_settings", "where it goes and when is said by GATEHOUSE_UPSTREAM_URL and _EVERY")
    return replace(after, origin=by) if is_elsewhere else after


def _write(tx: Tx, before: Subscription, after: Subscription) -> None:
    now = datetime.now(UTC)
    if after.name != before.name:
        _check_name(tx, after.name)
    planned: dict[str, Any] = {} if after.schedule == before.schedule else {"next_at": None}
    subscriptions.change(tx, after, now, **planned)
    if after.may_send:
        lanes.make_due(tx, after.id, now)


def _check_name(tx: Tx, name: str) -> None:
    if subscriptions.is_name_taken(tx, name):
        raise Conflict("name_taken", f"there is a subscription named {name!r} already")


def _check_signed(wanted: Subscription) -> None:
    if wanted.channel is not Channel.HTTP:
        raise Conflict("not_signed", "only what goes over http is signed")
