"""Alerts about what cannot be passed on: a destination that does not work, a backlog without room; for the forwarder's hooks."""

from datetime import UTC, datetime

from receiver.domain.alerts import NewAlert, Outcome, Severity, Source
from receiver.domain.subscriptions import Subscription
from receiver.services.alerting.alerting import Alerting
from receiver.store import alerts
from receiver.store.database import Tx

KIND = "subscription_failing"
DROPPED = "backlog_dropped"
# A destination that goes and comes is one alert, until somebody closes it.
SUPPRESS_SECONDS = 24 * 60 * 60


class FailingSubscriptions:
    """Told by the forwarder, within the transaction that notes it and as the last of it; followers look every second."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting

    def note(self, tx: Tx, subscription: Subscription, reason: str) -> None:
        """Its destination does not work: opens an alert, or adds to the one that lasts.

        Args:
            tx: a write transaction.
            subscription: whose destination it is.
            reason: machine word.
        """
        now = datetime.now(UTC)
        new = NewAlert(
            kind=KIND,
            severity=Severity.WARNING,
            source=Source.SERVER,
            started_at=now,
            key=_key(subscription),
            suppress_seconds=SUPPRESS_SECONDS,
            title=subscription.name,
            detail={"subscription": subscription.id, "reason": reason},
        )
        self._alerting.open_in(tx, [new], now)

    def settle(self, tx: Tx, subscription: Subscription, _reason: str) -> None:
        """It works again: closes the alert, if nobody has."""
        key = _key(subscription)
        known = alerts.known_keys(tx, [key]).get(key)
        if known is not None and known.alert_id is not None:
            self._alerting.close_in(tx, known.alert_id, Outcome.OVER, datetime.now(UTC))

    def note_dropped(self, what: str, number: int) -> None:
        """So much waits that something was dropped; one alert until somebody closes it.

        Args:
            what: ``pictures`` of deliveries, or ``deliveries``.
            number: of them.
        """
        new = NewAlert(
            kind=DROPPED,
            severity=Severity.CRITICAL,
            source=Source.SERVER,
            started_at=datetime.now(UTC),
            key=f"backlog:{what}",
            suppress_seconds=SUPPRESS_SECONDS,
            detail={"what": what, "count": number},
        )
        self._alerting.open(new)


def _key(subscription: Subscription) -> str:
    return f"subscription:{subscription.id}"
