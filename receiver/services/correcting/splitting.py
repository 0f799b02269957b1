"""Parts what was taken for one person: some pictures and events are somebody else's, who may be new or there already."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from receiver.domain.corrections import CorrectionKind
from receiver.domain.errors import Invalid
from receiver.domain.events import ListName
from receiver.services.correcting import event_moves
from receiver.services.correcting.correcting import insisted_on
from receiver.services.people.correction_steps import add, as_kept, opened, take_over_hold
from receiver.services.people.enrolling import EnrolmentGate
from receiver.store import corrections, faces, listing, moving, people
from receiver.store.database import Tx
from receiver.store.people import Identity
from receiver.store.store import Store

SOURCE = "split"


@dataclass(frozen=True, slots=True)
class Split:
    """What is somebody else's.

    Attributes:
        faces: of the person; the events that were decided on them, or brought them, go with them.
        events: further ones of the person's.
        to: whose they are; None: a new person's.
        list: the new person's.
        name: the new person's; empty: a number.
        is_insisted: also where the faces do not look like those of ``to``.
    """

    faces: Collection[int] = ()
    events: Collection[int] = ()
    to: int | None = None
    list: ListName = ListName.STRANGER
    name: str = ""
    is_insisted: bool = False


@dataclass(frozen=True, slots=True)
class _Going:
    """What goes."""

    faces: Sequence[int]
    events: Sequence[int]
    identities: Sequence[Identity]


class Splitting:
    """The correction of people who were taken for one.

    Args:
        gate: says whether faces look like those of whom they are to be.
        ring: wakes who moves the events that were too many for one transaction.
    """

    def __init__(self, store: Store, gate: EnrolmentGate, ring: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._gate = gate
        self._ring = ring

    def split(self, person_id: int, wanted: Split, *, by: str) -> int:
        """Gives some of a person's faces and events to somebody else; the correction's id.

        An id of one device goes too where every event in which the device said it goes.

        Raises:
            NotFound: ``no_such_person``.
            Invalid: ``nothing_chosen``, ``same_person``, ``not_the_persons``: a face or an event is somebody else's.
            Conflict: ``contradiction`` (Doubtful): the faces are not those of ``to``; ``person_merged``;
                ``still_moving``. Nothing is changed.
        """
        if not wanted.faces and not wanted.events:
            raise Invalid("nothing_chosen", "name the faces, or the events, that are somebody else's")
        if wanted.to == person_id:
            raise Invalid("same_person", "the faces are that person's already; name somebody else")
        now = datetime.now(UTC)
        with self._store.read() as tx:
            self._gate.catch_up(tx)
            going = _going(tx, person_id, wanted)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            opened(tx, person_id, *([] if wanted.to is None else [wanted.to]))
            _check(tx, person_id, wanted)
            insisted = []
            if wanted.to is not None:
                found = self._gate.examine_union(tx, person_id, wanted.to, set(wanted.faces))
                insisted = insisted_on(found, is_insisted=wanted.is_insisted)
            other = wanted.to or _new_person(tx, wanted, now)
            correction_id = _part(tx, (person_id, other), going, (insisted, by, now), is_new=wanted.to is None)
            event_moves.begin(tx, correction_id, now)
        self._ring()
        return correction_id


def _going(tx: Tx, person_id: int, wanted: Split) -> _Going:
    """What goes with the chosen faces; looked up before anything is locked, for there may be many events."""
    chosen = faces.found(tx, wanted.faces)
    brought = {row.event_id for row in chosen.values() if row.event_id is not None} | set(wanted.events)
    events = moving.owned_events(tx, brought, person_id) | set(event_moves.events_on(tx, person_id, set(chosen)))
    identities = [
        each
        for each in moving.identities_of(tx, person_id)
        if each.device_id != people.ANY_DEVICE and moving.says_it_of_others(tx, person_id, each, events) is False
    ]
    return _Going(sorted(chosen), sorted(events), identities)


def _check(tx: Tx, person_id: int, wanted: Split) -> None:
    own = {row.id for row in faces.found(tx, wanted.faces).values() if row.person_id == person_id}
    wrong = [f"face {each}" for each in sorted(set(wanted.faces) - own)]
    wrong += [
        f"event {each}" for each in sorted(set(wanted.events) - moving.owned_events(tx, wanted.events, person_id))
    ]
    if wrong:
        raise Invalid("not_the_persons", f"not of person {person_id}: {', '.join(wrong)}; nothing was changed")


def _new_person(tx: Tx, wanted: Split, now: datetime) -> int:
    times = {"created_at": now, "updated_at": now}
    person_id = people.add(tx, {"name": wanted.name, "list": wanted.list, "source": SOURCE} | times)
    if not wanted.name:
        kind = "stranger" if wanted.list is ListName.STRANGER else "person"
        people.change(tx, person_id, {"name": f"{kind} {person_id}"})
    return person_id


def _part(
    tx: Tx, both: tuple[int, int], going: _Going, made: tuple[Sequence[str], str, datetime], *, is_new: bool
) -> int:
    insisted, by, now = made
    moved = moving.move_faces(tx, going.faces, *both)
    identities = moving.move_identities(tx, going.identities, *both)
    take_over_hold(tx, *both, now)
    for each in both:
        people.change(tx, each, {"updated_at": now})
    kept = {
        "is_new": is_new,
        "list": people.found(tx, both)[both[1]].list,
        "identities": as_kept(identities),
        "insisted": list(insisted),
        "last_event": listing.newest_event(tx),
    }
    correction_id = add(tx, CorrectionKind.SPLIT, both, kept, (by, now))
    corrections.note_items(tx, correction_id, corrections.FACE, moved)
    corrections.note_items(tx, correction_id, corrections.EVENT, going.events)
    return correction_id
