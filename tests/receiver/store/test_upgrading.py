"""A database of the first version, with faces and sightings in it, is upgraded and loses nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from alembic import command, op
from sqlalchemy import MetaData, Table, text

from receiver.domain.errors import Invalid
from receiver.domain.events import ListName
from receiver.store import events, faces, library, migrating, people, review_lists, tables
from receiver.store.database import Tx
from receiver.store.review_lists import ReviewFilter
from receiver.store.store import Store, open_store
from tests.receiver.boxes import LICENCE, history
from tests.receiver.trusted import open_gateway, words

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DIGEST = b"d" * 32


@pytest.fixture
def first_version(empty_database_url: str, tmp_path: Path) -> Iterator[Store]:
    """A store whose tables are those of revision 0001."""
    opened = open_store(empty_database_url, tmp_path)
    parts = [tables.main, tables.picture_store] if opened.main is opened.pictures else [tables.main]
    with opened.main.write() as tx:
        command.upgrade(migrating._config(tx, parts), "0001")
    yield opened
    opened.close()


class FirstVersion:
    """Writes rows of the first version's tables, as they were then."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._is_sqlite = tx.dialect.name == "sqlite"
        self._tables = MetaData()

    def add(self, table: str, /, **values: Any) -> None:
        found = Table(table, self._tables, autoload_with=self._tx)
        self._tx.execute(found.insert(), {column: self._plain(value) for column, value in values.items()})

    def _plain(self, value: Any) -> Any:
        if isinstance(value, datetime) and self._is_sqlite:
            return int(value.timestamp() * 1_000_000)
        return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def fill(tx: Tx) -> None:
    first = FirstVersion(tx)
    first.add("person", id=7, name="one", list="staff", note="", source="test", created_at=NOW, updated_at=NOW)
    for number, (model, state) in enumerate(
        [("dlib-resnet-v1", "current"), ("dlib-resnet-v1", "former"), ("a-model-before", "former")], start=1
    ):
        first.add(
            "face", id=number, person_id=7, digest=DIGEST, model=model, embedding=bytes([number]) * 512, box=[1, 2, 3, 4],
            quality={"blur": 0.5}, source="upload", state=state, event_id={2: 2, 3: 99}.get(number), created_at=NOW,
        )  # fmt: skip
    for number, device_id in ((100, 0), (101, 3)):
        first.add("person_identity", id=number, person_id=7, external_id="E1", device_id=device_id)
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT setval(pg_get_serial_sequence('face', 'id'), 3)"))
    event_row(first, 1, detail={"picture": "face", "box": [1, 2, 31, 42], "reasons": ["within_threshold"]})
    event_row(first, 2, detail=None)
    waiting(first)
    for number, (event_id, kind, box) in enumerate(
        [(1, "face", [1, 2, 31, 42]), (1, "library", [1, 2, 31, 42]), (1, "face", [1, 2, 31, 4]), (2, "face", [5, 6, 7, 8]),
         (99, "face", [5, 6, 7, 8])], start=1
    ):  # fmt: skip
        first.add(
            "sighting", id=number, event_id=event_id, digest=DIGEST, kind=kind, box=box, landmarks=[], score=1.5,
            quality={}, embedding=bytes([number]) * 512, model="dlib-resnet-v1", created_at=NOW,
        )  # fmt: skip


def waiting(first: FirstVersion) -> None:
    """A message in quarantine, one that was read after all, a task that was given up, and one that is due."""
    for number, state in enumerate(["held", "replayed"], start=1):
        first.add(
            "quarantine", id=number, received_at=NOW, channel="history", peer="", path="/", content_type="", raw=b"{",
            reason="bad_json", detail="", form="body", digest=bytes([number]) * 32, state=state,
        )  # fmt: skip
    for number, state in enumerate(["buried", "waiting"], start=1):
        first.add("task", id=number, topic="recognise", subject=number, state=state, due_at=NOW, created_at=NOW)


def event_row(first: FirstVersion, event_id: int, detail: dict[str, Any] | None) -> None:
    first.add(
        "event", id=event_id, received_at=NOW, occurred_at=NOW - timedelta(minutes=event_id), has_device_time=True,
        channel="history", generation="A", api_version="", device_id=1, gate_id=10 + event_id, identity_id="E1",
        identity_name="", identity_group="", reported_list="staff", person_type=1, want_action="0", reported={},
        attributes={}, list="staff", recognition="done", decision="matched", person_id=7, decision_detail=detail,
        blacklist_said_by="",
    )  # fmt: skip


@pytest.fixture
def upgraded(first_version: Store) -> Store:
    with first_version.main.write() as tx:
        fill(tx)
    first_version.upgrade()
    assert first_version.is_current()
    return first_version


def test_faces_keep_their_embeddings_and_their_model_decides(upgraded: Store) -> None:
    with upgraded.read() as tx:
        assert library.model_of(tx) == "dlib-resnet-v1"
        assert [(row.id, row.state, row.box) for row in people.faces_of(tx, [7])] == [
            (1, "current", [1, 2, 3, 4]), (2, "former", [1, 2, 3, 4]), (3, "former", [1, 2, 3, 4]),
        ]  # fmt: skip
        rows = tx.execute(tables.face_embedding.select().order_by(tables.face_embedding.c.face_id)).all()
        (known,) = people.gallery_rows(tx, "dlib-resnet-v1")
    assert [tuple(row) for row in rows] == [
        (1, "dlib-resnet-v1", b"\x01" * 512), (2, "dlib-resnet-v1", b"\x02" * 512), (3, "a-model-before", b"\x03" * 512),
    ]  # fmt: skip
    assert (known.id, known.person_id, known.list) == (1, 7, ListName.STAFF)


