"""Enrols people by hand and keeps the library: each picture is judged, and what was found is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from receiver.domain.errors import Conflict, Invalid, NotFound
from receiver.domain.events import ListName
from receiver.domain.people import FaceState
from receiver.services.people.correction_steps import must_be_there
from receiver.services.people.enrolling import Doubtful, EnrolmentGate
from receiver.services.people.late_faces import retire_by_hand, settled_by_hand
from receiver.services.people.noting_portraits import conflicting, note_conflicts, note_taken_faces
from receiver.services.people.portraits import Portrait, PortraitStudio, See, Unusable, as_ours
from receiver.services.people.registering import FaceOrigin, Telling, add_face
from receiver.store import corrections, devices, faces, holds, people, review_upkeep
from receiver.store.database import Row, Tx
from receiver.store.people import Identity
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import RecognitionError

__all__ = ("DEVICE", "IMPORT", "UPLOAD", "NewPerson", "People", "See", "Unusable")

UPLOAD, IMPORT, DEVICE = "upload", "import", "device"
# What a person's row holds, beside what the library writes itself.
COLUMNS = ("name", "list", "note", "state", "valid_from", "valid_until", "fields")


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Somebody to be enrolled.

    Attributes:
        name: as people call them.
        list: what they are to the gate.
        external_id: the id that every device knows them by; empty if there is none.
        note: for people.
        pictures: encoded; the face of each is enrolled.
        source: upload, import or device.
        is_insisted: take the pictures in spite of what speaks against them.
        more: state, valid_from, valid_until (aware), fields, groups, identities; what is not given is as a new row has it.
        check: asked under the lock before anything is written; raises what has come up meanwhile.
        told: the event that a device's picture came with; None: nobody but ``source`` tells where the pictures are from.
    """

    name: str
    list: str
    external_id: str = ""
    note: str = ""
    pictures: Sequence[bytes] = ()
    source: str = UPLOAD
    is_insisted: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[Tx], None] = lambda _tx: None
    told: Telling | None = None

    @property
    def identities(self) -> Sequence[Identity]:
        """All ids, each once."""
        unscoped = [Identity(self.external_id)] if self.external_id else []
        return list(dict.fromkeys([*unscoped, *self.more.get("identities", ())]))


