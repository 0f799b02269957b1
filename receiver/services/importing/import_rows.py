"""Enrols one row of an import through the library's own gate: a new person, more pictures of a known one, or neither."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from receiver.domain.errors import Conflict, Invalid, NotFound
from receiver.domain.imports import RowState
from receiver.domain.reviews import row_key
from receiver.services.importing.import_details import details_of, differing
from receiver.services.importing.rehearsing import RehearsalGate, Rehearsed
from receiver.services.people.enrolling import Doubtful
from receiver.services.people.people import IMPORT, NewPerson, People, Unusable
from receiver.store import imports, people
from receiver.store.database import Row, Tx
from receiver.store.erasures import ERASED
from receiver.store.store import Store
from receiver.translation.import_files import Bomb, Source
from recognition.advice import ADVICE

# All pictures of one row together; they are in memory while it is worked on.
ROW_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RowPicture:
    """A picture of a row as read from the file, or why it could not be."""

    path: str
    data: bytes = b""
    digest: bytes = b""
    refusal: Invalid | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a row: state, machine word, sentence, whose it is, each picture's finding, and of a refused one the
    pictures that it brought, and what a review item about it is known by.
    """

    state: RowState
    reason: str
    detail: str
    person_id: int | None = None
    pictures: Sequence[Mapping[str, Any]] = ()
    brought: Sequence[RowPicture] = ()
    key: str = ""

    def values(self) -> dict[str, Any]:
        """As columns."""
        return {
            "state": self.state,
            "reason": self.reason[:64],
            "detail": self.detail,
            "person_id": self.person_id,
            "pictures": list(self.pictures),
        }


@dataclass(frozen=True, slots=True)
class _Known:
    """Whom the library has for a row already, which of its pictures, and in which groups."""

    person: Row
    digests: frozenset[bytes]
    groups: Sequence[str] = ()


def read_pictures(source: Source, paths: Sequence[str]) -> list[RowPicture]:
    """The row's pictures, each once.

    Raises:
        Bomb: the whole archive is not to be trusted.
    """
    found: dict[bytes, RowPicture] = {}
    for path in paths:
        try:
            data = source.read(path) if sum(len(each.data) for each in found.values()) < ROW_BYTES else _too_much()
        except Bomb:
            raise
        except Invalid as error:
            found[path.encode("utf-8", "replace")] = RowPicture(path, refusal=error)
        else:
            digest = hashlib.sha256(data).digest()
            found.setdefault(digest, RowPicture(path, data, digest))
    return list(found.values())


def _too_much() -> bytes:
    raise Invalid("picture_too_large", f"the row's pictures have more than {ROW_BYTES} bytes together")


@dataclass(frozen=True, slots=True)
class RowOptions:
    """How rows are enrolled.

    Attributes:
        is_insisted: pictures are taken in spite of what speaks against them.
        rehearsal: of a dry run, the gate that remembers whom the file would have enrolled.
    """

    is_insisted: bool = False
    rehearsal: RehearsalGate | None = None


USUAL = RowOptions()


