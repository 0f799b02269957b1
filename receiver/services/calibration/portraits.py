"""Small pictures of faces, cut out of the pictures that they were found in."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from receiver.services.calibration.measured import KnownFace, Stranger
from recognition.engine import Box, RecognitionError, RgbImage

SIDE, JPEG_QUALITY = 112, 82
# Around the face's box, so that hair and chin are seen.
MARGIN = 0.35


class Portraits:
    """Cuts faces out, each once."""

    def __init__(
        self,
        read_image: Callable[[bytes], RgbImage],
        stored: Callable[[bytes], bytes | None],
        folder: Path | None,
    ) -> None:
        """Known people's pictures come from ``stored`` by their digest, strangers' from files below ``folder``."""
        self._read_image = read_image
        self._stored = stored
        self._folder = folder
        self._made: dict[KnownFace | Stranger, str] = {}

    def of(self, face: KnownFace | Stranger) -> str:
        """The face as a ``data:`` address of a JPEG; empty where the picture is gone or cannot be read any more."""
        if face not in self._made:
            self._made[face] = self._make(face)
        return self._made[face]

    def _make(self, face: KnownFace | Stranger) -> str:
        data = self._data(face)
        try:
            return "" if data is None else portrait(self._read_image(data), face.box)
        except RecognitionError:
            return ""

    def _data(self, face: KnownFace | Stranger) -> bytes | None:
        if isinstance(face, Stranger) and face.face is None:
            try:
                return None if self._folder is None else (self._folder / face.picture).read_bytes()
            except OSError:
                return None
        known = face.face if isinstance(face, Stranger) else face
        return None if known is None else self._stored(known.digest)


def portrait(rgb: RgbImage, box: Box) -> str:
    """The square around a face as a ``data:`` address of a small JPEG; what lies beyond the picture is grey."""
    half = max(box.width, box.height) * (1 + MARGIN) / 2
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    image = Image.fromarray(np.ascontiguousarray(rgb))
    corners = (round(x - half), round(y - half), round(x + half), round(y + half))
    square = Image.new("RGB", (corners[2] - corners[0], corners[3] - corners[1]), (226, 229, 233))
    inside = (max(corners[0], 0), max(corners[1], 0), min(corners[2], image.width), min(corners[3], image.height))
    square.paste(image.crop(inside), (inside[0] - corners[0], inside[1] - corners[1]))
    out = io.BytesIO()
    square.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(out, "JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
