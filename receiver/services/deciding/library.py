"""The library as decisions need it: one gallery in memory, kept in step with the database, and the limit for each person."""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import mode

import numpy as np
import numpy.typing as npt
import structlog

from receiver.domain.alignment import Distances
from receiver.domain.errors import SetupError
from receiver.domain.events import ListName
from receiver.domain.identity import Candidate
from receiver.domain.people import AUTOMATIC_SOURCES
from receiver.domain.scales import SHIPPED, Scale
from receiver.domain.scoring import Scoring, nearest_of
from receiver.domain.site_scores import SiteScores
from receiver.domain.thresholds import AUTOMATIC_SHARE, AUTOMATIC_STEP, Wanted, expected_miss, threshold
from receiver.store import calibrations, people
from receiver.store import library as active_model
from receiver.store.database import Row, Tx
from recognition.engine import Embedding
from recognition.gallery import Batch, Gallery, Match, Roll, Template, template_of

log = structlog.get_logger("library")

# Enough to see the runner-up person in each field.
CANDIDATES = 3
# More changes than this are cheaper, and within a statement's limits, as a reading of everything.
MANY = 1000
NAMED = frozenset(each for each in ListName if each is not ListName.STRANGER)
ORDINARY = NAMED - {ListName.BLACKLIST}
# Those who compete with each other: each field has its own number of people and so its own threshold.
FIELDS: tuple[frozenset[ListName], ...] = (
    ORDINARY,
    frozenset({ListName.BLACKLIST}),
    frozenset({ListName.STRANGER}),
)


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """Who is looked for.

    Attributes:
        embeddings: one or several of one face, of the active model; their mean is compared.
        also: a person who is weighed however far, if that one has a face.
        k: how many people of each field.
        fields: the lists of each field.
    """

    embeddings: Sequence[Embedding]
    also: int | None = None
    k: int = CANDIDATES
    fields: Sequence[Collection[ListName]] = FIELDS


@dataclass(frozen=True, slots=True)
class Standing:
    """The thresholds that hold for the library as it is.

    Attributes:
        scoring: how scores are made.
        people: by list, how many people have a face.
        thresholds: by list, on the scale of ``scoring``.
        automatic: the stricter ones for those near whom lies no face that somebody vouched for.
        expected_miss: share of the known people's pictures expected beyond them; None where nothing is known.
        site: the site's own scores, if they count.
    """

    scoring: Scoring
    people: Mapping[ListName, int]
    thresholds: Mapping[ListName, float]
    automatic: Mapping[ListName, float]
    expected_miss: float | None
    site: SiteScores | None