class People:
    """The use cases of the library that people start."""

    def __init__(self, store: Store, pictures: Pictures, see: See, pixel_limit: int, gate: EnrolmentGate) -> None:
        self._store = store
        self._pictures = pictures
        self._gate = gate
        self._studio = PortraitStudio(see, pixel_limit, gate.limits)

    def add(self, new: NewPerson) -> tuple[int, list[dict[str, Any]]]:
        """Enrols a person; returns the id and what was found on each picture.

        Raises:
            Invalid: no picture has a face that can be used, or the validity ends before it begins; nothing is stored.
            Conflict: an id is somebody's already, or the library speaks against a face (Doubtful); nothing is stored.
        """
        _check_validity(new.more.get("valid_from"), new.more.get("valid_until"))
        portraits = self._portraits(new.pictures, None, is_insisted=new.is_insisted)
        now = datetime.now(UTC)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            new.check(tx)
            _check_identities(tx, new.identities, None)
            self._gate.examine(tx, portraits)
            values = {name: value for name, value in new.more.items() if name in COLUMNS}
            values |= {"name": new.name, "list": new.list, "note": new.note, "source": new.source}
            person_id = people.add(tx, values | {"created_at": now, "updated_at": now})
            people.set_identities(tx, person_id, new.identities)
            people.set_groups(tx, person_id, new.more.get("groups", ()))
            _write_faces(tx, person_id, portraits, _origin(new, now))
        return person_id, [each.shown() for each in portraits]

    def add_faces(
        self,
        person_id: int,
        pictures: Sequence[bytes],
        *,
        is_insisted: bool = False,
        is_alone: bool = False,
        source: str = UPLOAD,
    ) -> list[dict[str, Any]]:
        """Adds current faces to a person; what was found on each picture.

        Args:
            person_id: whose.
            pictures: encoded.
            is_insisted: take them in spite of what speaks against them.
            is_alone: make the faces that were current before former ones.
            source: upload or import.

        Raises:
            NotFound: there is no such person.
            Invalid: no picture has a face that can be used; nothing is stored.
            Conflict: the library speaks against a face (Doubtful); nothing is stored but, of one that was to take the place
                of the others, the picture for the review list.
        """
        try:
            portraits = self._portraits(pictures, person_id, is_insisted=is_insisted)
        except Doubtful as error:
            if is_alone:
                self._ask(person_id, error)
            raise
        now = datetime.now(UTC)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            self._examine(tx, portraits, person_id)
            if is_alone:
                retire_by_hand(tx, person_id)
            _write_faces(tx, person_id, portraits, FaceOrigin(source, None, now))
            people.note_change(tx, person_id, now)
            people.change(tx, person_id, {"updated_at": now})
        return [each.shown() for each in portraits]

    def _ask(self, person_id: int, error: Doubtful) -> None:
        """Has somebody look whether the pictures that were to take the place of the others show the person."""
        found = conflicting(error.portraits)
        self._pictures.put(each.stored for each, _ in found if each.stored is not None)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            if people.find(tx, person_id) is not None:
                error.reviews = note_conflicts(tx, person_id, found, datetime.now(UTC))

    def change(self, person_id: int, values: Mapping[str, Any]) -> None:
        """Sets any of COLUMNS, the groups, the identities, or external_id (which replaces the unscoped one).

        Raises:
            NotFound: there is no such person.
            Invalid: a device of an identity is unknown, or the validity ends before it begins.
            Conflict: an id is somebody else's; ``person_merged``; ``still_a_stranger``: a change puts no stranger on a list.
        """
        now = datetime.now(UTC)
        columns = {name: value for name, value in values.items() if name in COLUMNS}
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            _check_list(_present(tx, person_id), columns.get("list"))
            people.change(tx, person_id, columns | {"updated_at": now})
            row = _present(tx, person_id)
            _check_validity(row.valid_from, row.valid_until)
            if "identities" in values:
                _check_identities(tx, values["identities"], person_id)
                people.set_identities(tx, person_id, values["identities"])
            if "external_id" in values:
                _set_external_id(tx, person_id, values["external_id"])
            if "groups" in values:
                people.set_groups(tx, person_id, values["groups"])
            people.note_change(tx, person_id, now)

    def remove(self, person_id: int) -> None:
        """Deletes a person with all faces; events stay, without the name.

        Raises:
            NotFound: there is no such person.
            Conflict: ``legal_hold``: the person or one of the person's events must be kept; ``person_merged``.
        """
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            _present(tx, person_id)
            if holds.held(tx, holds.PERSON, [person_id]):
                raise Conflict("legal_hold", f"person {person_id} is on legal hold; lift the hold first")
            # Whoever was merged into that person is deleted too.
            everybody = [person_id, *(each.id for each in corrections.merged_people(tx, person_id))]
            if holds.with_held_events(tx, everybody):
                raise Conflict("legal_hold", f"events of person {person_id} are on legal hold; lift the holds first")
            now = datetime.now(UTC)
            people.remove(tx, person_id)
            review_upkeep.leave_person(tx, person_id, now)
            people.note_change(tx, person_id, now)

    def _portraits(self, pictures: Sequence[bytes], person_id: int | None, *, is_insisted: bool) -> list[Portrait]:
        """The pictures, looked at, judged and kept.

        They are judged once before anything is written, so that what is refused leaves no picture behind, and once more
        under the lock, since somebody else may have been enrolled meanwhile.
        """
        if person_id is not None:
            with self._store.read() as tx:
                _present(tx, person_id)
        portraits = self._studio.look_at(pictures, is_insisted=is_insisted)
        if portraits:
            with self._store.read() as tx:
                self._examine(tx, portraits, person_id)
        self._pictures.put(each.stored for each in portraits if each.is_good_enough and each.stored is not None)
        return portraits

    def _examine(self, tx: Tx, portraits: Sequence[Portrait], person_id: int | None) -> None:
        """See EnrolmentGate.examine; pictures that are there already are told apart first."""
        known = {}
        if person_id is not None:
            _present(tx, person_id)
            known = {digest: row.state for digest, row in faces.by_digest(tx, person_id).items()}
        for each in portraits:
            digest = each.stored.digest if each.stored is not None else b""
            each.is_there = each.is_good_enough and known.get(digest) == FaceState.CURRENT
            if each.is_good_enough:
                # The same picture twice in one request is there the second time.
                known[digest] = FaceState.CURRENT
        self._gate.examine(tx, portraits, person_id)


