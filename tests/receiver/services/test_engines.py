"""One engine at a time, for whatever network the library's model needs."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver import bootstrap
from receiver.domain.errors import SetupError
from receiver.domain.scales import DLIB, SHIPPED
from receiver.services.deciding.scales import SiteScales
from receiver.services.recognising.engines import Engines, LibraryEngine
from receiver.settings import Settings
from receiver.store import library, people
from receiver.store.store import Store
from recognition.engine import Engine, RecognitionError
from tests.made_stores import made_house
from tests.receiver.boxes import jpeg
from tests.receiver.faces import MODEL, SECOND_MODEL, Desk, PreparedEngine, face_of, read_prepared, sighting
from tests.recognition.test_embedders import Put, description, put

__all__ = ["put"]


class Loader:
    """Counts what is loaded."""

    def __init__(self, has_only: str = "") -> None:
        self.loaded: list[str] = []
        self._has_only = has_only

    def __call__(self, network: str) -> Engine:
        self.loaded.append(network)
        engine = PreparedEngine(self._has_only or network)
        engine.prepare(1, [sighting(face_of(1))])
        return engine


def test_an_engine_is_loaded_once_for_a_network_with_and_without_mirror_averaging() -> None:
    loader = Loader()
    engines = Engines(loader)
    found = [engines.engine_for(model) for model in (MODEL, f"{MODEL}+mirror", MODEL, SECOND_MODEL, SECOND_MODEL)]
    assert loader.loaded == [MODEL, SECOND_MODEL]
    assert [engine.model for engine in found] == [MODEL] * 3 + [SECOND_MODEL] * 2


def test_an_engine_without_the_librarys_model_is_refused_with_the_way_out() -> None:
    engines = Engines(Loader(has_only=MODEL))
    with pytest.raises(RecognitionError, match="people re-embed") as refused:
        engines.engine_for(SECOND_MODEL)
    assert refused.value.reason == "wrong_model"


def test_threads_share_one_engine() -> None:
    loader = Loader()
    engines = Engines(loader)
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait(30)
        engines.engine_for(MODEL)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert loader.loaded == [MODEL]


def test_pictures_are_looked_at_for_the_model_of_the_moment(store: Store) -> None:
    Desk(store, PreparedEngine())
    eyes = LibraryEngine(store, Engines(Loader()), read_prepared)
    assert [each.model for each in eyes.sightings(jpeg(1))] == [MODEL]
    with store.write(lock=people.GALLERY_LOCK) as tx:
        library.switch(tx, SECOND_MODEL, datetime.now(UTC))
    assert [each.model for each in eyes.sightings(jpeg(1))] == [SECOND_MODEL]


def test_a_switch_waits_for_those_who_decide_by_the_old_model(store: Store) -> None:
    """Held between reading the model and comparing with its faces: nobody compares numbers of two models."""
    Desk(store, PreparedEngine())
    order: list[str] = []

    def switch() -> None:
        with store.write(lock=people.GALLERY_LOCK) as tx:
            library.switch(tx, SECOND_MODEL, datetime.now(UTC))
        order.append("switched")

    with store.write() as tx:
        assert library.held(tx) == MODEL
        switching = threading.Thread(target=switch)
        switching.start()
        switching.join(0.5)
        assert library.model_of(tx) == MODEL
        order.append("decided")
    switching.join()
    assert order == ["decided", "switched"]


KNOWN_DISTANCES = {"verification_threshold": 0.9, "false_matches": [[0.5, 1e-4], [0.8, 1e-2]]}


@pytest.mark.parametrize(
    ("chosen", "told", "reason"),
    [
        ({"recognition": "face_recognition", "model": "tiny"}, KNOWN_DISTANCES, "wrong_model"),
        ({"model": "tiny"}, {}, "no_thresholds"),
        ({"model": "somebody-elses"}, KNOWN_DISTANCES, "embedder_missing"),
    ],
)
def test_a_worker_that_cannot_compare_by_the_librarys_model_does_not_start(
    tmp_path: Path, put: Put, chosen: dict[str, Any], told: dict[str, Any], reason: str
) -> None:
    data_dir = tmp_path / "data"
    (data_dir / "models").mkdir(parents=True)
    put(description(**told))
    for path in tmp_path.glob("tiny.*"):
        path.rename(data_dir / "models" / path.name)
    house = made_house(Settings(data_dir=data_dir, **chosen))
    try:
        with pytest.raises(SetupError) as refused:
            bootstrap.make_worker(house)
        assert refused.value.reason == reason
    finally:
        house.close()


def test_the_scale_of_a_network_is_known_as_soon_as_it_is_put_into_the_folder(tmp_path: Path, put: Put) -> None:
    scales = SiteScales(tmp_path)
    assert "tiny" not in scales
    put(description(verification_threshold=0.9, false_matches=[[0.5, 1e-4], [0.8, 1e-2]]))
    assert scales["tiny"].verification == 0.9
    assert set(scales) == {*SHIPPED, "tiny"}
    assert len(scales) == len(SHIPPED) + 1
    assert scales["dlib-resnet-v1"] is DLIB


def test_a_network_of_whose_distances_nothing_is_said_has_no_scale(tmp_path: Path, put: Put) -> None:
    put(description(verification_threshold=0.9))
    assert "tiny" not in SiteScales(tmp_path)
