"""A site with a past: people, and as many events as wanted, written by SQL into a SQLite file of their own."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.searching import embeddings
from receiver.store import devices, library, people
from receiver.store.database import Tx
from receiver.store.people import Identity
from receiver.store.store import MAIN_FILE, Store, open_store

MODEL = "dlib-resnet-v1+mirror"
DAYS, GATES, STEP = 400, 4, 20_000
FACES = 3
# A passage is two events within a minute; of four passages one shows nobody whom the library knows. One person is seen in
# every nineteenth passage, as whoever works beside a gate is: in 52 000 events of a million.
OFTEN, OFTEN_SEEN = 19, 1
REPORTED = (
    '{"licence":"BENCHM000120240101000001","ep_id":"BENCHM000120240101000001__10.0.0.21","device_ip":"10.0.0.21",'
    '"device_type":"0","stream_url":"","grab_quality":{},"box_quality":{},"notes":[],"identity_info":{},"extra":{}}'
)
DETAIL = (
    '{"reasons":["claim_confirmed"],"distance":0.31,"threshold":0.56,"margin":0.4,"engine":"onnx","cohort":null,'
    '"model":"dlib-resnet-v1+mirror","picture":"face","pictures":1,"box":[10,10,110,110],"quality":{"sharpness":0.4}}'
)
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
EVENTS = """
INSERT INTO event (id, received_at, occurred_at, has_device_time, channel, generation, api_version, device_id, gate_id,
  identity_id, identity_name, identity_group, reported_list, person_type, want_action, score, reported, attributes, list,
  recognition, decision, person_id, decision_detail, blacklist_said_by)
{numbers}
SELECT i, {begin} + ((i - 1) / 2) * 2 * {apart} + ((i - 1) % 2) * 20000000, {begin} + ((i - 1) / 2) * 2 * {apart} + ((i - 1) % 2) * 20000000, 1,
  'history', 'A', '', 1 + ((i - 1) / 2) % {gates}, 1 + ((i - 1) / 2) % {gates}, CASE WHEN {known} THEN 'E' || {person} ELSE '' END,
  CASE WHEN {known} THEN 'Person ' || {person} ELSE 'stranger' END, 'default_group',
  CASE WHEN {known} THEN 'staff' ELSE 'stranger' END, CASE WHEN {known} THEN 1 ELSE 4 END, '0', 0.9, '{reported}',
  '{{"age":"youth","gender":"female"}}', CASE WHEN {known} THEN 'staff' ELSE 'stranger' END, 'done',
  CASE WHEN {known} THEN 'matched' ELSE 'unknown' END, CASE WHEN {known} THEN {person} END, '{detail}', ''
FROM n"""
PICTURES = """
INSERT INTO event_picture (message_id, position, event_id, kind, digest, media_type, width, height)
{numbers} SELECT i, 0, i, 'face', randomblob(32), 'image/jpeg', 120, 120 FROM n"""
MESSAGES = """
INSERT INTO message (id, event_id, channel, received_at, peer, path, raw)
{numbers} SELECT i, i, 'history', {begin} + i * {apart}, '10.0.0.9', '/HistoryEvent', randomblob(300) FROM n"""


@dataclass(frozen=True)
class Built:
    """What was written, how long it took, and how large the file is."""

    people: int
    events: int
    seconds: float
    mib: float


def build(folder: Path, events: int, known: int) -> Built:
    """Everybody with three faces and an id, then the events, the last of which is of just now."""
    started = time.perf_counter()
    store = open_store("", folder)
    store.upgrade()
    try:
        _enrol(store, known)
        for first, last in _parts(events):
            with store.write() as tx:
                _write(tx, (first, last), events, known)
        with store.write() as tx:
            tx.exec_driver_sql("ANALYZE")
    finally:
        store.close()
    size = (folder / MAIN_FILE).stat().st_size / 1024**2
    return Built(known, events, round(time.perf_counter() - started, 1), round(size, 1))


def _parts(events: int) -> Iterator[tuple[int, int]]:
    for first in range(1, events + 1, STEP):
        yield first, min(events, first + STEP - 1)


def _enrol(store: Store, known: int) -> None:
    now = datetime.now(UTC)
    person = {"list": "staff", "source": "bench", "created_at": now, "updated_at": now}
    face = {
        "box": [10, 10, 110, 110],
        "quality": {"sharpness": 0.4},
        "source": "bench",
        "state": "current",
        "created_at": now,
    }
    numbers = embeddings(known * FACES)
    with store.write(lock=people.GALLERY_LOCK) as tx:
        library.settle(tx, MODEL, now)
        for gate in range(1, GATES + 1):
            seen = {"first_seen": now, "last_seen": now}
            device = devices.add(tx, {"key": f"licence:BENCH{gate}", "licence": f"BENCH{gate}", **seen})
            devices.add_gate(tx, {"device_id": device, "key": f"10.0.0.{gate}", "address": f"10.0.0.{gate}", **seen})
        for number in range(1, known + 1):
            person_id = people.add(tx, person | {"name": f"Person {number}"})
            people.set_identities(tx, person_id, [Identity(f"E{number}")])
            for place in range(FACES):
                row = number * FACES - FACES + place
                of_whom = {"person_id": person_id, "digest": row.to_bytes(32, "big")}
                people.add_face(tx, face | of_whom, {MODEL: numbers[row].tobytes()})


def _write(tx: Tx, part: tuple[int, int], events: int, known: int) -> None:
    begin = datetime.now(UTC) - timedelta(days=DAYS)
    words = {
        "numbers": NUMBERS.format(first=part[0], last=part[1]),
        "begin": int(begin.timestamp() * 1_000_000),
        "apart": DAYS * 86_400_000_000 // events,
        "gates": GATES,
        "known": f"(((i - 1) / 2) % {OFTEN} = 0 OR ((i - 1) / 2) / {known} % 4 < 3)",
        "person": f"(CASE WHEN ((i - 1) / 2) % {OFTEN} = 0 THEN {OFTEN_SEEN} ELSE 1 + ((i - 1) / 2) % {known} END)",
        "reported": REPORTED,
        "detail": DETAIL,
    }
    for statement in (EVENTS, PICTURES, MESSAGES):
        tx.exec_driver_sql(statement.format(**words))
