"""Tells Home Assistant of our devices by MQTT discovery: each has an event for every passage, and who was seen last."""

import hashlib
from collections.abc import Iterator

import orjson

from receiver.forwarder.channel import Outgoing

EVENT = "event"
LISTS = ("staff", "visitor", "blacklist", "stranger", "vip")
SHOWN = ("list", "decision", "person", "event", "occurred_at", "device_name")


def announcements(prefix: str, outgoing: Outgoing, announced: set[str]) -> Iterator[tuple[str, bytes]]:
    """Topics and retained configurations of a device that Home Assistant has not been told of; none without a prefix."""
    if not prefix or outgoing.topic != EVENT:
        return
    node = _node(outgoing)
    if node in announced:
        return
    announced.add(node)
    name = str(outgoing.facts.get("device_name") or f"Gate {outgoing.facts.get('device', '')}")[:100]
    shared = {
        "state_topic": _state_topic(node),
        "device": {"identifiers": [node], "name": name, "manufacturer": "Gatehouse"},
    }
    passage = {"name": "Passage", "unique_id": f"{node}_passage", "event_types": LISTS, **shared}
    seen = {
        "name": "Last seen",
        "unique_id": f"{node}_last_seen",
        "value_template": "{{ value_json.person or value_json.event_type }}",
        "json_attributes_topic": _state_topic(node),
        "icon": "mdi:account-eye",
        **shared,
    }
    yield f"{prefix}/event/{node}/passage/config", orjson.dumps(passage)
    yield f"{prefix}/sensor/{node}/last_seen/config", orjson.dumps(seen)


def states(prefix: str, outgoing: Outgoing) -> Iterator[tuple[str, bytes]]:
    """Topic and state for one passage, small whatever the subscription's format is."""
    if prefix and outgoing.topic == EVENT:
        told = {name: outgoing.facts.get(name) for name in SHOWN}
        kind = told["list"] if told["list"] in LISTS else "stranger"
        yield _state_topic(_node(outgoing)), orjson.dumps({"event_type": kind, **told}, default=str)


def _node(outgoing: Outgoing) -> str:
    """The device's name in topics: letters, digits and underscores."""
    device = str(outgoing.facts.get("device", "")) or "all"
    is_plain = device.isascii() and device.replace("_", "").isalnum() and len(device) <= 40  # noqa: PLR2004 - the rest is hashed
    return f"gatehouse_{device if is_plain else hashlib.sha256(device.encode()).hexdigest()[:16]}"


def _state_topic(node: str) -> str:
    return f"gatehouse/home_assistant/{node}"
