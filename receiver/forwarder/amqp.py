"""The way out to RabbitMQ: persistent messages, delivered when the broker has confirmed that a queue has them."""

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelError, NackError, UnroutableError

from receiver.domain.errors import Invalid
from receiver.forwarder.brokers import CONFIRM_SECONDS, CONNECT_SECONDS, Broker, name_of, properties_of, read_broker
from receiver.forwarder.channel import Answer, Destination, Outcome, Outgoing
from receiver.forwarder.guard import Guard
from receiver.forwarder.targets import Words, filled

PORTS = (5672, 5671)
HEARTBEAT = 30
PERSISTENT = 2
# A blank or point would make another word of the key.
FORBIDDEN = ".*#"
LONGEST_KEY = 255
FAILURES = (AMQPError, AMQPConnectorException, ChannelError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class AmqpTarget:
    """Where to, within the broker."""

    broker: Broker
    vhost: str
    exchange: str
    routing_key: str


def read_target(destination: Destination) -> AmqpTarget:
    """The target of a subscription.

    Raises:
        Invalid: ``bad_target``, ``bad_secret``, ``bad_pem``.
    """
    words = Words(destination.target)
    broker = read_broker(destination, words, PORTS)
    target = AmqpTarget(
        broker,
        words.text("vhost", "/", longest=LONGEST_KEY),
        words.text("exchange", longest=LONGEST_KEY),
        words.pattern("routing_key", "gatehouse.{topic}"),
    )
    words.end()
    return target


class AmqpChannel:
    """Publishes; a connection of pika belongs to one thread, so each thread has its own."""

    def __init__(self, guard: Guard | None = None) -> None:
        self._guard = guard or Guard()
        self._local = threading.local()
        # What it says of a failure ten times over stands in the answer.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        self._connections: list[pika.BlockingConnection] = []

    def check(self, destination: Destination) -> None:
        """Whether a subscription may be saved.

        Raises:
            Invalid: ``bad_target``, ``bad_secret``, ``bad_pem``, ``forbidden_address``.
        """
        target = read_target(destination)
        if destination.is_guarded:
            self._guard.check(target.broker.host, target.broker.port)

    def send(self, outgoing: Outgoing) -> Answer:
        """One message, confirmed; where the old connection has ended meanwhile, over a new one."""
        try:
            target = read_target(outgoing.destination)
            known = self._known()
            name = name_of(outgoing.destination)
            if name in known:
                with suppress(*FAILURES):
                    return self._publish(known[name], target, outgoing)
                self._drop(known.pop(name))
            known[name] = self._opened(target, is_guarded=outgoing.destination.is_guarded)
            return self._publish(known[name], target, outgoing)
        except Invalid as error:
            return Answer(Outcome.UNREACHABLE, detail=f"{error.reason}: {error.detail}")
        except FAILURES as error:
            if name in known:
                self._drop(known.pop(name))
            return Answer(Outcome.UNREACHABLE, detail=f"{type(error).__name__}: {error}"[:300])

    def close(self) -> None:
        """Ends all connections, after the threads that used them."""
        for connection in self._connections:
            with suppress(*FAILURES):
                connection.close()

    def _known(self) -> dict[bytes, BlockingChannel]:
        found: dict[bytes, BlockingChannel] = self._local.__dict__.setdefault("channels", {})
        return found

    def _opened(self, target: AmqpTarget, *, is_guarded: bool) -> BlockingChannel:
        broker = target.broker
        (address, *_) = self._guard.addresses(broker.host, broker.port, is_guarded=is_guarded)
        parameters = pika.ConnectionParameters(
            host=address,
            port=broker.port,
            virtual_host=target.vhost,
            credentials=pika.PlainCredentials(broker.username or "guest", broker.password or "guest"),
            ssl_options=pika.SSLOptions(broker.context, broker.host) if broker.context else None,
            heartbeat=HEARTBEAT,
            connection_attempts=1,
            socket_timeout=CONNECT_SECONDS,
            stack_timeout=2 * CONNECT_SECONDS,
            blocked_connection_timeout=CONFIRM_SECONDS,
        )
        connection = pika.BlockingConnection(parameters)
        self._connections.append(connection)
        channel = connection.channel()
        channel.confirm_delivery()
        return channel

    def _publish(self, channel: BlockingChannel, target: AmqpTarget, outgoing: Outgoing) -> Answer:
        # A broker that neither confirms nor hangs up would be waited for without end.
        timer = channel.connection.call_later(CONFIRM_SECONDS, _give_up)
        try:
            channel.basic_publish(
                target.exchange,
                filled(target.routing_key, outgoing, FORBIDDEN)[:LONGEST_KEY],
                outgoing.body,
                pika.BasicProperties(
                    content_type=outgoing.content_type,
                    delivery_mode=PERSISTENT,
                    message_id=outgoing.key[:LONGEST_KEY],
                    headers=properties_of(outgoing),
                ),
                mandatory=True,
            )
        except UnroutableError:
            return Answer(Outcome.UNREACHABLE, detail="unroutable: no queue is bound for this routing key")
        except NackError:
            return Answer(Outcome.UNREACHABLE, detail="the broker does not take the message just now")
        finally:
            with suppress(*FAILURES):
                channel.connection.remove_timeout(timer)
        return Answer(Outcome.DELIVERED)

    def _drop(self, channel: BlockingChannel) -> None:
        connection = channel.connection
        if connection in self._connections:
            self._connections.remove(connection)
        with suppress(*FAILURES):
            connection.close()


def _give_up() -> None:
    raise TimeoutError("the broker did not confirm")
