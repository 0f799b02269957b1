"""Tries one device identity: enrols it as a new person, finds whom the library has already, or refuses it with a reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from receiver.domain.adoption import Came, IdentityState, same_name
from receiver.domain.errors import Conflict, Invalid
from receiver.domain.registration import Kind
from receiver.domain.reviews import ReviewKind, adoption_key, picture_key
from receiver.services.deciding.deciding import Decider
from receiver.services.people.enrolling import Doubtful
from receiver.services.people.people import DEVICE, NewPerson, People, Unusable
from receiver.services.people.portraits import OURS, See, as_ours
from receiver.services.people.registering import Registering, SeenFace, Telling, box_of
from receiver.store import devices, faces, identities, people, reviews
from receiver.store.database import Row, Tx
from receiver.store.identities import Key
from receiver.store.people import Identity
from receiver.store.pictures import Pictures
from receiver.store.reviews import NewReview, ReviewPicture
from receiver.store.store import Store
from recognition.engine import RecognitionError, foremost
from recognition.gates import GateLimits

# Nothing that a person could judge: the picture is missing, or somebody has a right to its absence.
WITHOUT_PICTURE = frozenset({"no_library_picture", "picture_gone", "erased"})
CONFLICT = "identity_conflict"
SAME = ("same_person", "already_there")


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one identity.

    Attributes:
        came: counted.
        reason: machine word.
        person_id: who carries the id now; None where it was refused.
        other: (person, face, digest) of somebody whom the face looks like.
        box: of the face, where there is one.
    """

    came: Came
    reason: str
    person_id: int | None = None
    other: tuple[int, int | None, bytes | None] | None = None
    box: tuple[int, ...] | None = None

    def values(self, row: Row) -> dict[str, Any]:
        """As columns of the identity, whose picture has had its turn."""
        is_adopted = self.came is not Came.REFUSED or row.state == IdentityState.ADOPTED
        return {
            "state": IdentityState.ADOPTED if is_adopted else IdentityState.REFUSED,
            "reason": self.reason[:64],
            "tried_digest": row.digest,
            "person_id": self.person_id if self.person_id is not None else row.person_id,
        }

    def note(self, tx: Tx, row: Row, now: datetime) -> None:
        """Asks somebody to look at what was refused; what was taken needs nobody any more."""
        key = adoption_key(row.device_id, row.external_id)
        if self.came is not Came.REFUSED:
            reviews.settle(tx, key, now)
        elif self.reason == CONFLICT and self.person_id is not None:
            reviews.note(tx, _conflict(tx, row, self.person_id, self.box), now)
        elif self.reason not in WITHOUT_PICTURE:
            reviews.note(tx, self._failed(row, key), now)

    def _failed(self, row: Row, key: str) -> NewReview:
        pictures = [ReviewPicture(row.digest, "new", box=self.box)]
        if self.other is not None and self.other[2] is not None:
            pictures.append(ReviewPicture(self.other[2], "other", self.other[0]))
        return NewReview(
            ReviewKind.FAILED_ENROLMENT,
            key,
            self.reason[:64],
            other_id=None if self.other is None else self.other[0],
            event_id=row.event_id,
            detail={"origin": "adoption", "device_id": row.device_id, "external_id": row.external_id},
            pictures=pictures,
        )


@dataclass(frozen=True, slots=True)
class OneParts:
    """What trying one takes.

    Attributes:
        people: enrols, seeing as ``see`` does.
        see: looks at one encoded picture.
        limits: what the site asks of a picture's quality.
    """

    store: Store
    pictures: Pictures
    people: People
    decider: Decider
    see: See
    limits: GateLimits


