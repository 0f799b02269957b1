"""Shows what a subscription would send of a real event; nothing is sent."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from receiver.domain.errors import NotFound
from receiver.domain.subscriptions import Channel, Form, Origin, Subscription, check
from receiver.services.forwarding.composing import Composing
from receiver.store import subscriptions
from receiver.store.store import Store
from receiver.translation.subscriptions import changed

# Pictures are long; the beginning tells what there is to see.
SHOWN_BYTES = 256 * 1024
# What is shown where there is no subscription yet.
TRIAL = Subscription(0, "trial", Origin.API, Channel.HTTP, {}, form=Form.EVENT)
WORDS = ("format", "template", "pictures")


class Previewing:
    """Composes, and keeps nothing."""

    def __init__(self, store: Store, composing: Composing) -> None:
        self._store = store
        self._composing = composing

    def of(self, subscription_id: int | None, wanted: Mapping[str, Any], zone: str) -> dict[str, Any]:
        """What would be sent of the event, in the subscription's way, or as ``wanted`` says otherwise.

        Raises:
            NotFound: ``no_such_subscription``, ``no_such_event``.
            Invalid: ``bad_template``, ``template_failed``, ``cannot_convert``.
        """
        known = TRIAL if subscription_id is None else self._known(subscription_id)
        said = {name: wanted[name] for name in WORDS if wanted[name] is not None}
        if said.get("template") is not None:
            said.setdefault("format", Form.TEMPLATE)
        trial = replace(changed(known, said, zone), batch_size=1)
        check(trial)
        body, kind = self._composing.preview(trial, wanted["event"])
        return {"content_type": kind, "body": body[:SHOWN_BYTES].decode("utf-8", "replace"), "size": len(body)}

    def _known(self, subscription_id: int) -> Subscription:
        with self._store.read() as tx:
            found = subscriptions.find(tx, subscription_id)
        if found is None:
            raise NotFound("no_such_subscription", f"there is no subscription {subscription_id}")
        return found.subscription
