"""Puts the library right: two people who are one, a stranger who is somebody, or nobody; each can be undone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from receiver.domain.corrections import CorrectionKind, changed, merged_fields, merged_note, merged_terms
from receiver.domain.errors import Conflict, Invalid
from receiver.domain.events import ListName
from receiver.domain.people import PersonState
from receiver.services.correcting import event_moves
from receiver.services.people.correction_steps import (
    add,
    as_kept,
    columns_of,
    follow_reviews,
    opened,
    plain,
    take_over_hold,
    terms_of,
)
from receiver.services.people.enrolling import CORRECTING, Doubtful, EnrolmentGate, refused_words
from receiver.store import corrections, holds, listing, moving, people, reviews
from receiver.store.database import Row, Tx
from receiver.store.people import Identity
from receiver.store.store import Store


@dataclass(frozen=True, slots=True)
class Promotion:
    """Who a stranger is.

    Attributes:
        list: staff, visitor, blacklist or VIP.
        name: empty: as it was.
        external_id: by which every device knows the person from now on too; empty: none.
        groups: in which the person is from now on too.
        is_insisted: also where the stranger looks like somebody else.
    """

    list: ListName
    name: str = ""
    external_id: str = ""
    groups: Sequence[str] = ()
    is_insisted: bool = False


class Correcting:
    """The corrections of whole people; ``Splitting`` parts them, ``Undoing`` takes back.

    Args:
        gate: says whether faces look like one person's, or like somebody else's.
        ring: wakes who moves the events that were too many for one transaction.
    """

    def __init__(self, store: Store, gate: EnrolmentGate, ring: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._gate = gate
        self._ring = ring

    def merge(
        self, person_id: int, other_id: int, *, by: str, is_insisted: bool = False, into_list: ListName | None = None
    ) -> int:
        """Makes one person of two: ``person_id`` stays and has everything of ``other_id``; the correction's id.

        Args:
            person_id: who stays.
            other_id: who turned out to be that one.
            by: who says so.
            is_insisted: also where their faces are far apart.
            into_list: which of their two lists holds, where both are named and differ.

        Raises:
            NotFound: ``no_such_person``.
            Invalid: ``same_person``, ``list_of_neither``.
            Conflict: ``contradiction`` (Doubtful): their faces are far apart; ``lists_differ``; ``person_merged``;
                ``still_moving``. Nothing is changed.
        """
        made = (by, datetime.now(UTC))
        self._get_ready()
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            correction_id = self.merge_in(tx, (person_id, other_id), made, is_insisted=is_insisted, into_list=into_list)
        self._ring()
        return correction_id

    def merge_in(
        self,
        tx: Tx,
        ids: tuple[int, int],
        made: tuple[str, datetime],
        *,
        is_insisted: bool = False,
        into_list: ListName | None = None,
    ) -> int:
        """``merge`` within a transaction of the caller's, who rings when it has ended.

        Args:
            tx: under the gallery's lock.
            ids: who stays, and who turned out to be that one.
            made: by whom, and when.
            is_insisted: see ``merge``.
            into_list: see ``merge``.
        """
        (person_id, other_id), now = ids, made[1]
        if person_id == other_id:
            raise Invalid("same_person", "name two different people")
        own, other = opened(tx, person_id, other_id)
        values = _merged_values(own, other, into_list)
        insisted = insisted_on(self._gate.examine_union(tx, other_id, person_id), is_insisted=is_insisted)
        kept = _kept(own, values, insisted) | {"other_state": other.state, "last_event": listing.newest_event(tx)}
        people.change(tx, person_id, values | {"updated_at": now})
        correction_id = _unite(tx, (own, other), kept, made)
        people.change(tx, other_id, {"state": PersonState.MERGED, "merged_into": person_id, "updated_at": now})
        event_moves.begin(tx, correction_id, now)
        return correction_id

    def promote(self, person_id: int, wanted: Promotion, *, by: str) -> int:
        """Makes a stranger somebody, who keeps the whole history; the correction's id.

        Raises:
            NotFound: ``no_such_person``.
            Invalid: ``list_of_neither``: a stranger is no list to be promoted to.
            Conflict: ``look_alike`` (Doubtful): it is somebody else's face; ``not_a_stranger``; ``external_id_taken``;
                ``person_merged``; ``still_moving``. Nothing is changed.
        """
        if wanted.list is ListName.STRANGER:
            raise Invalid("list_of_neither", "promote makes a stranger somebody: staff, visitor, blacklist or vip")
        now = datetime.now(UTC)
        self._get_ready()
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            row = _opened_stranger(tx, person_id)
            insisted = insisted_on(self._gate.examine_promotion(tx, person_id), is_insisted=wanted.is_insisted)
            values = {"name": wanted.name or row.name, "list": wanted.list, "state": PersonState.ACTIVE}
            kept = _kept(row, values, insisted)
            kept["identities"] = as_kept(_added_identity(tx, person_id, wanted.external_id))
            kept["groups"] = moving.add_groups(tx, person_id, wanted.groups)
            people.change(tx, person_id, values | {"updated_at": now})
            return add(tx, CorrectionKind.PROMOTE, (person_id, None), kept, (by, now))

    def ignore(self, person_id: int, *, by: str) -> int:
        """Of a stranger who is nobody: still recognised, and nothing more comes of it; the correction's id.

        Raises:
            NotFound: ``no_such_person``.
            Conflict: ``not_a_stranger``, ``already_ignored``, ``person_merged``, ``still_moving``.
        """
        now = datetime.now(UTC)
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            row = _opened_stranger(tx, person_id)
            if row.state == PersonState.IGNORED:
                raise Conflict("already_ignored", f"person {person_id} is ignored already; undo takes that back")
            values = {"state": PersonState.IGNORED}
            for each in moving.open_reviews(tx, [person_id]):
                reviews.settle(tx, each.id, now)
            people.change(tx, person_id, values | {"updated_at": now})
            return add(tx, CorrectionKind.IGNORE, (person_id, None), _kept(row, values, []), (by, now))

    def _get_ready(self) -> None:
        """The gallery is read before anybody has to wait for it."""
        with self._store.read() as tx:
            self._gate.catch_up(tx)


def insisted_on(found: Sequence[Mapping[str, Any]], *, is_insisted: bool) -> list[str]:
    """What is refused of some faces, if somebody insists on it.

    Raises:
        Doubtful: nobody does.
    """
    words = refused_words(found)
    if words and not is_insisted:
        raise Doubtful(words[0], [dict(each) for each in found], CORRECTING)
    return words


def _opened_stranger(tx: Tx, person_id: int) -> Row:
    (row,) = opened(tx, person_id)
    if row.list != ListName.STRANGER:
        raise Conflict(
            "not_a_stranger", f"person {person_id} is on the list {row.list}; a change of the person sets another list"
        )
    return row


def _merged_values(own: Row, other: Row, into_list: ListName | None) -> dict[str, Any]:
    terms = merged_terms(terms_of(own), terms_of(other), into_list)
    # A stranger's name is a number only.
    is_number = own.list == ListName.STRANGER and other.list != ListName.STRANGER
    return {
        "name": other.name if is_number else own.name,
        "list": terms.list,
        "state": terms.state,
        "valid_from": terms.valid_from,
        "valid_until": terms.valid_until,
        "note": merged_note(own.note, other.note),
        "fields": merged_fields(own.fields, other.fields),
    }


def _kept(row: Row, values: Mapping[str, Any], insisted: Sequence[str]) -> dict[str, Any]:
    return {"person": changed(plain(columns_of(row)), plain(values)), "insisted": list(insisted)}


def _unite(tx: Tx, both: tuple[Row, Row], kept: Mapping[str, Any], made: tuple[str, datetime]) -> int:
    """Everything of the other one but the events becomes the one's who stays."""
    (own, other), now = both, made[1]
    faces = moving.move_faces(tx, moving.faces_of(tx, other.id), other.id, own.id)
    identities = moving.move_identities(tx, moving.identities_of(tx, other.id), other.id, own.id)
    groups = moving.add_groups(tx, own.id, people.groups_of(tx, [other.id])[other.id])
    items = follow_reviews(tx, other.id, own.id, now) | {corrections.FACE: faces}
    take_over_hold(tx, other.id, own.id, now)
    holds.lift(tx, holds.PERSON, other.id)
    more = {"identities": as_kept(identities), "groups": groups}
    correction_id = add(tx, CorrectionKind.MERGE, (own.id, other.id), {**kept, **more}, made)
    for kind, subjects in items.items():
        corrections.note_items(tx, correction_id, kind, subjects)
    return correction_id


def _added_identity(tx: Tx, person_id: int, external_id: str) -> list[Identity]:
    """The unscoped id, if there is one and the person does not have it already."""
    wanted = Identity(external_id)
    owner = people.owner_of(tx, wanted) if external_id else person_id
    if owner is None:
        people.add_identity(tx, person_id, external_id, people.ANY_DEVICE)
        return [wanted]
    if owner != person_id:
        raise Conflict(
            "external_id_taken",
            f"person {owner} has the external id {external_id!r} already; merge the two if they are one",
        )
    return []
