"""Looks at the pictures of one event: whose face it is about, what else was seen, and why nothing was."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from receiver.domain import fusion
from receiver.domain.events import ListName, PictureKind
from receiver.domain.second_opinion import is_asked
from receiver.services.devices.device_pictures import DevicePictures
from receiver.services.people.registering import SeenFace, as_bytes, box_of, measures_of
from receiver.services.recognising.engines import Engines
from receiver.store import events, library
from receiver.store.database import Row
from receiver.store.pictures import Pictures
from receiver.store.store import Store
from recognition.engine import Embedding, Engine, RecognitionError, RgbImage, Sighting, foremost

# Who stood there: the device's crops, else the whole scenes. A scene beside its crop is the same shot once more, from
# which nothing is learnt. The device's library picture is not the person at the gate.
LIVE = (PictureKind.FACE, PictureKind.SCENE)
# What 1001 and 1002 speak of: the device's new library picture, else the crop; never a scene that may show others.
NEW_FACE = (PictureKind.LIBRARY, PictureKind.FACE)


@dataclass(slots=True)
class EventFaces:
    """What the pictures of one event showed.

    Attributes:
        event: as it was when its pictures were looked at.
        model: of all embeddings.
        engine: the name of the engine.
        live: who stood there; several where several pictures show that face, the first is the one to be told of.
        live_kind: what those pictures are.
        new_face: the face that a want_action speaks of.
        reasons: machine words of pictures without a face.
        rows: every face that was seen, ready to be written.
        found: the faces that the pictures of a kind are about, of each kind that was looked at.
        library_digest: the device's library picture, which need not have been looked at; None if the event brought none.
        device_face: the face on it, where the device said who it was and somebody stood there.
    """

    event: Row
    model: str
    engine: str
    live: Sequence[SeenFace] = ()
    live_kind: PictureKind | None = None
    new_face: SeenFace | None = None
    reasons: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    found: dict[PictureKind, list[SeenFace]] = field(default_factory=dict)
    library_digest: bytes | None = None
    device_face: SeenFace | None = None

    @property
    def wants_action(self) -> bool:
        """Whether the device asks something of the library that has not been done yet."""
        return self.event.want_action != "0" and self.event.registration is None

    def embeddings(self) -> list[Embedding]:
        """Of the live faces."""
        return [face.sighting.embedding_for(self.model) for face in self.live]


Digests = Mapping[PictureKind, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class LookerParts:
    """What looking at events takes.

    Attributes:
        reach: how near two embeddings of a model must be to be taken for one face at one moment.
    """

    store: Store
    pictures: Pictures
    engines: Engines
    read_image: Callable[[bytes], RgbImage]
    reach: Callable[[str], fusion.Reach]


class EventLooker:
    """Looks at events' pictures with the engine for the library's model."""

    def __init__(self, parts: LookerParts) -> None:
        self._parts = parts
        self._device_pictures = DevicePictures()

    def look(self, event_id: int) -> EventFaces | None:
        """What the event's pictures show; None if the event is gone.

        Raises:
            RecognitionError: there is no engine for the library's model: ``wrong_model``, ``model_missing`` ...
        """
        with self._parts.store.read() as tx:
            event = events.find(tx, event_id)
            pictures = events.pictures_of(tx, [event_id])[event_id]
            model = library.model_of(tx)
        if event is None:
            return None
        engine = self._parts.engines.engine_for(model)
        seen = EventFaces(event, model, engine.name, reasons=[row.refused for row in pictures if row.refused])
        digests = _digests(pictures)
        seen.library_digest = next(iter(reversed(digests.get(PictureKind.LIBRARY, ()))), None)
        self._look_at_live(seen, engine, digests)
        if seen.wants_action:
            self._look_at_new(seen, engine, digests)
        if seen.live:
            self._look_at_device_picture(seen, engine)
        if not digests:
            seen.reasons.append("no_picture")
        return seen

    def _look_at_live(self, seen: EventFaces, engine: Engine, digests: Digests) -> None:
        for kind in LIVE:
            found = self._faces(seen, engine, kind, digests)
            if found:
                embeddings = [face.sighting.embedding_for(seen.model) for face in found]
                seen.live = [found[place] for place in fusion.one_face(embeddings, self._parts.reach(seen.model))]
                seen.live_kind = kind
                _mark(seen)
                return

    def _look_at_new(self, seen: EventFaces, engine: Engine, digests: Digests) -> None:
        faces = (face for kind in NEW_FACE for face in self._faces(seen, engine, kind, digests))
        seen.new_face = next(faces, None)

    def _look_at_device_picture(self, seen: EventFaces, engine: Engine) -> None:
        """For the second opinion; what is wrong with that picture says nothing of who stood there."""
        event, digest = seen.event, seen.library_digest
        reported = ListName(event.reported_list)
        if digest is None or not is_asked(event.identity_id, event.identity_name, reported):
            return
        found = self._device_pictures.face(
            engine.model, digest, lambda wanted: list(engine.sightings(self._decoded(wanted)))
        )
        if found is None:
            return
        seen.device_face = SeenFace(digest, found)
        if PictureKind.LIBRARY not in seen.found:
            seen.rows.append(_row(seen, PictureKind.LIBRARY, digest, found))

    def _faces(self, seen: EventFaces, engine: Engine, kind: PictureKind, digests: Digests) -> list[SeenFace]:
        """The face that each picture of a kind is about; notes all faces, and why there is none."""
        if kind not in seen.found:
            looks = [self._face(seen, engine, kind, digest) for digest in digests.get(kind, ())]
            seen.found[kind] = [face for face in looks if face is not None]
        return seen.found[kind]

    def _face(self, seen: EventFaces, engine: Engine, kind: PictureKind, digest: bytes) -> SeenFace | None:
        try:
            sightings = engine.sightings(self._decoded(digest))
        except RecognitionError as error:
            seen.reasons.append(error.reason)
            return None
        seen.rows += [_row(seen, kind, digest, each) for each in sightings]
        best = foremost(sightings)
        return None if best is None else SeenFace(digest, best)

    def _decoded(self, digest: bytes) -> RgbImage:
        stored = self._parts.pictures.get(digest)
        if stored is None:
            raise RecognitionError("picture_gone", "the picture is not kept any more")
        return self._parts.read_image(stored.data)


def _digests(pictures: Sequence[Row]) -> dict[PictureKind, list[bytes]]:
    """The usable pictures of each kind, in the order in which they came: both reports of a passage may bring some."""
    digests: dict[PictureKind, list[bytes]] = {}
    for row in pictures:
        if row.digest is not None and row.digest not in digests.setdefault(PictureKind(row.kind), []):
            digests[PictureKind(row.kind)].append(row.digest)
    return {kind: found for kind, found in digests.items() if found}


def _row(seen: EventFaces, kind: PictureKind, digest: bytes, sighting: Sighting) -> dict[str, Any]:
    return {
        "event_id": seen.event.id,
        "digest": digest,
        "kind": kind,
        "box": box_of(sighting),
        "landmarks": [list(point) for point in sighting.landmarks],
        "score": sighting.score,
        "quality": measures_of(sighting),
        "embedding": as_bytes(sighting.embedding_for(seen.model)),
        "model": seen.model,
        "is_live": False,
        "gate_id": seen.event.gate_id,
        "occurred_at": seen.event.occurred_at,
        "created_at": datetime.now(UTC),
    }


def _mark(seen: EventFaces) -> None:
    """Notes on the rows which faces the event is decided on."""
    live = [(face.digest, box_of(face.sighting)) for face in seen.live]
    for row in seen.rows:
        row["is_live"] = row["kind"] == seen.live_kind and (row["digest"], row["box"]) in live