class Library:
    """All current faces of the active model; every method wants an open transaction and first catches up with it.

    May be shared by threads. It follows the database by the numbered changes: writers of the library hold one lock until
    they have committed, so that numbers become visible in their order and none is missed.
    """

    def __init__(
        self, model: str, fpir: float, blacklist_fpir: float = 0.02, scales: Mapping[str, Scale] = SHIPPED
    ) -> None:
        """Of ``model`` until the database says otherwise; ``scales`` holds the figures of each model, by its id."""
        self.model = model
        self._fpir = {each: blacklist_fpir if each is ListName.BLACKLIST else fpir for each in ListName}
        self._scales = scales
        self._lock = threading.RLock()
        self._gallery = Gallery(model)
        self._last_change: int | None = None
        self._calibration = 0
        self._site: SiteScores | None = None
        self._standing: Standing | None = None

    @property
    def scale(self) -> Scale:
        """The active model's.

        Raises:
            SetupError: ``no_thresholds``: the model's figures are not here.
        """
        try:
            return self._scales[self.model]
        except KeyError as error:
            detail = (
                f"nothing is known of the distances of {self.model}, so nobody can be recognised: its description in the"
                " models folder needs verification_threshold and false_matches, or move the library to another model"
            )
            raise SetupError("no_thresholds", detail) from error

    def candidates(self, tx: Tx, query: Query) -> list[Candidate]:
        """The nearest people of each field, and whoever is to be weighed in any case; in no order."""
        with self._lock:
            self.catch_up(tx)
            probe, probes = template_of(np.stack(query.embeddings)), len(query.embeddings)
            compared = self._gallery.compare(probe)
            roll = compared.roll
            aligned = self.scale.alignment.aligned(compared.distances, roll.faces, probes)
            rows = np.concatenate([_nearest(aligned, roll.tagged(field), query.k) for field in query.fields])
            chosen: set[int] = set(roll.person_ids[rows].tolist())
            if query.also is not None:
                chosen.add(query.also)
            return self._weighed(probe, aligned, probes, sorted(chosen))

    def waiting_limit(self, tx: Tx, waiting: int) -> float:
        """Up to which distance a face is taken for one of so many that wait: by single pictures that nobody vouched for."""
        with self._lock:
            self.catch_up(tx)
            wanted = Wanted(self._fpir[ListName.STRANGER] * AUTOMATIC_SHARE, waiting)
            found = threshold(Scoring(self.scale, None), wanted, self._site, may_loosen=False)
            return min(found, (1 - AUTOMATIC_STEP) * self.scale.verification)

    def standing(self, tx: Tx) -> Standing:
        """What holds now."""
        with self._lock:
            self.catch_up(tx)
            return self._stand()

    def catch_up(self, tx: Tx) -> None:
        """Takes over what others changed; under the gallery's lock nothing can be missing afterwards."""
        with self._lock:
            row = active_model.active(tx)
            if row is not None and row.model != self.model:
                self.model = row.model
                self.forget()
            self._follow_calibration(tx)
            if self._last_change is None:
                self._load(tx)
                return
            changes = people.changes_after(tx, self._last_change)
            if len(changes) > MANY:
                self._load(tx)
            elif changes:
                self._renew(tx, sorted({person_id for _, person_id in changes}))
                self._last_change = changes[-1][0]

    def forget(self) -> None:
        """After a transaction that was rolled back: what it had added may be in here."""
        with self._lock:
            self._gallery = Gallery(self.model)
            self._last_change = self._standing = None
            self._calibration, self._site = 0, None

    def _load(self, tx: Tx) -> None:
        # The number first: what is committed in between is read twice, not missed.
        last_change = people.last_change(tx)
        rows = people.gallery_rows(tx, self.model)
        self._gallery = Gallery(self.model)
        if rows:
            self._gallery.load(_batch_of(rows))
        self._last_change, self._standing = last_change, None

    def _renew(self, tx: Tx, changed: Sequence[int]) -> None:
        for person_id in changed:
            self._gallery.remove_person(person_id)
        for row in people.gallery_rows(tx, self.model, changed):
            try:
                embedding = np.frombuffer(row.embedding, dtype=np.float32)
                is_vouched = row.source not in AUTOMATIC_SOURCES
                self._gallery.put(Template(row.id, row.person_id, embedding, row.list, is_vouched))
            except ValueError as error:
                log.warning("faces_unreadable", faces=[row.id], detail=str(error))
        self._standing = None

    def _follow_calibration(self, tx: Tx) -> None:
        newest = calibrations.newest_id(tx, self.model)
        if newest != self._calibration:
            self._site = _site_scores(tx, self.model)
            self._calibration, self._standing = newest, None

    def _weighed(self, probe: Embedding, aligned: Distances, probes: int, chosen: Sequence[int]) -> list[Candidate]:
        """Those people, each with the own limits."""
        standing, alignment = self._stand(), self.scale.alignment
        rule = standing.scoring.rule
        nearest = np.empty((1, 0)) if rule is None else nearest_of(aligned[None, :], rule)
        found = []
        for match in filter(None, (self._gallery.distance_to(person_id, probe) for person_id in chosen)):
            own = alignment.aligned([[match.distance]], match.faces, probes)
            shift = float(standing.scoring.shifts(nearest, own, np.array([match.faces]), probes)[0, 0])
            thresholds = standing.thresholds if self._is_vouched(match, probes) else standing.automatic
            accepted = thresholds[ListName(match.tag)]
            limit = accepted + shift if rule else float(alignment.raw(accepted, match.faces, probes))
            pair = float(alignment.raw(self.scale.verification, match.faces, probes))
            found.append(
                Candidate(
                    person_id=match.person_id,
                    face_id=match.face_id,
                    list=ListName(match.tag),
                    distance=match.distance,
                    # A search through many is never looser than the comparison with one.
                    threshold=min(limit, pair),
                    verification=pair,
                    aligned=float(own[0, 0]),
                    cohort=shift if rule else None,
                )
            )
        return found

    def _is_vouched(self, match: Match, probes: int) -> bool:
        """Whether the probe may be the one on a picture that somebody vouched for, compared with that alone.

        Where somebody vouched for all of them, their mean is as good as any of them.
        """
        if match.unvouched == 0:
            return True
        pair = float(self.scale.alignment.raw(self.scale.verification, 1, probes))
        return match.vouched is not None and match.vouched <= pair

    def _stand(self) -> Standing:
        if self._standing is None:
            self._standing = self._reckoned(self._gallery.roll())
        return self._standing

    def _reckoned(self, roll: Roll) -> Standing:
        everybody = len(roll.person_ids)
        scoring = Scoring(self.scale, self.scale.rule_for(everybody - 1))
        counts = {each: int(roll.tagged({each}).sum()) for each in ListName}
        thresholds: dict[ListName, float] = {}
        automatic: dict[ListName, float] = {}
        for field in FIELDS:
            size = sum(counts[each] for each in field)
            for each in field:
                wanted = Wanted(self._fpir[each], size, everybody)
                thresholds[each] = threshold(scoring, wanted, self._site, may_loosen=field is ORDINARY)
                strict = Wanted(self._fpir[each] * AUTOMATIC_SHARE, size, everybody)
                found = threshold(scoring, strict, self._site, may_loosen=False)
                automatic[each] = min(found, thresholds[each] - AUTOMATIC_STEP * self.scale.verification)
        faces, number = np.unique(roll.faces[roll.tagged(ORDINARY)], return_counts=True)
        by_faces = dict(zip(faces.tolist(), number.tolist(), strict=True))
        missed = expected_miss(scoring, thresholds[ListName.STAFF], by_faces, self._site)
        is_of_use = self._site is not None and self._site.scoring == scoring.word
        return Standing(scoring, counts, thresholds, automatic, missed, self._site if is_of_use else None)


