"""Alerts about what cannot be passed on: a destination that does not work, a backlog without room; for the forwarder's hooks."""

from datetime import UTC, datetime

from receiver.domain.alerts import NewAlert, Outcome, Severity, Source
from receiver.services.alerting.alerting import Alerting
from receiver.store import alerts
from receiver.store.database import Tx

KIND = "subscription_failing"
DROPPED = "backlog_dropped"
# A destination that goes and comes is one alert, until somebody closes it.
SUPPRESS_SECONDS = 24 * 60 * 60


class FailingSubscriptions:
    """Within the transaction that notes the failure, as the last that it does; whoever commits it rings afterwards."""

    def __init__(self, alerting: Alerting) -> None:
        self._alerting = alerting
        self.ring = alerting.ring

    def note(self, tx: Tx, subscription_id: int, name: str, reason: str) -> None:
        """Opens an alert, or adds to the one that lasts.

        Args:
            tx: a write transaction.
            subscription_id: whose destination it is.
            name: the subscription's.
            reason: machine word.
        """
        now = datetime.now(UTC)
        new = NewAlert(
            kind=KIND,
            severity=Severity.WARNING,
            source=Source.SERVER,
            started_at=now,
            key=_key(subscription_id),
            suppress_seconds=SUPPRESS_SECONDS,
            title=name,
            detail={"subscription": subscription_id, "reason": reason},
        )
        self._alerting.open_in(tx, [new], now)

    def settle(self, tx: Tx, subscription_id: int) -> None:
        """Closes the alert, if there is one that nobody has closed: the destination works again."""
        known = alerts.known_keys(tx, [_key(subscription_id)]).get(_key(subscription_id))
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
            title="",
            detail={"what": what, "count": number},
        )
        self._alerting.open(new)


def _key(subscription_id: int) -> str:
    return f"subscription:{subscription_id}"
