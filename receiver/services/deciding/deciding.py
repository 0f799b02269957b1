"""Decides who a face is, with the library, the thresholds and the rules of this site."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from receiver.domain.events import ListName
from receiver.domain.identity import Candidate, Decision, Finding, decide, no_face
from receiver.domain.scoring import PLAIN_WORD
from receiver.services.deciding.library import CANDIDATES, ORDINARY, Library, Query, Standing
from receiver.store.database import Tx
from recognition.engine import Embedding


@dataclass(frozen=True, slots=True)
class Probe:
    """What is known of somebody who stood there.

    Attributes:
        embeddings: one or several of the same face, all of the library's model; several are averaged.
        findings: what the gate ``recognise`` says about the picture.
        claimed: the person whom the device named, where the library has that person.
    """

    embeddings: Sequence[Embedding]
    findings: Sequence[Finding] = ()
    claimed: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What holds for the library just now, for people to read.

    Attributes:
        model: the model that decides.
        scoring: ``plain``, or the word of the cohort correction.
        people: by list, how many people have a face.
        thresholds: by list, on the scale of the scoring.
        expected_miss: share of the known people's pictures that will not be recognised, one at a time; 0 to 1, None
            where nothing is known.
        known_strangers: how many strangers the site's own scores come from; None if they do not count.
    """

    model: str
    scoring: str
    people: Mapping[ListName, int]
    thresholds: Mapping[ListName, float]
    expected_miss: float | None
    known_strangers: int | None

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        named = sum(self.people[each] for each in ORDINARY)
        miss = "unknown" if self.expected_miss is None else f"{self.expected_miss:.1%} of their pictures"
        source = (
            "shipped figures" if self.known_strangers is None else f"calibrated with {self.known_strangers} strangers"
        )
        scale = "" if self.scoring == PLAIN_WORD else " after the correction"
        return (
            f"library of {named} people, {self.people[ListName.BLACKLIST]} on the blacklist,"
            f" {self.people[ListName.STRANGER]} strangers; model {self.model}, scoring {self.scoring}, {source};"
            f" thresholds{scale} {self.thresholds[ListName.STAFF]:.3f}, blacklist {self.thresholds[ListName.BLACKLIST]:.3f};"
            f" expected to miss: {miss}"
        )


class Decider:
    """Decisions over one library; every method wants an open transaction, and any thread may call it."""

    def __init__(self, library: Library) -> None:
        self.library = library

    @property
    def model(self) -> str:
        """The model of the embeddings that are compared, as of the last look at the database."""
        return self.library.model

    @property
    def verification_threshold(self) -> float:
        """Distance up to which two pictures, one against one, pass as one person."""
        return self.library.scale.verification

    def decide(self, tx: Tx, probe: Probe | None) -> Decision:
        """Who it is; without a probe there was no face."""
        if probe is None:
            return no_face()
        candidates = self.library.candidates(tx, Query(probe.embeddings, also=probe.claimed))
        return decide(candidates, probe.findings, claimed=probe.claimed)

    def candidates(
        self,
        tx: Tx,
        embeddings: Sequence[Embedding],
        k: int = CANDIDATES,
        lists: Collection[ListName] | None = None,
    ) -> list[Candidate]:
        """The ``k`` nearest people of some lists, or of all, nearest first; near, not therefore the same person."""
        fields = [frozenset(ListName if lists is None else lists)]
        found = self.library.candidates(tx, Query(embeddings, k=k, fields=fields))
        return sorted(found, key=lambda one: (one.aligned, one.person_id))

    def verify(self, tx: Tx, person_id: int, embeddings: Sequence[Embedding]) -> Candidate | None:
        """One person however far, to be held against ``verification``; None if that one has no face of the model."""
        found = self.library.candidates(tx, Query(embeddings, also=person_id, k=1))
        return next((one for one in found if one.person_id == person_id), None)

    def waiting_limit(self, tx: Tx, waiting: int) -> float:
        """See Library.waiting_limit."""
        return self.library.waiting_limit(tx, waiting)

    def catch_up(self, tx: Tx) -> None:
        """Takes over what others changed."""
        self.library.catch_up(tx)

    def forget(self) -> None:
        """After a transaction that was rolled back."""
        self.library.forget()

    def summary(self, tx: Tx) -> Summary:
        """What holds now; for the log at the start."""
        standing: Standing = self.library.standing(tx)
        return Summary(
            model=self.model,
            scoring=standing.scoring.word,
            people=standing.people,
            thresholds=standing.thresholds,
            expected_miss=standing.expected_miss,
            known_strangers=None if standing.site is None else standing.site.strangers,
        )
