"""What the answers of the review list do with pictures: a new face becomes the current one, an old one goes out of use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from receiver.domain.errors import Conflict, Invalid
from receiver.domain.people import FaceState
from receiver.domain.reviews import ReviewKind
from receiver.services.noting_reviews import NEW
from receiver.services.people.late_faces import retire_by_hand, settled_by_hand
from receiver.services.people.portraits import OURS, See, as_ours
from receiver.services.people.registering import FaceOrigin, SeenFace, box_of, make_current
from receiver.services.reviewing.review_answers import Answer, Decided, Gone, person_there
from receiver.store import events, faces, people, reviews
from receiver.store.database import Row, Tx
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import RecognitionError, Sighting, foremost

UPLOAD, DEVICE, UPDATE, REVIEW = "upload", "device", "device_1002", "review"


@dataclass(frozen=True, slots=True)
class Eyes:
    """What it takes to look at a picture of an item once more: the library may have moved to another model since.

    Attributes:
        see: looks at one encoded picture.
    """

    store: Store
    pictures: Pictures
    see: See

    def face_of(self, item: Row) -> SeenFace | None:
        """The face that the item proposes; None if it proposes none.

        Raises:
            Gone: its picture is not kept any more.
            Conflict: ``no_face``, or why the picture cannot be read.
            Busy, Unavailable: there is no engine just now.
        """
        with self.store.read() as tx:
            shown = next((each for each in reviews.pictures_of(tx, [item.id])[item.id] if each.role == NEW), None)
        if shown is None:
            return None
        stored = self.pictures.get(shown.digest)
        if stored is None:
            raise Gone("the picture is not kept any more")
        try:
            found = self.see(stored.data)
        except (RecognitionError, Invalid) as error:
            raise as_ours(error) if error.reason in OURS else Conflict(error.reason, error.detail) from error
        best = _at(found, shown.box)
        if best is None:
            raise Conflict("no_face", "the engine sees no face on the picture, and nobody can be known by it")
        return SeenFace(shown.digest, best)


def _at(found: Sequence[Sighting], box: Sequence[int] | None) -> Sighting | None:
    """The face in the place where it was seen before."""
    if box is None:
        return foremost(found)
    return max(found, key=lambda each: _overlap(box_of(each), box), default=None)


def _overlap(one: Sequence[int], other: Sequence[int]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom), 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0, width) * max(0, height)
    areas = sum((each[2] - each[0]) * (each[3] - each[1]) for each in (one, other))
    return both / (areas - both) if both else 0.0


class Renewing(Answer):
    """A picture that was sent for somebody, and shows another face than before."""

    def __init__(self, eyes: Eyes) -> None:
        self._eyes = eyes

    def prepare(self, item: Row, who: Decided) -> SeenFace | None:  # noqa: ARG002 - the interface
        return self._eyes.face_of(item)

    def accept(self, tx: Tx, item: Row, prepared: SeenFace | None, who: Decided) -> Mapping[str, Any]:
        """The new face is the current one; those before are former ones, which can be restored."""
        person = person_there(tx, item.person_id)
        if prepared is None:
            raise Gone("the picture is not kept any more")
        retire_by_hand(tx, person.id)
        face_id = _put(tx, person.id, prepared, _origin(tx, item, who))
        return {"person": person.id, "face": face_id}


class Replacing(Answer):
    """A picture of somebody that is old, or shows somebody else; ``left``: what becomes of it by kind."""

    left: Mapping[str, FaceState] = {
        ReviewKind.STALE_PICTURE: FaceState.FORMER,
        ReviewKind.CONTRADICTING_PICTURE: FaceState.SET_ASIDE,
    }

    def __init__(self, eyes: Eyes) -> None:
        self._eyes = eyes

    def prepare(self, item: Row, who: Decided) -> SeenFace | None:  # noqa: ARG002 - the interface
        return self._eyes.face_of(item)

    def accept(self, tx: Tx, item: Row, prepared: SeenFace | None, who: Decided) -> Mapping[str, Any]:
        """The picture goes out of use; the proposed one, if there is one, takes its place."""
        person = person_there(tx, item.person_id)
        face = faces.find(tx, item.subject)
        if face is None or face.person_id != person.id or face.state != FaceState.CURRENT:
            raise Gone(f"face {item.subject} is not a current one of person {person.id} any more")
        state = FaceState.SET_ASIDE if prepared is None else self.left[item.kind]
        faces.change(tx, face.id, {"state": state})
        settled_by_hand(tx, [face.id])
        people.change(tx, person.id, {"updated_at": who.now})
        people.note_change(tx, person.id, who.now)
        done = {"person": person.id, "set_aside": face.id}
        return done if prepared is None else done | {"face": _put(tx, person.id, prepared, _origin(tx, item, who))}


def _put(tx: Tx, person_id: int, face: SeenFace, origin: FaceOrigin) -> int:
    try:
        make_current(tx, person_id, face, origin)
    except RecognitionError as error:
        raise as_ours(error) from error
    people.change(tx, person_id, {"updated_at": origin.now})
    return int(faces.by_digest(tx, person_id)[face.digest].id)


def _origin(tx: Tx, item: Row, who: Decided) -> FaceOrigin:
    """Where the face comes from: an event, whose device has told it, or somebody's upload."""
    insisted = [item.reason] if item.kind == ReviewKind.IDENTITY_CONFLICT else []
    event = events.find(tx, item.event_id) if item.event_id is not None else None
    if item.kind != ReviewKind.IDENTITY_CONFLICT:
        return FaceOrigin(REVIEW, None if event is None else event.id, who.now)
    if event is None:
        source = DEVICE if item.event_id is not None else UPLOAD
        return FaceOrigin(source, None, who.now, insisted=insisted)
    source = UPDATE if event.want_action == "1002" else DEVICE
    return FaceOrigin(source, event.id, who.now, event.device_id, event.occurred_at, insisted)
