"""kill -9 in the middle of a check of the library: it goes on where it was, and finds each thing once."""

from datetime import UTC, datetime

import numpy as np

from receiver.domain.events import ListName
from receiver.domain.scales import MIRRORED_MODEL
from receiver.services.people import registering
from receiver.services.people.registering import FaceOrigin, SeenFace
from receiver.store import library, library_checks, people, tables
from receiver.store.database import Tx
from receiver.store.store import Store, open_store
from recognition.engine import Box, Quality, Sighting
from tests.system.conftest import MakeSite
from tests.system.processes import Site, eventually

# Pairs of strangers who may be one, and people each with a picture of somebody else.
PAIRS, MISTAKEN = 60, 400


def populated(store: Store) -> None:
    """Faces of people who lie far from each other, as pairs and mistakes."""
    random = np.random.default_rng(1)
    now = datetime.now(UTC)
    with store.write(lock=people.GALLERY_LOCK) as tx:
        library.settle(tx, MIRRORED_MODEL, now)
        for _ in range(PAIRS):
            face = drawn(random)
            for _twin in range(2):
                enrol(tx, ListName.STRANGER, now, [face + 0.001 * drawn(random)])
        for _ in range(MISTAKEN):
            enrol(tx, ListName.STAFF, now, [drawn(random), drawn(random)])


def drawn(random: np.random.Generator) -> np.ndarray:
    direction = random.normal(size=128)
    return np.asarray(direction / np.linalg.norm(direction) * 1.4, np.float32)


def enrol(tx: Tx, person_list: ListName, now: datetime, faces: list[np.ndarray]) -> None:
    row = {"name": "", "list": person_list, "source": "test", "created_at": now, "updated_at": now}
    person = people.add(tx, row)
    for number, face in enumerate(faces):
        seen = Sighting(Box(0, 0, 90, 90), (), 1.0, Quality({}), np.asarray(face, np.float32), MIRRORED_MODEL)
        digest = f"{person} {number}".encode().ljust(32)
        registering.add_face(tx, person, SeenFace(digest, seen), FaceOrigin("test", None, now))


def items(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as tx:
        return sorted((row.kind, row.key, row.state) for row in tx.execute(tables.review.select()))


def lease_over(store: Store, check_id: int) -> None:
    """The claim of a worker that was killed ends after a minute; this test does not wait for it."""
    with store.write() as tx:
        library_checks.lease(tx, check_id, datetime.now(UTC))


def killed_again_and_again(site: Site, store: Store, check_id: int) -> int:
    """Kills the worker each time it has found something more; how often."""
    kills = 0
    while True:
        before = len(items(store))
        site.start("worker")

        def has_gone_on(before: int = before) -> bool:
            return len(items(store)) > before or not site.get("/v1/library/check")["is_running"]

        eventually(has_gone_on)
        if not site.get("/v1/library/check")["is_running"] or kills == 3:
            return kills
        site.kill("worker")
        kills += 1
        lease_over(store, check_id)


def test_a_check_outlives_its_worker(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off", LIBRARY_CHECK="off")
    site.start("web")
    eventually(site.is_ready)
    store = open_store("", site.data_dir)
    try:
        populated(store)
        begun = site.http.post(f"{site.url}/v1/library/check", timeout=30)
        assert begun.status_code == 202
        assert killed_again_and_again(site, store, begun.json()["newest"]["id"]) > 0

        def is_done() -> bool:
            return not site.get("/v1/library/check")["is_running"]

        eventually(is_done)
        shown = site.get("/v1/library/check")["newest"]
        assert (shown["state"], shown["percent"]) == ("done", 100)
        # A stage that was begun again counts what it noted again; the items are there once.
        assert shown["counts"]["strangers"]["proposed"] == PAIRS
        assert shown["counts"]["contradictions"]["found"] == MISTAKEN
        assert shown["counts"]["ageing"] == {"people": MISTAKEN, "found": 0}
        assert shown["counts"]["settling"] == {"items": 0}
        found = items(store)
        assert len(found) == PAIRS + MISTAKEN
        assert {state for _, _, state in found} == {"open"}
        again = site.run("people", "check")
        assert again.returncode == 0, again.stderr
        assert f"proposed: {PAIRS}" in again.stdout
        assert items(store) == found
    finally:
        store.close()
