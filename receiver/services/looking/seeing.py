"""Sees the faces of a picture for a caller who waits, in the house's own errors."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from receiver.domain.errors import Busy, GatehouseError, Invalid, Unavailable
from recognition.engine import Embedding, RecognitionError, Sighting
from recognition.gates import Finding, Gate, GateLimits, judge
from recognition.headers import ImageError, read_header


@dataclass(frozen=True, slots=True)
class Seeing:
    """What is needed to see faces and to judge them.

    Attributes:
        see: looks at one encoded picture, wherever the engine runs.
        pixel_limit: most pixels of a picture.
        limits: what the site asks of a picture's quality.
    """

    see: Callable[[bytes], list[Sighting]]
    pixel_limit: int
    limits: GateLimits

    def sightings(self, picture: bytes) -> list[Sighting]:
        """All faces of an encoded picture, largest first; what its header tells already costs no engine.

        Raises:
            Invalid: the picture cannot be read, or ends the engine.
            Busy: no engine is free.
            Unavailable: there is no engine.
        """
        try:
            header = read_header(picture)
            if header.pixels > self.pixel_limit:
                size = f"{header.width} x {header.height} pixels; at most {self.pixel_limit}"
                raise ImageError("too_many_pixels", size)
            return self.see(picture)
        except RecognitionError as error:
            raise _own(error) from error

    def findings(self, seen: Sighting, gate: Gate = "recognise") -> list[Finding]:
        """What is wrong with a face for a gate."""
        return judge(seen.quality.measures, gate, self.limits)


def _own(error: RecognitionError) -> GatehouseError:
    """Whether the picture or the server is to blame."""
    if isinstance(error, ImageError) or error.reason == "engine_crashed":
        return Invalid(error.reason, error.detail)
    return Busy(error.reason, error.detail) if error.reason == "busy" else Unavailable(error.reason, error.detail)


def embedding_of(seen: Sighting, model: str) -> Embedding:
    """The face's embedding under the library's model.

    Raises:
        Unavailable: ``wrong_model``: the picture was looked at while the library moved to another model, or the engine of
            the settings has no such model.
    """
    try:
        return np.ascontiguousarray(seen.embedding_for(model), dtype=np.float32)
    except RecognitionError as error:
        next_step = "if the library was just moved to another model, try again; else choose the engine that has it"
        raise Unavailable(error.reason, f"{error.detail}; {next_step}") from error
