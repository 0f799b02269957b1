"""The way out to an MQTT broker: QoS 1, a message counts as delivered when the broker has acknowledged it."""

import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from receiver.domain.errors import Invalid
from receiver.forwarder import home_assistant
from receiver.forwarder.brokers import (
    CONFIRM_SECONDS,
    CONNECT_SECONDS,
    Broker,
    connect,
    name_of,
    properties_of,
    read_broker,
)
from receiver.forwarder.channel import Answer, Destination, Outcome, Outgoing
from receiver.forwarder.guard import Guard
from receiver.forwarder.targets import Words, filled

PORTS = (1883, 8883)
VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
KEEP_ALIVE = 30
# What a topic may not have: wildcards; a slash would make a level of its own.
FORBIDDEN = "+#/"
TOPIC_LIMIT = 65_535
# Answers (MQTT 5) from which on it is a refusal; those that speak of this very message.
REFUSED_FROM = 0x80
OF_THE_MESSAGE = {0x95: "packet too large", 0x99: "payload format invalid", 0x90: "topic name invalid"}
# What a message has besides its body and topic, at most.
OVERHEAD = 1024


@dataclass(frozen=True, slots=True)
class MqttTarget:
    """Where to, within the broker."""

    broker: Broker
    topic: str
    is_retained: bool
    client_id: str
    version: MQTTProtocolVersion
    discovery: str


def read_target(destination: Destination) -> MqttTarget:
    """The target of a subscription.

    Raises:
        Invalid: ``bad_target``, ``bad_secret``, ``bad_pem``.
    """
    words = Words(destination.target)
    broker = read_broker(destination, words, PORTS)
    version = words.text("version", "5")
    target = MqttTarget(
        broker,
        words.pattern("topic", "gatehouse/{device}/{topic}"),
        words.flag("retain"),
        words.text("client_id", longest=100),
        VERSIONS.get(version, MQTTProtocolVersion.MQTTv5),
        words.text("discovery_prefix", "homeassistant") if words.flag("home_assistant") else "",
    )
    words.end("discovery_prefix")
    if version not in VERSIONS:
        raise Invalid("bad_target", f"version must be one of {', '.join(VERSIONS)}")
    if any(each in target.topic for each in "+#") or any(each in target.discovery for each in "+#"):
        raise Invalid("bad_target", "a topic to publish to has no + and no #")
    return target


class MqttChannel:
    """Publishes; each destination has one connection, which all threads use."""

    def __init__(self, guard: Guard | None = None) -> None:
        self._guard = guard or Guard()
        self._lock = threading.Lock()
        self._links: dict[bytes, _Link] = {}

    def check(self, destination: Destination) -> None:
        """Whether a subscription may be saved.

        Raises:
            Invalid: ``bad_target``, ``bad_secret``, ``bad_pem``, ``forbidden_address``.
        """
        target = read_target(destination)
        if destination.is_guarded:
            self._guard.check(target.broker.host, target.broker.port)

    def send(self, outgoing: Outgoing) -> Answer:
        """One message, acknowledged."""
        try:
            target = read_target(outgoing.destination)
            link = self._link(outgoing.destination, target)
            link.meet()
            for topic, body in home_assistant.announcements(target.discovery, outgoing, link.announced):
                link.publish(topic, body, is_retained=True)
            answer = link.publish(
                filled(target.topic, outgoing, FORBIDDEN), outgoing.body, outgoing, is_retained=target.is_retained
            )
            if answer.outcome is Outcome.DELIVERED:
                for topic, body in home_assistant.states(target.discovery, outgoing):
                    link.publish(topic, body)
        except Invalid as error:
            return Answer(Outcome.UNREACHABLE, detail=f"{error.reason}: {error.detail}")
        except (OSError, ValueError, RuntimeError) as error:
            return Answer(Outcome.UNREACHABLE, detail=f"{type(error).__name__}: {error}"[:300])
        return answer

    def close(self) -> None:
        """Ends all connections."""
        for link in self._links.values():
            link.end()

    def _link(self, destination: Destination, target: MqttTarget) -> "_Link":
        name = name_of(destination)
        with self._lock:
            if name not in self._links:
                self._links[name] = _Link(target, self._guard, is_guarded=destination.is_guarded)
            return self._links[name]


