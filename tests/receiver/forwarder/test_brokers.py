"""Messages reach a real Mosquitto and a real RabbitMQ, and count as delivered only when those have said so."""

import json
import os
import queue
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pika
import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from receiver.domain.errors import Invalid
from receiver.forwarder.amqp import AmqpChannel
from receiver.forwarder.channel import Destination, Outcome, Outgoing
from receiver.forwarder.mqtt import MqttChannel
from tests.receiver.forwarder.certificates import Made

PATIENCE = 20
BODY = b'{"type":"event"}'


def target_of(url: str, **more: object) -> dict[str, object]:
    split = urlsplit(url)
    return {"host": split.hostname, **({"port": split.port} if split.port else {}), **more}


def secrets_of(url: str) -> dict[str, str]:
    split = urlsplit(url)
    said = {"username": unquote(split.username or ""), "password": unquote(split.password or "")}
    return {name: value for name, value in said.items() if value}


def outgoing(destination: Destination, body: bytes = BODY, **more: Any) -> Outgoing:
    facts = {"device": 3, "device_name": "east/door", "list": "staff", "person": "Test Person", "event": 7}
    said = {"key": "msg_5", "delivery_ids": (5,), "event_ids": (7,), "facts": facts} | more
    return Outgoing(destination, body, **said)


