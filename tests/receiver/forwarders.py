"""A forwarder over a store, as the worker has it, by the real clock."""

from datetime import timedelta
from pathlib import Path

from receiver.forwarder.channel import SendingChannel
from receiver.forwarder.channels import Channels
from receiver.forwarder.guard import Guard
from receiver.services.asking.asking import Asking
from receiver.services.forwarding.composing import Composing, ComposingParts
from receiver.services.forwarding.forwarding import Forwarding, ForwardingParts
from receiver.services.forwarding.templates import Templates
from receiver.services.intake.originals import Originals
from receiver.store.pictures import Pictures
from receiver.store.store import Store


def forwarder_of(store: Store, folder: Path, channel: SendingChannel | None = None) -> Forwarding:
    """Sends by ``channel``, else by all real ways out."""
    pictures = Pictures(store.pictures)
    originals, asking = Originals(store, pictures), Asking(store, timedelta(minutes=10))
    composing = Composing(ComposingParts(store, originals, asking, pictures, Templates()))
    return Forwarding(ForwardingParts(store, composing, channel or Channels(Guard(), folder / "outgoing")))
