"""Searches for the faces of a picture: who they are, who is near, and in which past events they may be seen."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.events import ListName
from receiver.domain.identity import Candidate, Decision
from receiver.services.deciding.deciding import Decider, Probe
from receiver.services.looking import faces_shown
from receiver.services.looking.retracing import Wanted, retrace
from receiver.services.looking.seeing import Seeing, embedding_of
from receiver.store import library, people
from receiver.store.database import Tx
from receiver.store.sightings import PastFilter, Place
from receiver.store.store import Store
from recognition.engine import Embedding, Sighting

PERIOD = timedelta(days=30)
"""How far back past events are searched where nobody says more."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVENTS = "events"
LISTS: Mapping[str, frozenset[ListName]] = {
    "people": frozenset(ListName) - {ListName.STRANGER},
    "strangers": frozenset({ListName.STRANGER}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is searched for a picture's faces, and where.

    Attributes:
        where: ``people``, ``strangers``, ``events``; one or more.
        candidates: most candidates of a face, 0 or more.
        limit: most past events of a face.
        max_distance: of past events; None: as far as two pictures of one person may be apart.
        since: past events from here on; None: 30 days before ``until``.
        until: past events up to here; None: now.
        gate: past events of that gate only, however it is called.
        device: past events of that device only.
        after: where an earlier answer ended.
    """

    where: Collection[str] = ("people",)
    candidates: int = 5
    limit: int = 20
    max_distance: float | None = None
    since: datetime | None = None
    until: datetime | None = None
    gate: str | None = None
    device: str | None = None
    after: Place | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Probed:
    """One face that is searched for."""

    seen: Sighting
    embedding: Embedding
    decision: Decision
    candidates: Sequence[Candidate]


class Searching:
    """The use case of POST /v1/search; nothing is stored.

    Args:
        store: where people and past events are.
        seeing: how faces come out of pictures.
        decider: who says who they are.
        pair_threshold: of a model's id: up to where two pictures show one person.
    """

    def __init__(self, store: Store, seeing: Seeing, decider: Decider, pair_threshold: Callable[[str], float]) -> None:
        self._store = store
        self._seeing = seeing
        self._decider = decider
        self._pair_threshold = pair_threshold

    def search(self, picture: bytes, wanted: Search) -> dict[str, Any]:
        """Who a picture's faces are, who is near, and in which past events they may be seen.

        Raises:
            GatehouseError: the picture cannot be read, or no engine is free.
        """
        seen = self._seeing.sightings(picture)
        with self._store.read() as tx:
            model = library.model_of(tx)
            probed = [self._probe(tx, each, model, wanted) for each in seen]
            known = people.found(tx, _named(probed))
            matched = faces_shown.matched_faces(tx, [each.decision for each in probed])
            faces = [
                faces_shown.face(each.seen, "recognise", self._seeing.limits)
                | {
                    "decision": faces_shown.decision(each.decision, model, known, matched),
                    "candidates": faces_shown.candidates(each.candidates, known),
                }
                for each in probed
            ]
            if EVENTS not in wanted.where:
                return {"model": model, "faces": faces}
            return {"model": model, **self._with_past(tx, faces, [each.embedding for each in probed], model, wanted)}

    def _probe(self, tx: Tx, seen: Sighting, model: str, wanted: Search) -> _Probed:
        embedding = embedding_of(seen, model)
        decision = self._decider.decide(tx, Probe([embedding], self._seeing.findings(seen)))
        lists = [each for where in wanted.where for each in LISTS.get(where, ())]
        candidates: Sequence[Candidate] = ()
        if lists and wanted.candidates:
            candidates = self._decider.candidates(tx, [embedding], wanted.candidates, lists)
        return _Probed(seen, embedding, decision, candidates)

    def _with_past(
        self, tx: Tx, faces: Sequence[Mapping[str, Any]], embeddings: Sequence[Embedding], model: str, wanted: Search
    ) -> dict[str, Any]:
        """The faces with the past events that show them, and how far the past was searched."""
        until = wanted.until or datetime.now(UTC)
        since = wanted.since or (until - PERIOD if until > EPOCH + PERIOD else EPOCH)
        size = embeddings[0].nbytes if embeddings else 0
        past = PastFilter(model=model, size=size, since=since, until=until, gate=wanted.gate, device=wanted.device)
        reach = self._pair_threshold(model) if wanted.max_distance is None else wanted.max_distance
        found = retrace(tx, embeddings, Wanted(past, wanted.after, reach, wanted.limit))
        events = faces_shown.past_events(tx, found.hits)
        return {
            "faces": [dict(face) | {"events": each} for face, each in zip(faces, events, strict=True)],
            "past": faces_shown.past(past, found) | {"max_distance": reach},
        }


def _named(probed: Iterable[_Probed]) -> set[int]:
    """Everybody of whom the answer will speak."""
    found = {each.decision.person_id for each in probed if each.decision.person_id is not None}
    return found | {candidate.person_id for each in probed for candidate in each.candidates}