class _Client(Client):
    """Connects where the guard lets it."""

    broker: Broker
    guard: Guard
    is_guarded: bool

    def _create_socket_connection(self) -> socket.socket:
        return connect(self.broker, self.guard, is_guarded=self.is_guarded)


class _Link:
    """One connection, made anew after it has ended."""

    def __init__(self, target: MqttTarget, guard: Guard, *, is_guarded: bool) -> None:
        self._target = target
        self._guard = guard
        self._is_guarded = is_guarded
        self._lock = threading.Lock()
        self._client: _Client | None = None
        self._said = threading.Event()
        self._refusal = ""
        self._largest = 0
        self._codes: dict[int, Any] = {}
        # Devices that Home Assistant has been told of on this connection.
        self.announced: set[str] = set()

    def meet(self) -> None:
        """Connects, unless it is connected.

        Raises:
            OSError: there is no connection, or the broker will not have us.
        """
        with self._lock:
            if self._client is not None and self._client.is_connected():
                return
            self.end()
            self._said.clear()
            self._refusal = ""
            self._client = self._made()
            self._client.connect(self._target.broker.host, self._target.broker.port, KEEP_ALIVE)
            self._client.loop_start()
            if not self._said.wait(CONNECT_SECONDS) or self._refusal:
                raise OSError(self._refusal or "the broker does not answer")

    def publish(
        self, topic: str, body: bytes, outgoing: Outgoing | None = None, *, is_retained: bool = False
    ) -> Answer:
        """One message; what came of it."""
        client = self._client
        if client is None:
            return Answer(Outcome.UNREACHABLE, detail="the connection has ended")
        if len(topic.encode()) > TOPIC_LIMIT or 0 < self._largest < len(body) + len(topic) + OVERHEAD:
            return Answer(Outcome.REFUSED, detail=f"too large: the broker takes {self._largest} bytes")
        properties = None
        if outgoing is not None and self._target.version == MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ContentType = outgoing.content_type
            properties.UserProperty = list(properties_of(outgoing).items())
        info = client.publish(topic, body, qos=1, retain=is_retained, properties=properties)
        if not _is_confirmed(client, info):
            # What it keeps to send again would come late and twice; the line tries again by itself.
            with self._lock:
                if self._client is client:
                    self.end()
            return Answer(Outcome.UNREACHABLE, detail="the broker did not acknowledge")
        return _judge(self._codes.pop(info.mid, None))

    def end(self) -> None:
        """Ends the connection."""
        client, self._client = self._client, None
        self.announced.clear()
        self._codes.clear()
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def _made(self) -> _Client:
        target = self._target
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=target.client_id,
            protocol=target.version,
            reconnect_on_failure=False,
        )
        client.broker, client.guard, client.is_guarded = target.broker, self._guard, self._is_guarded
        if target.broker.username:
            client.username_pw_set(target.broker.username, target.broker.password)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        return client

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, code: Any, properties: Any) -> None:
        self._refusal = f"the broker refuses us: {code}" if code.is_failure else ""
        self._largest = int(getattr(properties, "MaximumPacketSize", 0) or 0)
        self._said.set()

    def _on_publish(self, _client: Client, _data: Any, mid: int, code: Any, _properties: Any) -> None:
        self._codes[mid] = code


def _is_confirmed(client: Client, info: MQTTMessageInfo) -> bool:
    ends_at = time.monotonic() + CONFIRM_SECONDS
    while time.monotonic() < ends_at and client.is_connected():
        info.wait_for_publish(0.5)
        if info.is_published():
            return True
    return info.is_published()


def _judge(code: Any) -> Answer:
    value = getattr(code, "value", 0)
    if value < REFUSED_FROM:
        return Answer(Outcome.DELIVERED, detail=str(code or ""))
    outcome = Outcome.REFUSED if value in OF_THE_MESSAGE else Outcome.UNREACHABLE
    return Answer(outcome, detail=f"the broker refuses the message: {code}")
