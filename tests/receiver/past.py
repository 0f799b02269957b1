"""A past made for tests: events of some time ago with the faces that were seen on them, as a worker would have left them."""

import hashlib
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from receiver.store import devices, events
from receiver.store.store import Store
from recognition.engine import Embedding

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Past:
    """Writes events straight into the store."""

    store: Store
    model: str
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def gate(self, name: str) -> tuple[int, int]:
        """A device and its gate of that name: their ids."""
        with self.store.write() as tx:
            seen = {"first_seen": NOON, "last_seen": NOON}
            device = devices.add(tx, {"key": f"licence:{name}", "licence": name.upper(), **seen})
            facts = {"key": f"{name}__gate", "address": f"{name}.example", "name": f"the {name} gate"}
            return device, devices.add_gate(tx, {"device_id": device, **facts, **seen})

    def event(self, occurred_at: datetime, *faces: Embedding, at: tuple[int, int] | None = None, **changes: Any) -> int:
        """An event that showed those faces; what is not a column of events is changed on its sightings. Its id."""
        event_id = next(self._numbers)
        device_id, gate_id = at or (1, None)
        of_event = {name: changes.pop(name) for name in ("decision", "person_id") if name in changes}
        row = {
            "id": event_id, "received_at": occurred_at, "occurred_at": occurred_at, "has_device_time": True,
            "channel": "history", "generation": "A", "api_version": "", "device_id": device_id, "gate_id": gate_id,
            "identity_id": "", "identity_name": "", "identity_group": "", "reported_list": "staff", "person_type": 1,
            "want_action": "0", "score": None, "score_raw": None, "entered_at": None, "left_at": None, "fiqa_result": None,
            "reported": {}, "attributes": {}, "list": "staff", "recognition": "done", "recognition_reason": None,
            "decision": None, "person_id": None, "decision_detail": None, "registration": None,
            "registration_reason": None, "review": None,
        } | of_event  # fmt: skip
        with self.store.write() as tx:
            events.add(tx, [row], [], [])
            rows = [self._sighting(row, number, face) | changes for number, face in enumerate(faces)]
            events.replace_sightings(tx, event_id, rows)
        return event_id

    def _sighting(self, event: dict[str, Any], number: int, face: Embedding) -> dict[str, Any]:
        return {
            "event_id": event["id"], "digest": hashlib.sha256(b"%d %d" % (event["id"], number)).digest(), "kind": "face",
            "box": [number, 0, 10, 10], "landmarks": [], "score": 1.0, "quality": {}, "model": self.model,
            "embedding": face.astype(np.float32).tobytes(), "is_live": number == 0, "gate_id": event["gate_id"],
            "occurred_at": event["occurred_at"], "created_at": event["occurred_at"],
        }  # fmt: skip