def test_sightings_know_their_gate_and_time_and_which_was_decided_on(upgraded: Store) -> None:
    with upgraded.read() as tx:
        seen = [row for event_id in (1, 2, 99) for row in events.sightings_of(tx, event_id)]
    assert [(row.id, row.is_live, row.gate_id) for row in seen] == [
        (1, True, 11), (2, False, 11), (3, False, 11), (4, False, 12), (5, False, None),
    ]  # fmt: skip
    assert [row.occurred_at for row in seen] == [NOW - timedelta(minutes=late) for late in (1, 1, 1, 2, 0)]
    assert [row.embedding for row in seen] == [bytes([number]) * 512 for number in range(1, 6)]


def test_people_are_active_and_their_ids_hold_where_they_held(upgraded: Store) -> None:
    with upgraded.write(lock=people.GALLERY_LOCK) as tx:
        person = people.find(tx, 7)
        assert person is not None
        assert (person.state, person.valid_from, person.valid_until, person.fields) == ("active", None, None, {})
        assert people.groups_of(tx, [7]) == {7: []}
        assert [(row.external_id, row.device_id, row.device_group) for row in people.identities_of(tx, [7])[7]] == [
            ("E1", 0, ""), ("E1", 3, ""),
        ]  # fmt: skip
        people.add_identity(tx, 7, "E1", people.ANY_DEVICE, "factory")
        assert people.person_with_identity(tx, "E1", 8) == 7
    with pytest.raises(Invalid), upgraded.write(lock=people.GALLERY_LOCK) as tx:
        people.add_identity(tx, 7, "E1", people.ANY_DEVICE, "factory")


def test_faces_know_the_device_that_sent_them_while_the_event_is_kept(upgraded: Store) -> None:
    with upgraded.read() as tx:
        rows = people.faces_of(tx, [7])
        told = faces.told_by(tx, 7, 1)
    assert [(row.device_id, row.insisted) for row in rows] == [(None, None), (1, None), (None, None)]
    assert told == [(DIGEST, NOW - timedelta(minutes=2))]


def test_what_waited_for_somebody_is_asked_about(upgraded: Store) -> None:
    with upgraded.read() as tx:
        found, _ = review_lists.listed(tx, ReviewFilter(is_oldest_first=True), NOW)
    assert [(row.kind, row.state, row.reason, row.subject, row.event_id, row.detail) for row in found] == [
        ("quarantined", "open", "bad_json", 1, None, {}),
        ("buried_task", "open", "gave_up", 1, 1, {"topic": "recognise"}),
    ]
    assert [row.created_at for row in found] == [NOW, NOW]


def test_an_upgraded_database_can_be_written_to(upgraded: Store) -> None:
    with upgraded.write(lock=people.GALLERY_LOCK) as tx:
        face = {"person_id": 7, "digest": DIGEST, "box": [], "quality": {}, "source": "test", "state": people.CURRENT,
                "event_id": None, "created_at": NOW}  # fmt: skip
        face_id = people.add_face(tx, face, {"dlib-resnet-v1": b"e" * 512})
        assert people.remove(tx, 7)
    assert face_id == 4


def test_an_empty_database_of_the_first_version_has_no_model_yet(first_version: Store) -> None:
    first_version.upgrade()
    with first_version.write(lock=people.GALLERY_LOCK) as tx:
        assert library.active(tx) is None
        assert library.settle(tx, "dlib-resnet-v1+mirror", NOW) == "dlib-resnet-v1+mirror"


def test_an_upgrade_that_fails_at_its_end_leaves_everything_as_it_was(
    first_version: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_index = op.create_index

    def until_the_disk_is_full(name: str, table: str, columns: list[str], **options: Any) -> None:
        # The last step of revision 0002: all rows have been moved by then.
        if table == "sighting":
            raise OSError("no space left")
        create_index(name, table, columns, **options)

    with first_version.main.write() as tx:
        fill(tx)
    with monkeypatch.context() as patch:
        patch.setattr(op, "create_index", until_the_disk_is_full)
        with pytest.raises(OSError, match="no space left"):
            first_version.upgrade()
    with first_version.read() as tx:
        assert tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "0001"
        assert tx.execute(text("SELECT count(*) FROM face WHERE embedding IS NOT NULL")).scalar_one() == 3
    first_version.upgrade()
    with first_version.read() as tx:
        assert len(people.gallery_rows(tx, "dlib-resnet-v1")) == 1


def test_an_upgraded_database_has_exactly_the_declared_tables(upgraded: Store) -> None:
    parts = [tables.main, tables.picture_store] if upgraded.main is upgraded.pictures else [tables.main]
    assert migrating.drift(upgraded.main, parts) == []
    with upgraded.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM event")).scalar_one() == 2


def test_devices_of_an_earlier_version_are_trusted_where_they_last_spoke(first_version: Store, tmp_path: Path) -> None:
    with first_version.write() as tx:
        FirstVersion(tx).add(
            "device", id=5, key=f"licence:{LICENCE}", licence=LICENCE, name="", address="10.0.0.9", serial="", mac="",
            device_group="", first_seen=NOW, last_seen=NOW,
        )  # fmt: skip
    first_version.upgrade()
    with open_gateway(first_version, tmp_path) as gateway:
        assert words(gateway.send(history(1))) == [("new", None)]
        assert words(gateway.send(history(1), peer="10.0.0.10")) == [("new", "device_pending")]
        device = gateway.device(f"licence:{LICENCE}")
        assert (device.id, device.state, device.trusted_by) == (5, "trusted", "")
