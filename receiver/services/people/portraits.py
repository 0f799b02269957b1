"""Looks at pictures that people bring for the library: which face each is about, and what its quality says."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from receiver.domain.enrolment import Doubt
from receiver.domain.errors import Busy, GatehouseError, Invalid, Unavailable
from receiver.services.people.registering import SeenFace, box_of, measures_of
from receiver.store.pictures import StoredPicture
from receiver.translation.pictures import inspect
from recognition.engine import RecognitionError, Sighting, foremost
from recognition.gates import Finding, GateLimits, judge

# What speaks of the server, not of the picture.
OURS: Mapping[str, type[GatehouseError]] = {
    "busy": Busy,
    "recognition_off": Unavailable,
    "model_missing": Unavailable,
    "model_corrupt": Unavailable,
    "embedder_missing": Unavailable,
    "embedder_invalid": Unavailable,
    "wrong_model": Busy,  # the library has moved to another model since the picture was looked at: the next look has it
}
# Looks at one encoded picture, wherever the engine runs.
See = Callable[[bytes], list[Sighting]]
NO_FACE = "no face was found; use a picture with the whole face, upright and well lit"
DIGITS = 4


@dataclass(slots=True)
class Portrait:
    """One picture that somebody wants in the library.

    Attributes:
        failure: why there is no face that could be taken, whoever insists; None if there is one.
        detail: a sentence to the failure.
        faces: how many there are on the picture.
        stored: the picture as it would be kept; None if it cannot be read.
        face: the one that the picture is about.
        findings: what its quality says.
        doubts: what the library says against it.
        shown_doubts: the same with names and pictures.
        is_insisted: somebody wants it in spite of all that.
        is_there: the person has this picture as a current one already.
        face_id: the face of the library that it has become, or is.
    """

    failure: str | None = None
    detail: str | None = None
    faces: int = 0
    stored: StoredPicture | None = None
    face: SeenFace | None = None
    findings: Sequence[Finding] = ()
    doubts: Sequence[Doubt] = ()
    shown_doubts: Sequence[Mapping[str, Any]] = ()
    is_insisted: bool = False
    is_there: bool = False
    face_id: int | None = None

    @property
    def is_good_enough(self) -> bool:
        """Whether the face may be taken, as far as the picture tells."""
        return self.failure is None and (self.is_insisted or not _refused(self.findings))

    @property
    def insisted(self) -> list[str]:
        """What would have refused it, had nobody insisted."""
        return [*_refused(self.findings), *_refused(self.doubts)] if self.is_insisted else []

    @property
    def reason(self) -> str | None:
        """Why it is not taken, or that it is there; None if it is taken."""
        if self.failure is not None or self.is_insisted:
            return self.failure or ("already_there" if self.is_there else None)
        refused = [*_refused(self.findings), *_refused(self.doubts)]
        return refused[0] if refused else "already_there" if self.is_there else None

    def shown(self) -> dict[str, Any]:
        """As plain values for an answer."""
        seen = self.face.sighting if self.face is not None else None
        return {
            "is_used": self.reason in {None, "already_there"},
            "reason": self.reason,
            "detail": self.detail,
            "digest": self.stored.digest.hex() if self.stored is not None else None,
            "faces": self.faces,
            "face": self.face_id,
            "box": box_of(seen) if seen is not None else None,
            "quality": measures_of(seen) if seen is not None else None,
            "findings": [_shown(each) for each in self.findings] + [dict(each) for each in self.shown_doubts],
            "insisted": self.insisted,
        }


class Unusable(Invalid):
    """None of the pictures can be used; ``pictures`` says why for each."""

    def __init__(self, reason: str, pictures: list[dict[str, Any]]) -> None:
        super().__init__("no_usable_face", f"no picture has a face that can be used ({reason}); nothing was stored")
        self.pictures = pictures


@dataclass(frozen=True, slots=True)
class PortraitStudio:
    """What is needed to look at them.

    Attributes:
        see: looks at one encoded picture.
        pixel_limit: most pixels of a picture.
        limits: what the site asks of a picture's quality.
    """

    see: See
    pixel_limit: int
    limits: GateLimits

    def look_at(self, pictures: Sequence[bytes], *, is_insisted: bool = False) -> list[Portrait]:
        """What each picture shows.

        Raises:
            Unusable: there are pictures, and none has a face that may be taken.
            Busy, Unavailable: there is no engine just now.
        """
        portraits = [self._look(data, is_insisted) for data in pictures]
        if portraits and not any(each.is_good_enough for each in portraits):
            words = ", ".join(sorted({each.reason or "" for each in portraits}))
            raise Unusable(words, [each.shown() for each in portraits])
        return portraits

    def _look(self, data: bytes, is_insisted: bool) -> Portrait:  # noqa: FBT001 - one of two
        try:
            header = inspect(data, self.pixel_limit)
            sightings = self.see(data)
        except (Invalid, RecognitionError) as error:
            if error.reason in OURS:
                raise as_ours(error) from error
            return Portrait(error.reason, error.detail)
        stored = StoredPicture(hashlib.sha256(data).digest(), header.media_type, header.width, header.height, data)
        best = foremost(sightings)
        if best is None:
            return Portrait("no_face", NO_FACE, 0, stored)
        if is_insisted:
            # Whoever insists on a picture of several people means the one in front.
            best = max(sightings, key=lambda each: each.box.area)
        return Portrait(
            faces=len(sightings),
            stored=stored,
            face=SeenFace(stored.digest, best),
            findings=judge(best.quality.measures, "enrol", self.limits),
            is_insisted=is_insisted,
        )


def as_ours(error: Invalid | RecognitionError) -> GatehouseError:
    """The error of the house for what speaks of the server."""
    return OURS[error.reason](error.reason, error.detail)


def _refused(findings: Sequence[Finding] | Sequence[Doubt]) -> list[str]:
    return [each.reason for each in findings if each.level == "refuse"]


def _shown(found: Finding) -> dict[str, Any]:
    return {
        "reason": found.reason,
        "level": found.level,
        "measure": found.measure,
        "value": round(found.value, DIGITS),
        "limit": found.limit,
    }
