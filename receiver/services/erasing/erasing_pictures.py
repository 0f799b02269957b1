"""Takes an erased person's pictures away; where others need one too, the face on it is made unrecognisable."""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import Image

from receiver.services.pacing import Pace
from receiver.services.people.registering import box_of
from receiver.store import erasing
from receiver.store.database import Row
from receiver.store.pictures import FOLLOW_SECONDS, Pictures, StoredPicture
from receiver.store.store import Store
from recognition.blurring import blurred
from recognition.engine import RecognitionError, RgbImage, Sighting

MARKED, TAKEN = 500, 25
# Every process has looked again by then, and what was being written when it looked has been committed.
SETTLED = timedelta(seconds=2 + FOLLOW_SECONDS)
JPEG_QUALITY = 90
GREY = 128

Boxes = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class PictureParts:
    """What the eraser of pictures works with.

    Attributes:
        locate: the boxes of the faces on a picture that are near one of the embeddings of a model; empty where there is
            none, or no engine.
    """

    store: Store
    pictures: Pictures
    read_image: Callable[[bytes], RgbImage]
    locate: Callable[[RgbImage, bytes, str], Boxes]


class PictureEraser:
    """Works the line of pictures off."""

    def __init__(self, parts: PictureParts) -> None:
        self._parts = parts
        self._store = parts.store
        self._pictures = parts.pictures

    def step(self, erasure: Row, pace: Pace) -> dict[str, int] | None:
        """One small step; what was taken, None when the line is empty.

        A digest is deleted only when every process has been told to forget it: else one might take it for stored when it
        comes again with somebody else's event.
        """
        now = datetime.now(UTC)
        with self._store.read() as tx:
            unmarked = erasing.unmarked(tx, erasure.id, MARKED)
            newest = erasing.newest_mark(tx, erasure.id)
        if unmarked:
            with pace.step():
                self._pictures.mark_erased(unmarked, now)
            with pace.step(), self._store.write() as tx:
                erasing.mark(tx, erasure.id, unmarked, now)
            return {}
        if newest is None:
            return None
        if now - newest < SETTLED:
            pace.rest(0.2)
            return {}
        return self._take(erasure, pace)

    def _take(self, erasure: Row, pace: Pace) -> dict[str, int]:
        with self._store.read() as tx:
            rows = erasing.next_pictures(tx, erasure.id, TAKEN)
            used = {row.digest: erasing.is_used(tx, row.digest, erasure.last_event) for row in rows}
        counts = {"pictures_deleted": 0, "pictures_blurred": 0, "pictures_kept": 0, "sightings": 0}
        ended: list[bytes] = []
        free: list[bytes] = []
        for row in rows:
            is_older, is_newer = used[row.digest]
            if is_older:
                # It stays in line: by the next step nobody who was there before needs the old one.
                counts["sightings"] += self._blur(row, erasure.last_event, pace)
                counts["pictures_blurred"] += 1
                continue
            ended.append(row.digest)
            if is_newer:
                counts["pictures_kept"] += 1
            else:
                free.append(row.digest)
        with pace.step():
            counts["pictures_deleted"] = self._pictures.drop(free, min(row.marked_at for row in rows)) if free else 0
        with pace.step(), self._store.write() as tx:
            erasing.leave_line(tx, erasure.id, ended)
        return counts

    def _blur(self, row: Row, last_event: int, pace: Pace) -> int:
        """How many faces of others' events went with it: those that are the erased person's, or may be."""
        stored = self._pictures.get(row.digest)
        image, boxes = self._blurred(row, stored.data if stored is not None else b"")
        new = _encoded(image)
        self._pictures.put([new])
        with pace.step(), self._store.write() as tx:
            seen = erasing.seen_by_others(tx, row.digest, last_event)
            number = erasing.drop_sightings(tx, [each.id for each in seen if _is_to_go(each, boxes)])
            values = {
                "digest": new.digest,
                "media_type": new.media_type,
                "width": new.width,
                "height": new.height,
            }
            erasing.replace_picture(tx, row.digest, values, last_event)
        return number

    def _blurred(self, row: Row, data: bytes) -> tuple[RgbImage, Boxes]:
        """The picture and where on it the person was; no boxes: nobody can say where, and all of it is blurred."""
        try:
            image = self._parts.read_image(data)
        except RecognitionError:
            # Nobody can say what it shows.
            return np.full((GREY, GREY, 3), GREY, dtype=np.uint8), ()
        boxes = list(row.boxes)
        if not boxes and row.probes:
            boxes = list(self._parts.locate(image, row.probes, row.model))
        return blurred(image, boxes), boxes


def _is_to_go(seen: Row, boxes: Boxes) -> bool:
    """Whether a face that was seen in somebody else's event is the erased person's, or may be.

    Where nobody can say which one is, an event keeps the face that it was decided on, and no other.
    """
    if not boxes:
        return not seen.is_live
    return any(_is_one_face(seen.box, box) for box in boxes)


def _is_one_face(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether the middle of one box lies in the other: engines draw larger and smaller boxes around the same face."""
    return _has_middle_of(one, other) or _has_middle_of(other, one)


def _has_middle_of(box: Sequence[int], other: Sequence[int]) -> bool:
    left, top, right, bottom = box
    across, down = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return left <= across <= right and top <= down <= bottom


def faces_near(sightings: Sequence[Sighting], probes: bytes, model: str, reach: float) -> Boxes:
    """The boxes of the faces that are within ``reach`` of one of the embeddings (float32, one after another)."""
    found = []
    for each in sightings:
        embedding = each.embedding_for(model)
        known = np.frombuffer(probes, dtype=np.float32).reshape(-1, len(embedding))
        if float(np.linalg.norm(known - embedding, axis=1).min()) <= reach:
            found.append(box_of(each))
    return found


def _encoded(image: RgbImage) -> StoredPicture:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=JPEG_QUALITY)
    data = buffer.getvalue()
    return StoredPicture(hashlib.sha256(data).digest(), "image/jpeg", image.shape[1], image.shape[0], data)
