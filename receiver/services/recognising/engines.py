"""The engine that gives the embeddings of the library's model, loaded anew when the library has moved to another network."""

import threading
from collections.abc import Callable

from receiver.store import library
from receiver.store.store import Store
from recognition.engine import MIRROR, Engine, RecognitionError, RgbImage, Sighting

# Loads the engine with an embedding network, by its name: a model's id without ``+mirror``.
Load = Callable[[str], Engine]


class Engines:
    """One engine at a time; several threads may ask for it."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._engine: Engine | None = None

    def engine_for(self, model: str) -> Engine:
        """The engine whose sightings have embeddings of the model; taking another network takes about 0.3 s.

        Raises:
            RecognitionError: ``wrong_model``: the engine that the settings name has no such model; or what is wrong with
                its files, see ``recognition.load_engine``.
        """
        network = model.removesuffix(MIRROR)
        with self._lock:
            if self._engine is None or self._engine.model != network:
                self._engine = self._checked(network)
            return self._engine

    def _checked(self, network: str) -> Engine:
        engine = self._load(network)
        if engine.model != network:
            raise RecognitionError(
                "wrong_model",
                f"the library's model is {network}, but the engine {engine.name} gives embeddings of {engine.model}: "
                "set GATEHOUSE_RECOGNITION to the engine that has it, or move the library with `people re-embed`",
            )
        return engine


class LibraryEngine:
    """Looks at pictures with the engine for whatever model the library has at that moment."""

    def __init__(self, store: Store, engines: Engines, read_image: Callable[[bytes], RgbImage]) -> None:
        self._store = store
        self._engines = engines
        self._read_image = read_image

    def sightings(self, data: bytes) -> list[Sighting]:
        """All faces of an encoded picture, largest first.

        Raises:
            RecognitionError: the picture cannot be decoded, or there is no engine for the library's model.
        """
        with self._store.read() as tx:
            model = library.model_of(tx)
        return self._engines.engine_for(model).sightings(self._read_image(data))
