"""What the ways to a message broker share: where it is, who we are to it, and one connection for each of them."""

import hashlib
import json
import socket
import ssl
from dataclasses import dataclass, field

from receiver.forwarder.certificates import tls_context
from receiver.forwarder.channel import Destination, Outgoing
from receiver.forwarder.guard import Guard
from receiver.forwarder.targets import HIGHEST_PORT, LONGEST_PEM, Words

CONNECT_SECONDS = 5.0
# Until the broker has confirmed.
CONFIRM_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Broker:
    """Where a broker is, and how it is spoken to."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False, compare=False)


def read_broker(destination: Destination, words: Words, ports: tuple[int, int]) -> Broker:
    """Where to, of a subscription.

    Args:
        destination: the subscription's.
        words: of its target; the channel reads its own from the same.
        ports: the usual ones, without and with TLS.

    Raises:
        Invalid: ``bad_target``, ``bad_secret``, ``bad_pem``.
    """
    secrets = Words(destination.secrets, "bad_secret")
    is_tls = words.flag("tls")
    broker = Broker(
        words.text("host", is_required=True, longest=253),
        words.whole("port", ports[is_tls], 1, HIGHEST_PORT),
        secrets.text("username"),
        secrets.text("password"),
        tls_context(destination.target, destination.secrets) if is_tls else None,
    )
    words.text("ca_certificate", longest=LONGEST_PEM)
    secrets.end("client_certificate", "client_key")
    return broker


def name_of(destination: Destination) -> bytes:
    """What has a connection of its own; nothing secret can be read off it."""
    told = [dict(destination.target), dict(destination.secrets), destination.is_guarded]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode("utf-8", "surrogatepass")).digest()


def connect(broker: Broker, guard: Guard, *, is_guarded: bool) -> socket.socket:
    """A connection to the broker, at an address that was judged, with TLS where it is asked for.

    Raises:
        OSError: there is none.
    """
    error = OSError("no address")
    for address in guard.addresses(broker.host, broker.port, is_guarded=is_guarded):
        try:
            return _secured(socket.create_connection((address, broker.port), CONNECT_SECONDS), broker)
        except OSError as failed:
            error = failed
    raise error


def _secured(plain: socket.socket, broker: Broker) -> socket.socket:
    if broker.context is None:
        return plain
    try:
        return broker.context.wrap_socket(plain, server_hostname=broker.host)
    except OSError:
        plain.close()
        raise


def properties_of(outgoing: Outgoing) -> dict[str, str]:
    """What stands beside a message: its id and those of its deliveries and events, as in the headers of HTTP."""
    return {
        "webhook-id": outgoing.key,
        "x-gatehouse-event": ",".join(map(str, outgoing.event_ids)),
        "x-gatehouse-delivery": ",".join(map(str, outgoing.delivery_ids)),
    }