def _batch_of(rows: Sequence[Row]) -> Batch:
    """All faces; those whose numbers are damaged are left out and told of, for one of them must not close every gate."""
    face_ids, person_ids, lists, sources, embeddings = zip(*rows, strict=True)
    length = mode(map(len, embeddings))
    no_numbers = np.full(length // 4, np.nan, np.float32).tobytes()
    content = b"".join(each if len(each) == length else no_numbers for each in embeddings)
    matrix = np.frombuffer(content, np.float32).reshape(len(rows), -1)
    vouched = np.array([each not in AUTOMATIC_SOURCES for each in sources])
    batch = Batch(np.array(face_ids), np.array(person_ids), lists, matrix, vouched)
    whole = np.flatnonzero(np.isfinite(batch.embeddings).all(axis=1))
    if len(whole) == len(rows):
        return batch
    log.warning("faces_unreadable", faces=np.delete(batch.face_ids, whole).tolist())
    chosen = [lists[row] for row in whole]
    return Batch(batch.face_ids[whole], batch.person_ids[whole], chosen, batch.embeddings[whole], vouched[whole])


def _site_scores(tx: Tx, model: str) -> SiteScores | None:
    """The site's own scores; None where there are none, or where they are damaged: the shipped figures hold then."""
    try:
        row = calibrations.newest(tx, model)
        return None if row is None else SiteScores.from_json(row.result["scores"])
    except (LookupError, TypeError, ValueError) as error:
        log.warning("calibration_unreadable", model=model, detail=f"calibrate anew: {error!r}")
        return None


def _nearest(aligned: Distances, among: npt.NDArray[np.bool_], k: int) -> npt.NDArray[np.intp]:
    """The rows of the ``k`` smallest among some."""
    rows = np.flatnonzero(among)
    if len(rows) > k:
        rows = rows[np.argpartition(aligned[rows], k - 1)[:k]]
    return rows