class OneByOne:
    """Looks at one identity after another; the same one again changes nothing."""

    def __init__(self, parts: OneParts) -> None:
        self._store = parts.store
        self._pictures = parts.pictures
        self._people = parts.people
        self._decider = parts.decider
        self._see = parts.see
        self._registering = Registering(parts.decider, parts.limits)

    def judge(self, row: Row, *, is_insisted: bool = False) -> Judged:
        """Changes the library as the identity asks, but not the identity's own row.

        Raises:
            Unavailable, Busy: the storage or the engine cannot be had just now.
        """
        try:
            return self._judged(row, is_insisted=is_insisted)
        except Doubtful as error:
            return self._alike(row, error)
        except Unusable as error:
            return Judged(Came.REFUSED, _one_reason(error), self._owner(row))
        except (Invalid, Conflict, RecognitionError) as error:
            if isinstance(error, RecognitionError) and error.reason in OURS:
                raise as_ours(error) from error
            return Judged(Came.REFUSED, error.reason)

    def _judged(self, row: Row, *, is_insisted: bool) -> Judged:
        data = self._picture(row, is_insisted=is_insisted)
        owner = self._owner(row)
        if owner is None:
            return self._namesake(row, data) or self._enrolled(row, data, is_insisted=is_insisted)
        if is_insisted and row.state != IdentityState.ADOPTED:
            return Judged(Came.LINKED, "known_id", owner)
        return self._there_already(row, owner) or self._compared(row, owner, data)

    def settle_now(self, key: Key, *, is_insisted: bool) -> Judged | None:
        """See Adopting.adopt_one."""
        with self._store.read() as tx:
            row = identities.find(tx, key)
        if row is None:
            return None
        judged = self.judge(row, is_insisted=is_insisted)
        with self._store.write() as tx:
            identities.change(tx, key, judged.values(row))
            judged.note(tx, row, datetime.now(UTC))
        return judged

    def _picture(self, row: Row, *, is_insisted: bool) -> bytes:
        """The device's library picture.

        Raises:
            Invalid: ``no_library_picture``, ``picture_gone``; ``erased``: nobody who was erased comes back by a picture
                that a device sends again, unless somebody insists.
        """
        if row.digest is None:
            raise Invalid("no_library_picture", "the device has sent no library picture of that id")
        if not is_insisted and self._pictures.erased([row.digest]):
            raise Invalid("erased", "the picture belongs to somebody who was erased")
        stored = self._pictures.get(row.digest)
        if stored is None:
            raise Invalid("picture_gone", "the device's library picture is not kept any more")
        return stored.data

    def _owner(self, row: Row) -> int | None:
        with self._store.read() as tx:
            return people.person_with_identity(tx, row.external_id, row.device_id)

    def _enrolled(self, row: Row, data: bytes, *, is_insisted: bool) -> Judged:
        new = NewPerson(
            name=row.name or row.external_id,
            list=row.list,
            pictures=[data],
            source=DEVICE,
            is_insisted=is_insisted,
            more={"identities": [self._scoped(row)]},
            told=_telling(row),
        )
        person_id, _ = self._people.add(new)
        return Judged(Came.ADOPTED, "new_person", person_id)

    def _namesake(self, row: Row, data: bytes) -> Judged | None:
        """Somebody of that very id and name with other devices: one picture against one, as if the device had named that
        one, so that it may be a little farther than for whoever must be told from everybody.
        """
        with self._store.read() as tx:
            known = people.found(tx, people.carriers_of(tx, row.external_id))
        others = [person.id for person in known.values() if same_name(person.name, row.name)]
        face = self._seen(row, data) if others else None
        if face is None:
            return None
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            same = [each for each in others if self._registering.may_update(tx, each, face).reason in SAME]
        linked = len(same) == 1 and self._link(row, same[0])
        return Judged(Came.LINKED, "same_name_and_face", same[0], box=tuple(box_of(face.sighting))) if linked else None

    def _scoped(self, row: Row) -> Identity:
        """The id as it holds: for the device's group, or for the device alone."""
        with self._store.read() as tx:
            device = devices.found(tx, {row.device_id}).get(row.device_id)
        if device is not None and device.device_group:
            return Identity(row.external_id, device_group=device.device_group)
        return Identity(row.external_id, row.device_id)

    def _there_already(self, row: Row, owner: int) -> Judged | None:
        """The person has this very picture; nobody need look at it."""
        with self._store.read() as tx:
            person = people.find(tx, owner)
            face = faces.by_digest(tx, owner).get(row.digest)
        if person is None or face is None or face.state != people.CURRENT:
            return None
        is_ours = person.source == DEVICE and face.source == DEVICE and face.device_id == row.device_id
        if is_ours and row.state == IdentityState.KNOWN:
            # A worker that ended before it could say so.
            return Judged(Came.ADOPTED, "new_person", owner)
        came = Came.UNCHANGED if row.state == IdentityState.ADOPTED else Came.LINKED
        return Judged(came, "already_there", owner)

    def _compared(self, row: Row, owner: int, data: bytes) -> Judged:
        """Whoever has the id is held against the device's picture, which for an adopted one goes the way of a 1002."""
        face = self._seen(row, data)
        if face is None:
            return Judged(Came.REFUSED, "no_face", owner)
        box = tuple(box_of(face.sighting))
        try:
            with self._store.write(lock=people.GALLERY_LOCK) as tx:
                if row.state != IdentityState.ADOPTED and not self._is_first(tx, owner):
                    return self._linked(tx, owner, face, box)
                done = self._registering.update_library(tx, _telling(row), face, datetime.now(UTC), DEVICE)
        except BaseException:
            # The gallery may have learnt of a face that the rollback has taken away.
            self._decider.forget()
            raise
        came = {"replaced": Came.RENEWED, "unchanged": Came.UNCHANGED}.get(done.outcome, Came.REFUSED)
        return Judged(came, done.reason or done.outcome, owner, box=box)

    def _seen(self, row: Row, data: bytes) -> SeenFace | None:
        """The face that the device's picture is about."""
        best = foremost(self._see(data))
        return None if best is None else SeenFace(row.digest, best)

    def _is_first(self, tx: Tx, owner: int) -> bool:
        """Whether the person has no face at all yet, so that the device's is welcome."""
        return not people.faces_of(tx, [owner])

    def _linked(self, tx: Tx, owner: int, face: SeenFace, box: tuple[int, ...]) -> Judged:
        """Somebody was enrolled before with that id: nothing is changed, it is only looked whether it is the same person."""
        verdict = self._registering.may_update(tx, owner, face)
        if verdict.kind is Kind.REVIEW:
            return Judged(Came.REFUSED, verdict.reason, owner, box=box)
        is_same = verdict.reason in {*SAME, "first_face"}
        return Judged(
            Came.LINKED if is_same else Came.REFUSED, "known_id" if is_same else verdict.reason, owner, box=box
        )

    def _alike(self, row: Row, error: Doubtful) -> Judged:
        """Somebody looks like it: under the same name it is that one, whom another box knows by another id."""
        found = [each for picture in error.pictures for each in picture["findings"] if _is_somebody_else(each)]
        if not found:
            return Judged(Came.REFUSED, error.reason)
        same = next((each["person"]["id"] for each in found if same_name(each["person"]["name"], row.name)), None)
        if same is not None and self._link(row, same):
            return Judged(Came.LINKED, "same_name_and_face", same)
        nearest = found[0]
        picture = nearest["picture"]
        digest = None if picture is None else bytes.fromhex(picture["digest"])
        return Judged(Came.REFUSED, error.reason, None, (nearest["person"]["id"], nearest["face"], digest))

    def _link(self, row: Row, person_id: int) -> bool:
        scoped = self._scoped(row)
        now = datetime.now(UTC)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            if people.find(tx, person_id) is None:
                return False
            owner = people.person_with_identity(tx, row.external_id, row.device_id)
            if owner is None:
                people.add_identity(tx, person_id, scoped.external_id, scoped.device_id, scoped.device_group)
                people.change(tx, person_id, {"updated_at": now})
                people.note_change(tx, person_id, now)
        return owner in {None, person_id}


def _telling(row: Row) -> Telling:
    return Telling(row.event_id, row.device_id, row.external_id, row.last_seen)


def _is_somebody_else(finding: Mapping[str, Any]) -> bool:
    return finding["reason"] == "look_alike" and finding["level"] == "refuse" and finding["person"] is not None


def _one_reason(error: Unusable) -> str:
    return next((each["reason"] for each in error.pictures if each["reason"]), error.reason)


def _conflict(tx: Tx, row: Row, person_id: int, box: tuple[int, ...] | None) -> NewReview:
    """The device's picture beside those of the person."""
    current = [
        ReviewPicture(each.digest, "current", person_id, each.box)
        for each in people.faces_of(tx, [person_id], people.CURRENT)
    ]
    return NewReview(
        ReviewKind.IDENTITY_CONFLICT,
        picture_key(ReviewKind.IDENTITY_CONFLICT, person_id, row.digest),
        CONFLICT,
        person_id=person_id,
        event_id=row.event_id,
        detail={"device_id": row.device_id},
        pictures=[ReviewPicture(row.digest, "new", None, box), *current],
    )
