"""A library goes from one server to another with its ids, whatever the databases, and into an empty one only."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update

from receiver import bootstrap
from receiver.assembly.house import House
from receiver.assembly.security import make_exporting_library, make_importing_library
from receiver.domain.errors import GatehouseError
from receiver.settings import Settings
from receiver.store import bundles, tables
from receiver.store.types import EPOCH
from tests.made_stores import made_house
from tests.receiver.boxes import count
from tests.receiver.web.logins import client_of
from tests.receiver.web.site import Site, open_site

SHIPPED = "dlib-resnet-v1+mirror"


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Site]:
    """A library with everything that a bundle has."""
    with open_site(tmp_path / "source", timezone="Africa/Maputo") as site:
        for number in range(1, 4):
            site.enrol(
                f"Person {number}",
                number,
                external_id=f"e-{number}",
                groups=["day", "night"],
                fields={"desk": str(number)},
            )
        site.client.delete("/v1/people/2")
        site.told(4, 4, want_action="1001")
        device = site.get("/v1/devices")["items"][0]["id"]
        own = {"identities": [{"external_id": "own", "device": device}], "valid_until": "2031-05-06T07:08:09"}
        assert site.client.patch("/v1/people/3", json=own).status_code == 200
        # As a network that every site has would have made them.
        with site.store.write() as tx:
            tx.execute(update(tables.library).values(model=SHIPPED))
            tx.execute(update(tables.face_embedding).values(model=SHIPPED))
        yield site


@pytest.fixture
def target(database_url: str, tmp_path: Path) -> Iterator[House]:
    house = made_house(Settings(data_dir=tmp_path / "target", database_url=database_url))
    yield house
    house.close()


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    house = made_house(Settings(data_dir=folder))
    try:
        yield house
    finally:
        house.close()


def export(site: Site, path: Path) -> Path:
    with opened(site.services.settings.data_dir) as house:
        make_exporting_library(house).write(path)
    return path


def held(store: Any) -> dict[str, list[dict[str, Any]]]:
    with store.read() as tx:
        found = {name: list(bundles.rows(tx, table)) for name, table in bundles.TABLES.items()}
        keys = {row.id: row.key for row in tx.execute(select(tables.device.c.id, tables.device.c.key))}
    for row in (*found["identities"], *found["faces"]):
        row["device_id"] = keys.get(row["device_id"])
    return found


def test_a_library_arrives_as_it_was(source: Site, target: House, tmp_path: Path) -> None:
    path = export(source, tmp_path / "library.zip")
    # The device is known there already, under another number.
    with target.store.write() as tx:
        other = {"key": "other", "first_seen": EPOCH, "last_seen": EPOCH}
        tx.execute(tables.device.insert(), other)
    counts = make_importing_library(target).read(path)
    assert held(target.store) == held(source.store)
    assert [person["id"] for person in held(target.store)["people"]] == [1, 3]
    assert counts["people"] == 2
    assert counts["pictures"] == counts["faces"] == 2
    with target.store.read() as tx:
        digests = bundles.digests(tx)
    assert [target.pictures.get(digest) for digest in digests] == [
        source.services.pictures.get(digest) for digest in digests
    ]
    assert count(target.store, tables.gallery_change) == 2
    assert count(target.store, tables.event) == 0


def test_new_people_get_numbers_above_those_that_came(source: Site, target: House, tmp_path: Path) -> None:
    make_importing_library(target).read(export(source, tmp_path / "library.zip"))
    client = client_of(bootstrap.make_app(target))
    new = client.post("/v1/people", json={"name": "New Person", "external_id": "new-1"})
    assert (new.status_code, new.get_json()["id"] > 3) == (201, True)


def test_a_library_with_people_is_left_alone(source: Site, target: House, tmp_path: Path) -> None:
    path = export(source, tmp_path / "library.zip")
    client = client_of(bootstrap.make_app(target))
    client.post("/v1/people", json={"name": "Somebody"})
    before = held(target.store)
    with pytest.raises(GatehouseError) as refused:
        make_importing_library(target).read(path)
    assert refused.value.reason == "library_not_empty"
    assert held(target.store) == before
    client.delete("/v1/people/1")
    make_importing_library(target).read(path)
    with pytest.raises(GatehouseError):
        make_importing_library(target).read(path)


def test_numbers_that_events_speak_of_are_not_free(source: Site, tmp_path: Path) -> None:
    path = export(source, tmp_path / "library.zip")
    with open_site(tmp_path / "other") as other:
        event = other.told(1, 1)
        with other.store.write() as tx:
            tx.execute(update(tables.event).where(tables.event.c.id == event).values(person_id=3))
    with opened(tmp_path / "other") as house, pytest.raises(GatehouseError) as refused:
        make_importing_library(house).read(path)
    assert refused.value.reason == "library_not_empty"


def changed(source: Path, target: Path, **members: bytes | None) -> Path:
    """The bundle with other members; None takes one out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            key = "picture" if name.startswith("pictures/") else name.partition(".")[0]
            data = members.get(key, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


@pytest.mark.parametrize(
    "members",
    [
        {"manifest": b"[]"},
        {"manifest": b"{}"},
        {"manifest": None},
        {"people": b"no json\n"},
        {"people": b"[1]\n"},
        {"people": b'{"id": 1}\n'},
        {"people": b'{"id": 1, "evil": 1}\n'},
        {"people": b""},
        {"faces": b""},
        {"identities": b'{"id": 1, "person_id": 99, "external_id": "x", "device_id": 77}\n'},
        {"picture": b"changed"},
        {"picture": None},
        {"pictures": b'{"digest": "../../etc", "media_type": "x", "width": 1, "height": 1}\n'},
        {"embeddings": b'{"face_id": 999, "model": "m", "embedding": "AA=="}\n'},
    ],
    ids=str,
)
def test_a_bundle_that_somebody_changed_leaves_nothing_behind(
    source: Site, tmp_path: Path, members: dict[str, Any]
) -> None:
    path = changed(export(source, tmp_path / "library.zip"), tmp_path / "changed.zip", **members)
    with opened(tmp_path / "target") as house:
        with pytest.raises(GatehouseError) as refused:
            make_importing_library(house).read(path)
        assert not any(held(house.store).values())
    assert refused.value.reason == "bad_bundle"


def test_a_bundle_brings_no_page_in_the_place_of_a_picture(source: Site, tmp_path: Path) -> None:
    """It would be shown to browsers under the server's own address, where scripts of its own may run."""
    page = b"<script src=/v1/pictures/other></script>"
    digest = sha256(page).hexdigest()
    line = orjson.dumps({"digest": digest, "media_type": "text/html", "width": 1, "height": 1}) + b"\n"
    path = changed(export(source, tmp_path / "library.zip"), tmp_path / "changed.zip", pictures=line)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"pictures/{digest}", page)
    with opened(tmp_path / "target") as house:
        with pytest.raises(GatehouseError) as refused:
            make_importing_library(house).read(path)
        assert house.pictures.get(bytes.fromhex(digest)) is None
    assert refused.value.reason == "bad_bundle"


def test_a_model_that_is_not_here_is_told(source: Site, tmp_path: Path) -> None:
    with zipfile.ZipFile(export(source, tmp_path / "library.zip")) as archive:
        manifest = archive.read("manifest.json").replace(b"dlib-resnet-v1+mirror", b"own-network")
    path = changed(tmp_path / "library.zip", tmp_path / "changed.zip", manifest=manifest)
    with opened(tmp_path / "target") as house, pytest.raises(GatehouseError) as refused:
        make_importing_library(house).read(path)
    assert refused.value.reason == "no_thresholds"


def test_what_is_no_zip_is_told(target: House, tmp_path: Path) -> None:
    (tmp_path / "nothing.zip").write_bytes(b"nothing")
    with pytest.raises(GatehouseError) as refused:
        make_importing_library(target).read(tmp_path / "nothing.zip")
    assert refused.value.reason == "bad_bundle"
