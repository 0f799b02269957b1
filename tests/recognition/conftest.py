"""Real engines and real photographs, each loaded once."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest

import recognition
from recognition.engine import Engine, RgbImage, Sighting
from tests.photos import photo

Look = Callable[[str], list[Sighting]]
Picture = Callable[[str], RgbImage]


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The networks are written once for these tests, and not into the folder of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def engine() -> Engine:
    return recognition.load_engine()


@pytest.fixture(scope="session")
def picture() -> Picture:
    """A test photograph by its name, decoded."""
    return cache(lambda name: recognition.read_image(photo(name).read_bytes()))


@pytest.fixture(scope="session")
def look(engine: Engine, picture: Picture) -> Look:
    """What the default engine sees in a test photograph."""
    return cache(lambda name: engine.sightings(picture(name)))