class RowEnroller:
    """Works for one import.

    Args:
        store: where what is known is looked up.
        library: enrols.
        job: the import.
        begun_at: since when rows of this import may have enrolled somebody.
        options: what is done otherwise than usual.
    """

    def __init__(
        self, store: Store, library: People, job: Row, begun_at: datetime, options: RowOptions = USUAL
    ) -> None:
        self._store = store
        self._library = library
        self._job = job
        self._begun_at = begun_at
        self._is_insisted = options.is_insisted
        self._rehearsal = options.rehearsal
        # Of a dry run, whose people are in no library: external id -> name.
        self._rehearsed: dict[str, str] = {}
        # Whom a row enrolled since this work began; its state may not be written yet.
        self._enrolled: set[int] = set()

    def fresh(self, row: Row, pictures: Sequence[RowPicture]) -> list[RowPicture]:
        """The pictures that will have to be looked at: those that can be read and that the library has not yet."""
        known = self._known(row, pictures)
        return [
            each for each in pictures if each.refusal is None and (known is None or each.digest not in known.digests)
        ]

    def enrol(self, row: Row, pictures: Sequence[RowPicture]) -> Outcome:
        """Does what the row says; the same row a second time changes nothing.

        Raises:
            Unavailable, Busy: the storage or the engine does not work just now; the row can be tried again.
        """
        outcome = self._tried(row, pictures)
        if outcome.state is not RowState.REFUSED or outcome.reason == ERASED:
            return outcome
        said_of = {each["path"]: each["reason"] for each in outcome.pictures}
        # What it was refused for comes first: not everything is kept of a row with many pictures.
        brought = sorted(
            (each for each in pictures if each.refusal is None),
            key=lambda each: said_of.get(each.path) != outcome.reason,
        )
        # What cannot be read has no digest, and is told apart by its path.
        told = [each.digest or each.path.encode("utf-8", "surrogatepass") for each in pictures]
        return replace(outcome, brought=brought, key=row_key(row.external_id, row.name, told))

    def _tried(self, row: Row, pictures: Sequence[RowPicture]) -> Outcome:
        try:
            return self._once(row, pictures)
        except Doubtful as error:
            known = self._known(row, pictures)
            found = _shown(pictures, error.pictures, known.digests if known is not None else frozenset())
            return Outcome(RowState.REFUSED, error.reason, _of_which(found, error), None, found)
        except (Invalid, Conflict, NotFound) as error:
            return Outcome(RowState.REFUSED, error.reason, error.detail, pictures=_shown(pictures))

    def _once(self, row: Row, pictures: Sequence[RowPicture]) -> Outcome:
        if not pictures:
            raise Invalid("no_picture", "the row names no picture")
        known = self._known(row, pictures)
        if known is not None:
            return self._extend(row, pictures, known)
        readable = [each for each in pictures if each.refusal is None]
        if not readable:
            return _refused(pictures)
        return self._add(row, pictures, readable)

    def _add(self, row: Row, pictures: Sequence[RowPicture], readable: Sequence[RowPicture]) -> Outcome:
        state, external_id = RowState.ENROLLED, row.external_id
        if self._job.is_dry_run and external_id and self._was_taken_before(row):
            state, external_id = RowState.EXTENDED, ""
        before = self._rehearsed_before(row, readable)
        if before is not None and before.digests >= {each.digest for each in readable}:
            detail = "An earlier row of the file tells of the person with these pictures."
            return Outcome(
                RowState.UNCHANGED, "already_there", detail, None, _shown(pictures, (), frozenset(before.digests))
            )
        new = NewPerson(
            name=row.name or row.external_id,
            list=row.list or self._job.list,
            external_id=external_id,
            note=row.note,
            pictures=[each.data for each in readable],
            source=IMPORT,
            is_insisted=self._is_insisted,
            more=details_of(row.more),
            check=lambda tx: _check_row(tx, row),
        )
        try:
            person_id, looked = self._library.add(new)
        except Unusable as error:
            return _refused(pictures, error.pictures)
        self._rehearsed.setdefault(row.external_id, row.name)
        if self._rehearsal is not None:
            self._rehearsal.keep(row.external_id, new.name, new.list)
        self._enrolled.add(person_id)
        found = _shown(pictures, looked)
        reason = "new_person" if state is RowState.ENROLLED else "new_pictures"
        return Outcome(state, reason, _sentence(found), None if self._job.is_dry_run else person_id, found)

    def _rehearsed_before(self, row: Row, readable: Sequence[RowPicture]) -> Rehearsed | None:
        """Whom an earlier row of a dry run would have enrolled for this one."""
        if self._rehearsal is None:
            return None
        return self._rehearsal.begin(row.external_id, row.name or row.external_id, [each.digest for each in readable])

    def _was_taken_before(self, row: Row) -> bool:
        """Whether this dry run would have enrolled the person by now.

        Raises:
            Conflict: under another name.
        """
        name = self._rehearsed.get(row.external_id)
        if name is None:
            with self._store.read() as tx:
                name = imports.earlier_name(tx, row.import_id, row.external_id)
        if name is not None and row.name and name and row.name != name:
            raise _other_name(row, name)
        return name is not None

    def _extend(self, row: Row, pictures: Sequence[RowPicture], known: _Known) -> Outcome:
        fresh = [each for each in pictures if each.refusal is None and each.digest not in known.digests]
        person = known.person
        if not fresh:
            return self._unchanged(row, pictures, known)
        if row.name and row.name != person.name:
            raise _other_name(row, person.name)
        try:
            looked = self._library.add_faces(
                person.id, [each.data for each in fresh], is_insisted=self._is_insisted, source=IMPORT
            )
        except Unusable as error:
            if not known.digests:
                return _refused(pictures, error.pictures)
            return self._unchanged(row, pictures, known, error.pictures)
        found = _shown(pictures, looked, known.digests)
        other = differing(details_of(row.more), person, known.groups)
        return Outcome(RowState.EXTENDED, "new_pictures", _sentence(found, other), person.id, found)

    def _unchanged(
        self, row: Row, pictures: Sequence[RowPicture], known: _Known, looked: Sequence[Mapping[str, Any]] = ()
    ) -> Outcome:
        person = known.person
        found = _shown(pictures, looked, known.digests)
        if not known.digests:
            return Outcome(RowState.REFUSED, *_why(found), person.id, found)
        if row.attempts and person.source == IMPORT and person.created_at >= self._begun_at:
            # This row did it, and its worker ended before it could say so.
            state, reason = self._credit(row, person.id)
            return Outcome(state, reason, _sentence(found), person.id, found)
        if row.name and row.name != person.name:
            detail = f"The library has these pictures under the name {person.name!r}; nothing was changed."
            return Outcome(RowState.UNCHANGED, "name_differs", detail, person.id, found)
        if row.list and row.list != person.list:
            detail = (
                f"The library has this person on the list {person.list}, the file says {row.list}; nothing was changed."
            )
            return Outcome(RowState.UNCHANGED, "list_differs", detail, person.id, found)
        other = differing(details_of(row.more), person, known.groups)
        if other:
            detail = f"The library has another {', '.join(other)} of this person; nothing was changed."
            return Outcome(RowState.UNCHANGED, "details_differ", detail, person.id, found)
        detail = f"The library has the person with these pictures already. {_remarks(found)}".strip()
        return Outcome(RowState.UNCHANGED, "already_there", detail, person.id, found)

    def _credit(self, row: Row, person_id: int) -> tuple[RowState, str]:
        """Whether the row enrolled the person, or gave more pictures to whom an earlier row had enrolled."""
        with self._store.read() as tx:
            was_before = person_id in self._enrolled or imports.has_enrolled(tx, row.import_id, person_id)
        self._enrolled.add(person_id)
        return (RowState.EXTENDED, "new_pictures") if was_before else (RowState.ENROLLED, "new_person")

    def _known(self, row: Row, pictures: Sequence[RowPicture]) -> _Known | None:
        """By the external id; where the row has none, by name and one of the pictures."""
        digests = [each.digest for each in pictures if each.refusal is None]
        with self._store.read() as tx:
            if row.external_id:
                person_id = people.person_with_identity(tx, row.external_id, people.ANY_DEVICE)
            else:
                person_id = imports.person_with_picture(tx, row.name, digests)
            person = people.find(tx, person_id) if person_id is not None else None
            if person is None:
                return None
            has = {each.digest for each in people.faces_of(tx, [person.id])}
            groups = people.groups_of(tx, [person.id])[person.id]
        return _Known(person, frozenset(has & set(digests)), groups)


