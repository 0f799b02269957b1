"""Whether two faces are one person's: the pure decision of a comparison one to one, with its reasons."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from receiver.domain.identity import Finding


class Verified(StrEnum):
    """What we say of two faces."""

    MATCHED = "matched"
    NOT_MATCHED = "not_matched"
    POOR_QUALITY = "poor_quality"
    NO_FACE = "no_face"


@dataclass(frozen=True, slots=True)
class Verification:
    """What we say of two faces, and why.

    Attributes:
        status: what we say.
        distance: between the embeddings, Euclidean, 0 or more; None where a face is missing.
        threshold: the distance up to which they are one person's; None where a face is missing.
        reasons: machine words: ``within_threshold``, ``beyond_threshold`` or ``no_face``, then what is wrong with the
            pictures (``too_dark`` ...).
    """

    status: Verified
    distance: float | None
    threshold: float | None
    reasons: tuple[str, ...]

    @property
    def is_match(self) -> bool:
        return self.status is Verified.MATCHED


def verify(distance: float, threshold: float, findings: Iterable[Finding] = ()) -> Verification:
    """Whether two faces are one person's. Poor quality explains why they are not; it never vetoes a match.

    Args:
        distance: between the embeddings of the two, 0 or more.
        threshold: up to which they are one person's, on the same scale; nobody else is in question, so it is looser than
            a search's.
        findings: what the gate ``recognise`` says about the pictures.
    """
    findings = list(findings)
    words = tuple(dict.fromkeys(each.reason for each in findings))
    if distance <= threshold:
        return Verification(Verified.MATCHED, distance, threshold, ("within_threshold", *words))
    is_poor = any(each.level == "refuse" for each in findings)
    status = Verified.POOR_QUALITY if is_poor else Verified.NOT_MATCHED
    return Verification(status, distance, threshold, ("beyond_threshold", *words))


def nothing_to_verify(findings: Iterable[Finding] = ()) -> Verification:
    """What is said where one of the faces is missing; ``findings`` are those of the other."""
    words = tuple(dict.fromkeys(each.reason for each in findings))
    return Verification(Verified.NO_FACE, None, None, ("no_face", *words))
