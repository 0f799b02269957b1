"""A site with a library of made-up people, which decides about pictures as a server does: for measuring how long that takes."""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import recognition
from benchmarks.searching import embeddings
from benchmarks.starting import BENCH_DIR
from receiver.domain.events import ListName
from receiver.domain.identity import Decision
from receiver.services.deciding.deciding import Decider, Probe
from receiver.services.deciding.library import Library
from receiver.settings import Settings
from receiver.store import people
from receiver.store.store import Store, open_store
from recognition.engine import Engine, foremost
from recognition.gates import judge


class Site:
    """From the bytes of a picture to a decision, with the model and the false alarms of a server's own settings."""

    def __init__(self, engine: Engine, store: Store, known: int) -> None:
        settings = Settings()
        self._engine, self._store = engine, store
        self._model = settings.model
        self._decider = Decider(Library(settings.model, settings.fpir, settings.blacklist_fpir))
        self._enrol(known)

    def decide(self, data: bytes) -> Decision:
        """Who is in the picture."""
        seen = foremost(self._engine.sightings(recognition.read_image(data)))
        probe = None
        if seen is not None:
            findings = judge(seen.quality.measures, "recognise")
            probe = Probe([seen.embedding_for(self._model)], findings)
        with self._store.read() as tx:
            return self._decider.decide(tx, probe)

    def _enrol(self, known: int) -> None:
        now = datetime.now(UTC)
        person = {"name": "made up", "list": ListName.STAFF, "source": "bench", "created_at": now, "updated_at": now}
        face = {"box": [], "quality": {}, "source": "bench", "state": people.CURRENT, "created_at": now}
        with self._store.write(lock=people.GALLERY_LOCK) as tx:
            for number, embedding in enumerate(embeddings(known)):
                digest = hashlib.sha256(b"%d" % number).digest()
                of_whom = {"person_id": people.add(tx, person), "digest": digest}
                people.add_face(tx, face | of_whom, {self._model: embedding.tobytes()})


@contextlib.contextmanager
def site(engine: Engine, known: int) -> Iterator[Site]:
    """A site in a folder of its own, over SQLite, for as long as the block lasts."""
    BENCH_DIR.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BENCH_DIR) as folder:
        store = open_store("", Path(folder))
        store.upgrade()
        try:
            yield Site(engine, store, known)
        finally:
            store.close()
