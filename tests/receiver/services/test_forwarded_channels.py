"""A subscription delivers by every channel: what a box tells arrives at a broker and in a file, in order, and the books balance."""

import os
import uuid
from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver.domain.subscriptions import Channel, Form, Origin, Pictures, Subscription
from receiver.store import subscriptions
from receiver.store.store import open_store
from tests.receiver.forwarder.test_brokers import bound_queue, listening, secrets_of, target_of
from tests.receiver.teller import open_teller

EVENTS = 5


def told(folder: Path, channel: Channel, target: dict[str, Any], secrets: dict[str, str], **more: Any) -> list[int]:
    """Some events to one subscription; their ids. All of them are delivered."""
    store = open_store("", folder)
    store.upgrade()
    with open_teller(store, folder) as teller:
        new = Subscription(0, "there", Origin.COMMAND, channel, target, secrets=secrets, form=Form.EVENT, **more)
        with store.write() as tx:
            subscription_id = subscriptions.add(tx, new, teller.clock.now)
        events = [teller.happens(number) for number in range(EVENTS)]
        assert teller.send(3, seconds=1) == EVENTS
        books = teller.books(subscription_id)
        assert (books.recorded, books.delivered, books.waiting, books.dead) == (EVENTS, EVENTS, 0, 0)
    store.close()
    return events


def test_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    events = told(tmp_path, Channel.FILE, {"path": str(path)}, {}, pictures=Pictures.NONE)
    assert [orjson.loads(line)["data"]["id"] for line in path.read_bytes().splitlines()] == events


def test_in_batches_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    events = told(tmp_path, Channel.FILE, {"path": str(path)}, {}, batch_size=3)
    assert [orjson.loads(line)["data"]["id"] for line in path.read_bytes().splitlines()] == events


@pytest.mark.mqtt
def test_to_mosquitto(tmp_path: Path) -> None:
    url, root = os.environ["GATEHOUSE_TEST_MQTT_URL"], f"test/{uuid.uuid4().hex}"
    with listening(url, f"{root}/#") as listener:
        target = target_of(url, topic=f"{root}/{{list}}/{{person}}")
        events = told(tmp_path, Channel.MQTT, target, secrets_of(url))
        arrived = [listener.next() for _ in range(EVENTS)]
    assert [orjson.loads(message.payload)["data"]["id"] for message in arrived] == events
    assert {message.topic for message in arrived} == {f"{root}/staff/Test_Person"}


@pytest.mark.amqp
def test_to_rabbitmq(tmp_path: Path) -> None:
    url = os.environ["GATEHOUSE_TEST_AMQP_URL"]
    with bound_queue(url, "gatehouse.event.staff") as (exchange, receive):
        target = target_of(url, exchange=exchange, routing_key="gatehouse.{topic}.{list}")
        events = told(tmp_path, Channel.AMQP, target, secrets_of(url))
        arrived = [receive() for _ in range(EVENTS)]
    assert [orjson.loads(body)["data"]["id"] for _, body in arrived] == events
    assert len({properties.message_id for properties, _ in arrived}) == EVENTS
