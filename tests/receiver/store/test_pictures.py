"""Pictures are stored once, refreshed by use, and swept when nothing refers to them for a day."""

import hashlib
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from receiver.services.upkeep.housekeeping import BATCH, Housekeeping
from receiver.store import events, identities, people
from receiver.store.pictures import Pictures, StoredPicture
from receiver.store.store import Store
from receiver.store.tables import picture

NOW = datetime.now(UTC)


def stored(number: int) -> StoredPicture:
    data = b"picture %d \x00\xff" % number
    return StoredPicture(hashlib.sha256(data).digest(), "image/jpeg", 3, 4, data)


def age(store: Store, *pictures: StoredPicture, days: float = 2) -> None:
    """Makes pictures unused for some days."""
    with store.pictures.write() as tx:
        where = picture.c.digest.in_([each.digest for each in pictures])
        tx.execute(update(picture).where(where).values(last_used=NOW - timedelta(days=days)))


def last_used(store: Store, each: StoredPicture) -> datetime:
    with store.pictures.read() as tx:
        found: datetime = tx.execute(select(picture.c.last_used).where(picture.c.digest == each.digest)).scalar_one()
        return found


def test_a_picture_comes_back_as_it_was_and_is_stored_once(store: Store) -> None:
    pictures = Pictures(store.pictures)
    pictures.put([stored(1), stored(1), stored(2)])
    pictures.put([stored(1)])
    Pictures(store.pictures).put([stored(2), stored(1)])
    assert pictures.get(stored(1).digest) == stored(1)
    assert pictures.get(b"0" * 32) is None
    with store.pictures.read() as tx:
        assert len(tx.execute(select(picture.c.digest)).all()) == 2


def test_a_picture_is_there_once_it_was_put_and_until_it_is_dropped(store: Store) -> None:
    pictures = Pictures(store.pictures)
    assert not pictures.has(stored(1).digest)
    pictures.put([stored(1)])
    assert pictures.has(stored(1).digest)
    assert not pictures.has(stored(2).digest)
    pictures.drop([stored(1).digest], datetime.now(UTC) + timedelta(minutes=1))
    assert not pictures.has(stored(1).digest)


def test_use_by_another_process_refreshes_a_picture(store: Store) -> None:
    Pictures(store.pictures).put([stored(1)])
    age(store, stored(1))
    Pictures(store.pictures).put([stored(1)])
    assert last_used(store, stored(1)) >= NOW


def test_a_picture_used_again_between_look_and_sweep_stays(store: Store) -> None:
    pictures = Pictures(store.pictures)
    pictures.put([stored(1)])
    age(store, stored(1))
    before = NOW - timedelta(days=1)
    assert pictures.old(before, b"", 9) == [stored(1).digest]
    Pictures(store.pictures).put([stored(1)])
    assert pictures.drop([stored(1).digest], before) == 0
    assert pictures.get(stored(1).digest) is not None


def test_the_sweep_takes_only_old_orphans(store: Store) -> None:
    pictures = Pictures(store.pictures)
    orphan, young, of_event, of_face, of_identity = (stored(number) for number in range(5))
    pictures.put([orphan, young, of_event, of_face, of_identity])
    age(store, orphan, of_event, of_face, of_identity)
    age(store, young, days=0.9)
    with store.write() as tx:
        row = {"message_id": 1, "position": 0, "event_id": 1, "kind": "face", "digest": of_event.digest, "slot": None,
               "media_type": "", "width": 1, "height": 1, "refused": None}  # fmt: skip
        events.add(tx, [], [], [row])
        person = people.add(tx, {"name": "", "list": "staff", "source": "test", "created_at": NOW, "updated_at": NOW})
        face = {"person_id": person, "digest": of_face.digest, "box": [], "quality": {},
                "source": "test", "state": people.FORMER, "event_id": None, "created_at": NOW}  # fmt: skip
        people.add_face(tx, face, {"m": b""})
        identities.add(
            tx, {"device_id": 1, "external_id": "E1", "name": "", "list": "staff", "digest": of_identity.digest,
                 "last_seen": NOW, "event_id": 1, "state": "known"},
        )  # fmt: skip
    assert Housekeeping(store, pictures).sweep_orphans() == 1
    assert pictures.get(orphan.digest) is None
    assert all(pictures.get(each.digest) for each in (young, of_event, of_face, of_identity))


def test_the_sweep_goes_through_more_than_one_batch(store: Store) -> None:
    pictures = Pictures(store.pictures)
    many = [stored(number) for number in range(BATCH + 5)]
    pictures.put(many)
    age(store, *many)
    assert Housekeeping(store, pictures).sweep_orphans() == BATCH + 5


def test_a_swept_picture_that_comes_again_is_stored_again(store: Store) -> None:
    pictures = Pictures(store.pictures)
    pictures.put([stored(1)])
    age(store, stored(1))
    Housekeeping(store, Pictures(store.pictures)).sweep_orphans()
    fresh = Pictures(store.pictures)
    fresh.put([stored(1)])
    assert fresh.get(stored(1).digest) == stored(1)
