"""Passes changes of alerts on to whoever subscribes, in the transaction of the change."""

from receiver.domain.alerts import AlertNotice
from receiver.domain.subscriptions import Facts, Topic
from receiver.services.publishing.publishing import Occurrence, publish
from receiver.store.database import Tx


def pass_on(tx: Tx, notice: AlertNotice) -> None:
    """Writes a delivery for each subscription that wants to be told of this change."""
    told = dict(notice.facts)
    device_id = told["device_id"]
    facts = Facts(device_id=device_id, list_name=told["list"], person_id=told["person_id"], severity=told["severity"])
    # What kind of alert it is; the occurrence's own kind is what happened to it.
    told["alert"] = told.pop("kind")
    publish(tx, Occurrence(Topic.ALERT, notice.alert_id, notice.change.value, notice.at, told, device_id, facts))