def _check_row(tx: Tx, row: Row) -> None:
    """Makes sure that nobody is enrolled anew whose erasure began while the row was under way."""
    found = imports.row_at(tx, row.import_id, row.number)
    if found is not None and found.reason == ERASED:
        raise Conflict(ERASED, "the person of this row was erased meanwhile")


def _other_name(row: Row, name: str) -> Conflict:
    return Conflict(
        "name_differs",
        f"{row.external_id!r} is {name!r} already, the file says {row.name!r}; correct the file or the library",
    )


def _shown(
    pictures: Sequence[RowPicture], looked: Sequence[Mapping[str, Any]] = (), known: frozenset[bytes] = frozenset()
) -> list[dict[str, Any]]:
    """Each picture's finding; ``looked`` are those of the readable ones that are not known, in their order."""
    rest = iter(looked)
    found = []
    for each in pictures:
        if each.refusal is not None:
            told: Mapping[str, Any] = {"reason": each.refusal.reason, "detail": each.refusal.detail}
        elif each.digest in known:
            told = {"is_used": True, "reason": "already_there"}
        else:
            told = next(rest, {})
        keys = ("is_used", "reason", "detail", "findings", "face")
        found.append(
            {"path": each.path} | {key: told.get(key) for key in keys} | {"is_used": bool(told.get("is_used"))}
        )
    return found


def _of_which(found: Sequence[Mapping[str, Any]], error: Doubtful) -> str:
    """What the library says against a row, with the pictures that it says it of."""
    paths = [each["path"] for each in found if each["reason"] == error.reason]
    return f"{', '.join(paths)}: {error.detail}" if paths else error.detail


def _refused(pictures: Sequence[RowPicture], looked: Sequence[Mapping[str, Any]] = ()) -> Outcome:
    found = _shown(pictures, looked)
    return Outcome(RowState.REFUSED, *_why(found), None, found)


def _why(found: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """One reason and one sentence for pictures none of which can be used."""
    words = sorted({each["reason"] for each in found if each["reason"]})
    reason = words[0] if len(words) == 1 else "no_usable_face"
    return reason, f"No picture can be used. {_remarks(found)}"


def _sentence(found: Sequence[Mapping[str, Any]], other: Sequence[str] = ()) -> str:
    used = sum(each["is_used"] for each in found)
    parts = [f"{used} of {len(found)} pictures used." if used < len(found) else "All pictures used.", _remarks(found)]
    if other:
        parts.append(f"The library has another {', '.join(other)} of this person, which stays.")
    return " ".join(part for part in parts if part)


def _remarks(found: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with the pictures that are not used."""
    bad = [each for each in found if not each["is_used"] and each["reason"]]
    return "; ".join(f"{each['path']}: {each['reason']} ({_explained(each)})" for each in bad)


def _explained(found: Mapping[str, Any]) -> str:
    return str(found["detail"] or ADVICE.get(found["reason"], "it cannot be used")).rstrip(".")
