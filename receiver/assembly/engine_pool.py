"""Puts together the engine processes that callers wait for."""

from typing import TYPE_CHECKING

import structlog

from receiver import metrics
from receiver.store import library

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from recognition.pool import EnginePool, Trouble


def make_pool(house: "House") -> "EnginePool":
    """Engine processes for callers who wait, started when they are needed, with the library's embedding model."""
    from recognition.engine import MIRROR
    from recognition.pool import EnginePool, EngineSetup, PoolLimits

    settings = house.settings

    def setup() -> EngineSetup:
        with house.store.read() as tx:
            active = library.active(tx)
        model = settings.model if active is None else str(active.model)
        embedder = model.removesuffix(MIRROR)
        return EngineSetup(
            settings.engine_name, house.models_dir, settings.pixel_limit, embedder, settings.cnn_detector
        )

    # Those who wait for faces, and those whose turn it is, leave half of the threads to those who do not.
    half = max(1, settings.web_threads // 2)
    processes = min(settings.engine_processes, half)
    limits = PoolLimits(processes, line=max(1, half - processes))
    pool = EnginePool(setup, limits, _note_trouble)
    house.closers.append(pool.close)
    return pool


def _note_trouble(trouble: "Trouble") -> None:
    metrics.ENGINE_TROUBLES.labels(trouble).inc()
    # Callers who are turned away are told so themselves, and may be many.
    if trouble != "full":
        structlog.get_logger("web").warning("engine_ended", why=trouble)