class Listener:
    """A subscriber at the broker."""

    def __init__(self, url: str, topic: str) -> None:
        self.arrived: queue.Queue[Any] = queue.Queue()
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        secrets = secrets_of(url)
        if secrets:
            self._client.username_pw_set(secrets["username"], secrets.get("password"))
        self._topic = topic
        self._client.on_connect = self._subscribe
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _client, _data, message: self.arrived.put(message)
        self._client.connect(str(urlsplit(url).hostname), urlsplit(url).port or 1883)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE)

    def _subscribe(self, *_: Any) -> None:
        self._client.subscribe(self._topic, qos=1)

    def next(self) -> Any:
        return self.arrived.get(timeout=PATIENCE)

    def end(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def listening(url: str, topic: str) -> Iterator[Listener]:
    made = Listener(url, topic)
    yield made
    made.end()


@pytest.fixture
def mqtt_url() -> str:
    return os.environ["GATEHOUSE_TEST_MQTT_URL"]


@pytest.fixture
def amqp_url() -> str:
    return os.environ["GATEHOUSE_TEST_AMQP_URL"]


@pytest.fixture
def mqtt() -> Iterator[MqttChannel]:
    made = MqttChannel()
    yield made
    made.close()


@pytest.fixture
def amqp() -> Iterator[AmqpChannel]:
    made = AmqpChannel()
    yield made
    made.close()


@pytest.mark.mqtt
@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_a_message_reaches_mosquitto_with_its_ids(mqtt: MqttChannel, mqtt_url: str, version: str) -> None:
    root = f"test/{uuid.uuid4().hex}"
    target = target_of(mqtt_url, topic=f"{root}/{{device}}/{{device_name}}/{{list}}", version=version)
    destination = Destination("mqtt", target, secrets_of(mqtt_url))
    mqtt.check(destination)
    with listening(mqtt_url, f"{root}/#") as listener:
        assert mqtt.send(outgoing(destination)).outcome is Outcome.DELIVERED
        message = listener.next()
        assert mqtt.send(outgoing(destination, b"again")).outcome is Outcome.DELIVERED
        assert listener.next().payload == b"again"
    assert (message.topic, message.payload) == (f"{root}/3/east_door/staff", BODY)
    if version == "5":
        said = dict(message.properties.UserProperty)
        assert said == {"webhook-id": "msg_5", "x-gatehouse-event": "7", "x-gatehouse-delivery": "5"}
        assert message.properties.ContentType == "application/json"


@pytest.mark.mqtt
def test_home_assistant_is_told_of_a_device_once_and_of_each_passage(mqtt: MqttChannel, mqtt_url: str) -> None:
    root, device = f"test/{uuid.uuid4().hex}", uuid.uuid4().hex
    target = target_of(mqtt_url, topic=f"{root}/events", home_assistant=True, discovery_prefix=f"{root}/discovery")
    destination = Destination("mqtt", target, secrets_of(mqtt_url))
    facts = {"device": device, "device_name": "East door", "list": "vip", "person": "Test Person"}
    state = f"gatehouse/home_assistant/gatehouse_{device}"
    with listening(mqtt_url, f"{root}/discovery/#") as found, listening(mqtt_url, state) as states:
        for _ in range(2):
            assert mqtt.send(outgoing(destination, facts=facts)).outcome is Outcome.DELIVERED
        configurations = {message.topic: json.loads(message.payload) for message in (found.next(), found.next())}
        told = [json.loads(states.next().payload) for _ in range(2)]
        assert found.arrived.empty()
    prefix = f"{root}/discovery"
    assert set(configurations) == {
        f"{prefix}/event/gatehouse_{device}/passage/config",
        f"{prefix}/sensor/gatehouse_{device}/last_seen/config",
    }
    for each in configurations.values():
        assert each["state_topic"] == state
        assert each["device"] == {
            "identifiers": [f"gatehouse_{device}"], "name": "East door", "manufacturer": "Gatehouse",
        }  # fmt: skip
    assert told[0] == told[1]
    assert (told[0]["event_type"], told[0]["person"]) == ("vip", "Test Person")


@pytest.mark.mqtt
def test_after_the_connection_ended_the_next_message_makes_a_new_one(mqtt: MqttChannel, mqtt_url: str) -> None:
    target = target_of(mqtt_url, topic=f"test/{uuid.uuid4().hex}", client_id=f"one-{uuid.uuid4().hex}")
    destination = Destination("mqtt", target, secrets_of(mqtt_url))
    assert mqtt.send(outgoing(destination)).outcome is Outcome.DELIVERED
    rival = MqttChannel()
    # The same client id: the broker ends the older connection.
    assert rival.send(outgoing(destination)).outcome is Outcome.DELIVERED
    outcomes = [mqtt.send(outgoing(destination)).outcome for _ in range(3)]
    rival.close()
    assert outcomes[-1] is Outcome.DELIVERED


@pytest.mark.mqtt
def test_mosquitto_is_reached_over_tls_if_its_certificate_is_right(
    mqtt: MqttChannel, mqtt_url: str, tmp_path: Path
) -> None:
    authority = Made.authority()
    with tls_before(mqtt_url, authority.signed("broker"), tmp_path) as port:
        for pem, outcome in ((authority.pem, Outcome.DELIVERED), (Made.authority().pem, Outcome.UNREACHABLE)):
            target = {"host": "127.0.0.1", "port": port, "tls": True, "ca_certificate": pem, "topic": "test/tls"}
            assert mqtt.send(outgoing(Destination("mqtt", target, secrets_of(mqtt_url)))).outcome is outcome


@pytest.mark.amqp
def test_rabbitmq_is_reached_over_tls_if_its_certificate_is_right(
    amqp: AmqpChannel, amqp_url: str, tmp_path: Path
) -> None:
    authority = Made.authority()
    with (
        bound_queue(amqp_url, "a") as (exchange, _),
        tls_before(amqp_url, authority.signed("broker"), tmp_path) as port,
    ):
        for pem, outcome in ((authority.pem, Outcome.DELIVERED), (Made.authority().pem, Outcome.UNREACHABLE)):
            target = {"host": "127.0.0.1", "port": port, "tls": True, "ca_certificate": pem, "exchange": exchange}
            destination = Destination("amqp", target | {"routing_key": "a"}, secrets_of(amqp_url))
            assert amqp.send(outgoing(destination)).outcome is outcome


@contextmanager
def tls_before(url: str, made: Made, folder: Path) -> Iterator[int]:
    """A port that speaks TLS and passes everything on to the broker."""
    split = urlsplit(url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (folder / "broker.pem").write_text(made.pem + made.key_pem)
    context.load_cert_chain(folder / "broker.pem")

    def serve(connection: socket.socket) -> None:
        with (
            suppress(OSError),
            connection,
            context.wrap_socket(connection, server_side=True) as ours,
            socket.create_connection((str(split.hostname), split.port or 0)) as theirs,
        ):
            threading.Thread(target=pump, args=(theirs, ours), daemon=True).start()
            pump(ours, theirs)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def pump(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("kind", [MqttChannel, AmqpChannel])
def test_a_broker_that_says_nothing_is_an_answer(
    kind: type[MqttChannel] | type[AmqpChannel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("receiver.forwarder.mqtt.CONNECT_SECONDS", 0.2)
    monkeypatch.setattr("receiver.forwarder.amqp.CONNECT_SECONDS", 0.2)
    channel = kind()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = {"host": "127.0.0.1", "port": silent.getsockname()[1]}
        assert channel.send(outgoing(Destination("any", target))).outcome is Outcome.UNREACHABLE
    channel.close()


@pytest.mark.amqp
def test_a_message_reaches_rabbitmq_with_its_ids(amqp: AmqpChannel, amqp_url: str) -> None:
    with bound_queue(amqp_url, "gatehouse.event.3") as (exchange, receive):
        target = target_of(amqp_url, exchange=exchange, routing_key="gatehouse.{topic}.{device}")
        destination = Destination("amqp", target, secrets_of(amqp_url))
        amqp.check(destination)
        for body in (BODY, b"again"):
            assert amqp.send(outgoing(destination, body)).outcome is Outcome.DELIVERED
        properties, body = receive()
        assert receive()[1] == b"again"
    assert body == BODY
    assert (properties.message_id, properties.delivery_mode) == ("msg_5", 2)
    assert properties.content_type == "application/json"
    assert properties.headers["x-gatehouse-event"] == "7"


@pytest.mark.amqp
def test_what_no_queue_wants_or_a_queue_refuses_is_not_delivered(amqp: AmqpChannel, amqp_url: str) -> None:
    secrets = secrets_of(amqp_url)
    with bound_queue(amqp_url, "some.key", {"x-max-length": 1, "x-overflow": "reject-publish"}) as (exchange, _):
        nowhere = Destination("amqp", target_of(amqp_url, exchange=exchange, routing_key="other"), secrets)
        answer = amqp.send(outgoing(nowhere))
        assert (answer.outcome, answer.detail.partition(":")[0]) == (Outcome.UNREACHABLE, "unroutable")
        full = Destination("amqp", target_of(amqp_url, exchange=exchange, routing_key="some.key"), secrets)
        outcomes = [amqp.send(outgoing(full)).outcome for _ in range(4)]
        assert outcomes[0] is Outcome.DELIVERED
        assert outcomes[-1] is Outcome.UNREACHABLE


@pytest.mark.amqp
def test_an_exchange_that_is_not_there_is_an_answer_and_the_next_one_works(amqp: AmqpChannel, amqp_url: str) -> None:
    secrets = secrets_of(amqp_url)
    gone = Destination("amqp", target_of(amqp_url, exchange=f"none-{uuid.uuid4().hex}"), secrets)
    assert [amqp.send(outgoing(gone)).outcome for _ in range(2)] == [Outcome.UNREACHABLE] * 2
    with bound_queue(amqp_url, "a") as (exchange, receive):
        there = Destination("amqp", target_of(amqp_url, exchange=exchange, routing_key="a"), secrets)
        assert amqp.send(outgoing(there)).outcome is Outcome.DELIVERED
        assert receive()[1] == BODY


@contextmanager
def bound_queue(url: str, key: str, arguments: dict[str, Any] | None = None) -> Iterator[tuple[str, Any]]:
    """An exchange of the test's own with one queue; what comes out of it."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    name = f"gatehouse-test-{uuid.uuid4().hex}"
    channel.exchange_declare(name, "topic", auto_delete=True)
    channel.queue_declare(name, exclusive=True, arguments=arguments)
    channel.queue_bind(name, name, key)

    def receive() -> tuple[Any, bytes]:
        _, properties, body = next(channel.consume(name, auto_ack=True, inactivity_timeout=PATIENCE))
        return properties, body

    yield name, receive
    connection.close()


@pytest.mark.parametrize("kind", [MqttChannel, AmqpChannel])
def test_a_broker_that_is_not_there_is_an_answer(kind: type[MqttChannel] | type[AmqpChannel]) -> None:
    channel = kind()
    answer = channel.send(outgoing(Destination("any", {"host": "127.0.0.1", "port": 1}, {"password": "s3cret"})))
    channel.close()
    assert answer.outcome is Outcome.UNREACHABLE
    assert answer.detail
    assert "s3cret" not in answer.detail


@pytest.mark.parametrize("kind", [MqttChannel, AmqpChannel])
@pytest.mark.parametrize(
    ("target", "secrets", "reason"),
    [
        ({}, {}, "bad_target"),
        ({"host": "a.example", "port": 0}, {}, "bad_target"),
        ({"host": "a.example", "port": True}, {}, "bad_target"),
        ({"host": "a.example", "tls": "yes"}, {}, "bad_target"),
        ({"host": "a\nb"}, {}, "bad_target"),
        ({"host": "a.example", "unheard_of": 1}, {}, "bad_target"),
        ({"host": "a.example"}, {"unheard_of": "1"}, "bad_secret"),
        ({"host": "a.example", "topic": "{nothing}", "routing_key": "{nothing}"}, {}, "bad_target"),
        ({"host": "a.example", "tls": True, "ca_certificate": "no PEM"}, {}, "bad_pem"),
        ({"host": "127.0.0.1"}, {}, "forbidden_address"),
    ],
)
def test_what_cannot_be_sent_to_is_not_saved(
    kind: type[MqttChannel] | type[AmqpChannel], target: dict[str, object], secrets: dict[str, object], reason: str
) -> None:
    wrong = "routing_key" if kind is MqttChannel else "topic"
    fitting = {name: value for name, value in target.items() if name != wrong}
    with pytest.raises(Invalid) as refused:
        kind().check(Destination("any", fitting, secrets, is_guarded=True))
    assert refused.value.reason == reason
