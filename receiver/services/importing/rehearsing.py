"""A dry run's own library: as the real one, and in memory those whom the file would have enrolled by then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from receiver.services.deciding.deciding import Decider
from receiver.services.deciding.library import Library
from receiver.services.people.enrolling import Doubtful, EnrolmentGate, Own
from receiver.services.people.people import People, See
from receiver.services.people.portraits import Portrait
from receiver.store.database import Tx
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import Embedding
from recognition.gallery import Template
from recognition.gates import GateLimits

# Faces that are remembered, about 1.5 KB each; of larger files the people beyond are compared with these and the library.
MOST = 50_000


class RehearsedLibrary(Library):
    """The library with faces that are in no table."""

    _extra: dict[str, list[Template]] | None = None

    def add(self, template: Template) -> None:
        """Remembers a face of the library's model."""
        with self._lock:
            self._extra = self._extra or {}
            self._extra.setdefault(self.model, []).append(template)
            self._gallery.put(template)
            self._standing = None

    def _load(self, tx: Tx) -> None:
        super()._load(tx)
        for each in (self._extra or {}).get(self.model, ()):
            self._gallery.put(each)


@dataclass(slots=True)
class Rehearsed:
    """Somebody whom the file would have enrolled; a number below 0 stands for the id."""

    person_id: int
    name: str
    of_list: str
    digests: set[bytes] = field(default_factory=set)
    embeddings: list[Embedding] = field(default_factory=list)


class RehearsalGate(EnrolmentGate):
    """Judges as the gate would if everybody before in the file were in the library."""

    def __init__(self, library: RehearsedLibrary, limits: GateLimits) -> None:
        super().__init__(Decider(library), limits)
        self._library = library
        self._known: dict[int, Rehearsed] = {}
        self._by_id: dict[str, Rehearsed] = {}
        self._by_picture: dict[tuple[str, bytes], Rehearsed] = {}
        self._own: Rehearsed | None = None
        self._faces = 0

    def begin(self, external_id: str, name: str, digests: Sequence[bytes]) -> Rehearsed | None:
        """The person of the next row, if an earlier one would have enrolled that one: by id, else by name and picture."""
        named = [found for each in digests if (found := self._by_picture.get((name, each))) is not None]
        self._own = self._by_id.get(external_id) if external_id else next(iter(named), None)
        return self._own

    def examine(self, tx: Tx, portraits: Sequence[Portrait], person_id: int | None = None) -> None:
        """See EnrolmentGate.examine."""
        own = self._own.person_id if person_id is None and self._own is not None else person_id
        try:
            super().examine(tx, portraits, own)
        except Doubtful as error:
            self._name(portraits)
            again = Doubtful(error.reason, [each.shown() for each in portraits])
            again.portraits = portraits
            raise again from error
        self._name(portraits)
        self._last = portraits

    def keep(self, external_id: str, name: str, of_list: str) -> None:
        """The row went well: whoever it tells of is compared with those that follow."""
        person = self._own or Rehearsed(-1 - len(self._known), name, of_list)
        self._known[person.person_id] = person
        if external_id:
            self._by_id[external_id] = person
        for each in self._last:
            if each.face is None or not each.is_good_enough or self._faces >= MOST:
                continue
            embedding = each.face.sighting.embedding_for(self._library.model)
            person.digests.add(each.face.digest)
            person.embeddings.append(embedding)
            self._by_picture[name, each.face.digest] = person
            self._faces += 1
            self._library.add(Template(-self._faces, person.person_id, embedding, of_list))

    def _present(self, tx: Tx, person_id: int) -> list[Own]:
        if person_id > 0:
            return super()._present(tx, person_id)
        return [Own(np.asarray(each)) for each in self._known[person_id].embeddings]

    def _name(self, portraits: Sequence[Portrait]) -> None:
        """Says of whom in the file it speaks, whom no table names."""
        for portrait in portraits:
            pairs = zip(portrait.doubts, portrait.shown_doubts, strict=True)
            portrait.shown_doubts = [dict(shown) | self._named(doubt.person_id) for doubt, shown in pairs]

    def _named(self, person_id: int | None) -> dict[str, Any]:
        person = self._known.get(person_id or 0)
        return {} if person is None else {"person": {"id": None, "name": person.name, "list": person.of_list}}


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a dry run works with: people over a store that keeps nothing, and their gate."""

    people: People
    gate: RehearsalGate


Rehearse = Callable[[Store, Pictures, See], Rehearsal]


def rehearsal_maker(make_library: Callable[[], RehearsedLibrary], limits: GateLimits, pixel_limit: int) -> Rehearse:
    """What makes a rehearsal, each with a library of its own."""

    def make(store: Store, pictures: Pictures, see: See) -> Rehearsal:
        gate = RehearsalGate(make_library(), limits)
        return Rehearsal(People(store, pictures, see, pixel_limit, gate), gate)

    return make