def _write_faces(tx: Tx, person_id: int, portraits: Sequence[Portrait], origin: FaceOrigin) -> None:
    """Writes the new ones; a picture that the person had before is made current again."""
    known = {digest: row.id for digest, row in faces.by_digest(tx, person_id).items()}
    for each in portraits:
        if not each.is_good_enough or each.face is None:
            continue
        each.face_id = known.get(each.face.digest)
        if each.face_id is not None:
            insisted = {"insisted": each.insisted, "insisted_at": origin.now} if each.insisted else {}
            faces.change(tx, each.face_id, {"state": FaceState.CURRENT} | insisted)
            settled_by_hand(tx, [each.face_id])
            people.note_change(tx, person_id, origin.now)
            continue
        try:
            each.face_id = known[each.face.digest] = add_face(tx, person_id, each.face, _with_insisted(origin, each))
        except RecognitionError as error:
            raise as_ours(error) from error
    note_taken_faces(tx, person_id, portraits, origin.now)


def _origin(new: NewPerson, now: datetime) -> FaceOrigin:
    return FaceOrigin(new.source, None, now) if new.told is None else FaceOrigin.told(new.source, new.told, now)


def _with_insisted(origin: FaceOrigin, portrait: Portrait) -> FaceOrigin:
    return replace(origin, insisted=portrait.insisted)


def _check_validity(valid_from: datetime | None, valid_until: datetime | None) -> None:
    if valid_from is not None and valid_until is not None and valid_until <= valid_from:
        raise Invalid("ends_before_it_begins", "valid_until must be later than valid_from")


def _check_list(row: Row, wanted: str | None) -> None:
    """Who a stranger is, is said where the face is held against everybody else's, and can be undone."""
    if row.list == ListName.STRANGER and wanted not in {None, row.list}:
        raise Conflict(
            "still_a_stranger",
            f"person {row.id} is a stranger; POST /v1/people/{row.id}/promote, or `people promote`, says who it is",
        )


def _check_identities(tx: Tx, identities: Sequence[Identity], person_id: int | None) -> None:
    for each in identities:
        if each.device_id != people.ANY_DEVICE and not devices.exists(tx, each.device_id):
            raise Invalid("no_such_device", f"there is no device {each.device_id}; GET /v1/devices lists them")
        if people.owner_of(tx, each) not in {None, person_id}:
            raise Conflict(
                "external_id_taken",
                f"somebody has the external id {each.external_id!r} already; change that person instead",
            )


def _set_external_id(tx: Tx, person_id: int, external_id: str) -> None:
    if external_id:
        _check_identities(tx, [Identity(external_id)], person_id)
    people.drop_identity(tx, person_id, people.ANY_DEVICE)
    if external_id:
        people.add_identity(tx, person_id, external_id, people.ANY_DEVICE)


def _present(tx: Tx, person_id: int) -> Row:
    found = people.find(tx, person_id)
    if found is None:
        raise NotFound("no_such_person", f"there is no person {person_id}")
    must_be_there(tx, found)
    return found
