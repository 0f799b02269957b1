"""A library in which people are corrected: their faces and events, who has what, and everything as it is in one value."""

import hashlib
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from receiver.domain.events import ListName
from receiver.domain.identity import Decision, Status
from receiver.services.correcting.correcting import Correcting
from receiver.services.correcting.corrections_shown import CorrectionsShown
from receiver.services.correcting.event_moves import EventMoves
from receiver.services.correcting.splitting import Split, Splitting
from receiver.services.correcting.undoing import Undoing
from receiver.services.people import registering
from receiver.services.people.registering import FaceOrigin, SeenFace, Telling
from receiver.store import faces, library, moving, people, tables
from receiver.store.database import Row
from receiver.store.store import Store
from recognition.engine import Embedding
from tests.receiver.erasing import without_rest
from tests.receiver.faces import MODEL, enrol, face_of, gate_of, sighting

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BY = "a test"


class Workshop:
    """The use cases over a store, and what a test looks at."""

    def __init__(self, store: Store) -> None:
        with store.write(lock=people.GALLERY_LOCK) as tx:
            library.settle(tx, MODEL, NOW)
        self.store = store
        self.correcting = Correcting(store, gate_of())
        self.splitting = Splitting(store, gate_of())
        self.undoing = Undoing(store)
        self.shown = CorrectionsShown(store)
        self.moves = EventMoves(store)
        self._pictures = 0

    def enrol(self, person_list: ListName = ListName.STAFF, *faces: Embedding, **changes: Any) -> int:
        return enrol(self.store, person_list, *(faces or (face_of(1),)), **changes)

    def passed(self, person: int | None, number: int = 0, face: int | None = None, **changes: Any) -> int:
        """An event that was decided so."""
        row = {
            "received_at": NOW + timedelta(seconds=number),
            "occurred_at": NOW + timedelta(seconds=number),
            "has_device_time": True,
            "channel": "history",
            "generation": "A",
            "api_version": "",
            "device_id": 1,
            "identity_id": "",
            "identity_name": "",
            "identity_group": "",
            "reported_list": "stranger",
            "person_type": 0,
            "want_action": "0",
            "reported": {},
            "attributes": {},
            "list": "stranger",
            "recognition": "done",
            "decision": None if person is None else "matched",
            "person_id": person,
            "decision_detail": {"face": face, "reasons": []},
        } | changes
        with self.store.write() as tx:
            return int(tx.execute(insert(tables.event).values(**row).returning(tables.event.c.id)).scalar_one())

    def merge(self, person: int, other: int, **more: Any) -> int:
        return self.correcting.merge(person, other, by=BY, **more)

    def split(self, person: int, faces: Collection[int], **more: Any) -> int:
        return self.splitting.split(person, Split(faces=frozenset(faces), **more), by=BY)

    def undo(self, correction: int) -> None:
        self.undoing.undo(correction, by=BY)

    def learnt(self, face: int, replaced: Collection[int]) -> int:
        """An event that was decided on the face has brought another one, which takes the place of some; it."""
        with self.store.write(lock=people.GALLERY_LOCK) as tx:
            owner = faces.found(tx, [face])[face].person_id
            decision = Decision(Status.MATCHED, person_id=owner, face_id=face, list=ListName.STRANGER)
            registering.learn(tx, decision, self._new_face(), FaceOrigin("event", None, NOW), replaced)
            return moving.faces_of(tx, owner)[-1]

    def renewed(self, identity: str) -> int:
        """A device has sent another picture of whom it knows by that id; the face."""
        with self.store.write(lock=people.GALLERY_LOCK) as tx:
            owner = people.person_with_identity(tx, identity, 1) or 0
            told = Telling(0, 1, identity, NOW)
            registering.renew(tx, owner, self._new_face(), FaceOrigin.told("device_1002", told, NOW), told)
            return moving.faces_of(tx, owner)[-1]

    def _new_face(self) -> SeenFace:
        self._pictures += 1
        return SeenFace(hashlib.sha256(b"late %d" % self._pictures).digest(), sighting(face_of(1)))

    def settle(self, correction: int) -> None:
        """Whatever is still to be moved is moved."""
        self.moves.run(correction, without_rest())

    def other(self, correction: int) -> int:
        """Who was split off or merged."""
        other = self.shown.show(correction)["other"]
        assert other is not None
        return int(other["id"])

    def person(self, person: int) -> Row:
        with self.store.read() as tx:
            found = people.find(tx, person)
        assert found is not None
        return found

    def everyone(self) -> list[int]:
        """All there ever were."""
        with self.store.read() as tx:
            return list(tx.execute(select(tables.person.c.id).order_by(tables.person.c.id)).scalars())

    def faces(self, person: int) -> list[int]:
        with self.store.read() as tx:
            return [row.id for row in people.faces_of(tx, [person])]

    def current(self, owners: Collection[int]) -> set[int]:
        """The faces by which those people are known."""
        with self.store.read() as tx:
            return {row.id for row in people.faces_of(tx, owners, people.CURRENT)}

    def events(self, person: int) -> list[int]:
        return self._ids(tables.event, person)

    def _ids(self, table: Any, person: int) -> list[int]:
        with self.store.read() as tx:
            return list(
                tx.execute(select(table.c.id).where(table.c.person_id == person).order_by(table.c.id)).scalars()
            )

    def ids(self, person: int) -> list[tuple[str, int, str]]:
        """By what devices know somebody."""
        with self.store.read() as tx:
            rows = people.identities_of(tx, [person])[person]
        return sorted((row.external_id, row.device_id, row.device_group) for row in rows)

    def groups(self, person: int) -> list[str]:
        with self.store.read() as tx:
            return people.groups_of(tx, [person])[person]

    def everything(self) -> dict[str, list[Any]]:
        """What the library says of whom; not when somebody was changed, and not the corrections themselves."""
        wanted = (tables.person, tables.person_identity, tables.person_group, tables.face, tables.event, tables.review)
        with self.store.read() as tx:
            return {
                table.name: sorted(
                    str({name: value for name, value in row._mapping.items() if name != "updated_at"})
                    for row in tx.execute(select(table))
                )
                for table in (*wanted, tables.legal_hold)
            }
