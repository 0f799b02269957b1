"""Event keys, people with their identities, and the changes that galleries follow."""

import hashlib
import threading
from datetime import UTC, datetime
from typing import Any

from receiver.store import devices, events, people
from receiver.store.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def key(number: int, event_id: int | None = 1) -> dict[str, Any]:
    return {"hash": hashlib.sha256(str(number).encode()).digest(), "event_id": event_id, "first_seen": NOW}


def test_keys_are_claimed_once_and_known_with_their_event(store: Store) -> None:
    with store.write() as tx:
        assert events.claim_keys(tx, [key(1, 5), key(2, None)]) == {key(1)["hash"], key(2)["hash"]}
        assert events.claim_keys(tx, []) == set()
    with store.write() as tx:
        assert key(3)["hash"] in events.claim_keys(tx, [key(1, 6), key(3, 6)])
        hashes = [key(number)["hash"] for number in range(1200)]
        known = events.known_keys(tx, hashes)
    assert known == {key(1)["hash"]: 5, key(2)["hash"]: None, key(3)["hash"]: 6}


def test_keys_given_back_are_unknown_and_others_stay(store: Store) -> None:
    with store.write() as tx:
        events.claim_keys(tx, [key(1, 5)])
        events.claim_keys(tx, [key(2, 6), key(3, 7)])
        events.drop_keys(tx, [key(number)["hash"] for number in (1, 2, 3)], [6, 7])
        assert list(events.known_keys(tx, [key(number)["hash"] for number in (1, 2, 3)])) == [key(1)["hash"]]


def test_a_device_met_by_two_processes_at_once_is_one(store: Store) -> None:
    start = threading.Barrier(8)
    found: list[tuple[int, int]] = []

    def meet() -> None:
        start.wait(30)
        with store.write() as tx:
            device_id = devices.add(tx, {"key": "licence:A", "first_seen": NOW, "last_seen": NOW})
            gate_id = devices.add_gate(tx, {"device_id": device_id, "key": "g", "first_seen": NOW, "last_seen": NOW})
            found.append((device_id, gate_id))

    threads = [threading.Thread(target=meet) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def added(store: Store, name: str = "somebody") -> int:
    with store.write() as tx:
        return people.add(tx, {"name": name, "list": "staff", "source": "test", "created_at": NOW, "updated_at": NOW})


def test_an_identity_of_the_device_goes_before_one_without_a_device(store: Store) -> None:
    anywhere, here = added(store), added(store)
    with store.write() as tx:
        people.add_identity(tx, anywhere, "E1", people.ANY_DEVICE)
        people.add_identity(tx, here, "E1", 7)
        assert people.person_with_identity(tx, "E1", 7) == here
        assert people.person_with_identity(tx, "E1", 8) == anywhere
        assert people.person_with_identity(tx, "E2", 7) is None


def test_a_removed_person_leaves_no_faces_and_the_number_is_not_used_again(store: Store) -> None:
    first = added(store)
    with store.write() as tx:
        people.add_identity(tx, first, "E1", 7)
        face = {"person_id": first, "digest": b"d" * 32, "box": [], "quality": {},
                "source": "test", "state": people.CURRENT, "event_id": None, "created_at": NOW}  # fmt: skip
        people.add_face(tx, face, {"m": b""})
        assert people.remove(tx, first)
        assert not people.remove(tx, first)
        assert people.faces_of(tx, [first]) == []
        assert people.person_with_identity(tx, "E1", 7) is None
    assert added(store) > first


def test_changes_are_numbered_in_order(store: Store) -> None:
    person = added(store)
    with store.write(lock=people.GALLERY_LOCK) as tx:
        assert people.last_change(tx) == 0
        people.note_change(tx, person, NOW)
        people.note_change(tx, person, NOW)
        first, second = people.changes_after(tx, 0)
        assert people.changes_after(tx, first[0]) == [second]
        assert people.last_change(tx) == second[0]
