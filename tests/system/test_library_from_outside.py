"""Real photographs come into the library from outside: a zip of folders over HTTP, and whom the boxes know already."""

import base64
import csv
import io
from typing import Any

import cv2
import numpy as np
import requests

from receiver.simulator.devices import SimulatedDevice
from receiver.simulator.messages import Passage, history_event
from receiver.store import adoptions
from receiver.store.store import open_store
from receiver.store.types import EPOCH
from tests.photos import ANOTHER_MAN, ONE_MAN, TWO_FACES, photo
from tests.receiver.archives import packed
from tests.system.conftest import MakeSite
from tests.system.processes import Site, eventually

TIME = 1_790_000_000_000
STAFF, VISITOR, STRANGER = 1, 2, 4
MANY = 16


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def small(name: str) -> bytes:
    """A small face, quick to read."""
    image = cv2.imread(str(photo(name)))
    assert image is not None
    scale = 320 / image.shape[1]
    return cv2.imencode(".jpg", cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))[1].tobytes()


def wall() -> bytes:
    return cv2.imencode(".jpg", np.full((480, 640, 3), 200, np.uint8))[1].tobytes()


def started(site: Site) -> Site:
    site.start("web", "worker")
    eventually(site.is_ready)
    return site


def passes(site: Site, generation: str, box: int, **said: Any) -> None:
    """Somebody stands before a simulated box, which tells of it in one of the three generations."""
    passage = Passage(
        device=SimulatedDevice(box),
        want_action="0",
        similarity=0.7,
        traits=1,
        **{"identity_name": "", "person_type": STAFF, "library_picture": "", **said},
    )
    answer = requests.post(f"{site.url}/HistoryEvent", json=history_event(passage, generation), timeout=30)
    assert answer.status_code == 200, answer.text


def recognised(site: Site, number: int) -> list[dict[str, Any]]:
    """All events, newest first, once none of so many waits."""

    def are_done() -> list[dict[str, Any]] | None:
        found = site.every("/v1/events")
        return found if len(found) == number and all(each["recognition"] == "done" for each in found) else None

    found: list[dict[str, Any]] = eventually(are_done)
    return found


def ended(site: Site, path: str) -> Any:
    def is_done() -> Any:
        job = site.get(path)
        return job if job["state"] == "done" else None

    return eventually(is_done)


def test_a_zip_of_folders_is_imported_and_its_report_says_why(make_site: MakeSite) -> None:
    site = started(make_site())
    files = {f"people/obama/{name}": photo(name).read_bytes() for name in ONE_MAN[:2]} | {
        f"people/biden/{ANOTHER_MAN}": photo(ANOTHER_MAN).read_bytes(),
        f"people/two/{TWO_FACES}": photo(TWO_FACES).read_bytes(),
        f"people/zz-again/{ONE_MAN[2]}": photo(ONE_MAN[2]).read_bytes(),
        f"people/mixed/{ONE_MAN[0]}": photo(ONE_MAN[0]).read_bytes() + b"x",
        f"people/mixed/{ANOTHER_MAN}": photo(ANOTHER_MAN).read_bytes() + b"x",
        "people/biden/wall.jpg": wall(),
        "people/nobody/wall.jpg": wall(),
        "people/damaged/half.jpg": photo(ONE_MAN[0]).read_bytes()[:200_000],
        "people/notes.txt": b"not a picture",
        "__MACOSX/people/obama/._obama.jpg": b"litter",
    }
    for is_dry_run in ("true", "false"):
        data = {"dry_run": is_dry_run, "list": "vip"}
        answer = site.http.post(
            f"{site.url}/v1/imports", files={"file": ("people.zip", packed(files))}, data=data, timeout=30
        )
        assert answer.status_code == 202, answer.text
        path = f"/v1/imports/{answer.json()['id']}"
        job = ended(site, path)
        assert (job["total"], job["percent"], job["is_dry_run"]) == (7, 100, is_dry_run == "true")
        report = site.http.get(f"{site.url}{path}/report", timeout=30)
        rows = list(csv.DictReader(io.StringIO(report.content.decode("utf-8-sig"))))
        told = {row["name"]: (row["state"], row["reason"], row["pictures"], row["used"]) for row in rows}
        assert told["obama"] == ("enrolled", "new_person", "2", "2")
        assert told["biden"] == ("enrolled", "new_person", "2", "1")
        assert told["two"] == ("refused", "several_faces", "1", "0")
        assert told["zz-again"] == ("refused", "look_alike", "1", "0")
        assert told["mixed"][:2] in {("refused", "look_alike"), ("refused", "contradiction")}
        assert told["nobody"] == ("refused", "no_face", "1", "0")
        assert told["damaged"] == ("refused", "truncated", "1", "0")
        assert all(row["sentence"] and row["place"].startswith("people/") for row in rows)
        assert "obama" in next(row["sentence"] for row in rows if row["name"] == "zz-again")
        people = site.every("/v1/people")
        assert sorted((each["name"], each["list"], each["source"]) for each in people) == (
            [] if is_dry_run == "true" else [("biden", "vip", "import"), ("obama", "vip", "import")]
        )
    for each in people:
        faces = site.get(f"/v1/people/{each['id']}")["faces"]
        assert {face["source"] for face in faces} == {"import"}
        assert len(faces) == (2 if each["name"] == "obama" else 1)


def test_whom_the_boxes_know_is_adopted_and_known_from_then_on(make_site: MakeSite) -> None:
    """Three generations of boxes; one man is known to two of them by different ids."""
    site = started(make_site())
    one, two, three = (text_of(photo(name).read_bytes()) for name in ONE_MAN)
    other, nothing = text_of(photo(ANOTHER_MAN).read_bytes()), text_of(wall())
    barack = {"identity_name": "Barack", "library_picture": one}
    passes(site, "a", 1, identity_id="E1", timestamp=TIME, picture=two, **barack)
    passes(site, "b", 2, identity_id="77", timestamp=TIME, picture=two, identity_name="BARACK", library_picture=three)
    joe = {"identity_name": "Joe", "person_type": VISITOR, "library_picture": other}
    passes(site, "c", 3, identity_id="E9", timestamp=TIME, picture=other, **joe)
    passes(
        site,
        "b",
        2,
        identity_id="E8",
        timestamp=TIME + 1,
        picture=nothing,
        identity_name="Wall",
        library_picture=nothing,
    )
    unnamed = {"identity_name": "stranger", "person_type": STRANGER}
    passes(site, "b", 2, identity_id="1602612036.38", timestamp=TIME + 2, picture=nothing, **unnamed)
    before = recognised(site, 5)
    assert all(each["decision"]["person"] is None for each in before)
    known = {each["external_id"]: each for each in site.every("/v1/identities")}
    assert {name: (each["name"], each["list"], each["state"]) for name, each in known.items()} == {
        "E1": ("Barack", "staff", "known"), "77": ("BARACK", "staff", "known"), "E9": ("Joe", "visitor", "known"),
        "E8": ("Wall", "staff", "known"),
    }  # fmt: skip
    told = site.run("people", "adopt")
    assert told.returncode == 0, told.stderr
    assert "2 adopted, 1 linked to people who are there, 0 unchanged, 1 refused." in told.stdout
    assert "no_face" in told.stdout
    again = site.run("people", "adopt")
    assert "0 adopted, 0 linked to people who are there, 0 unchanged, 0 refused." in again.stdout
    now = {each["external_id"]: each for each in site.every("/v1/identities")}
    assert now["E1"]["person"] == now["77"]["person"]
    assert (now["E1"]["reason"], now["77"]["reason"]) in {
        ("new_person", "same_name_and_face"), ("same_name_and_face", "new_person"),
    }  # fmt: skip
    assert (now["E9"]["person"]["name"], now["E9"]["person"]["list"]) == ("Joe", "visitor")
    passes(site, "b", 2, identity_id="77", timestamp=TIME + 60_000, picture=one, identity_name="BARACK")
    passes(site, "c", 3, identity_id="E9", timestamp=TIME + 60_000, picture=other, **joe)
    joe_again, barack_again = recognised(site, 7)[:2]
    assert joe_again["decision"]["person"]["name"] == "Joe"
    assert barack_again["decision"]["person"] == now["77"]["person"]
    assert {"claim_confirmed"} <= set(barack_again["decision"]["reasons"]) & set(joe_again["decision"]["reasons"])


def test_an_adoption_outlives_its_worker(make_site: MakeSite) -> None:
    site = started(make_site(CNN_DETECTOR="never"))
    faces = {"Barack": small(ONE_MAN[1]), "Joe": small(ANOTHER_MAN)}
    for number in range(MANY):
        name = ("Barack", "Joe")[number % 2]
        # Bytes behind the picture's end make each one another.
        picture = text_of(faces[name] + number.to_bytes(4, "big"))
        said = {"identity_id": f"E{number}", "identity_name": name, "library_picture": picture}
        passes(site, "b", 1 + number % 3, timestamp=TIME + number, picture=text_of(wall()), **said)
    recognised(site, MANY)
    answer = site.http.post(f"{site.url}/v1/identities/adopt", json={}, timeout=30)
    assert answer.status_code == 202, answer.text
    path = answer.headers["Location"]

    def is_under_way() -> bool:
        counts = site.get(path)["counts"]
        return bool(counts["adopted"] + counts["linked"] > 0)

    eventually(is_under_way)
    site.kill("worker")
    lease_over(site, answer.json()["id"])
    site.start("worker")
    done = ended(site, path)
    assert done["counts"] == {
        "waiting": 0, "adopted": 2, "linked": MANY - 2, "renewed": 0, "unchanged": 0, "refused": 0,
    }, site.logs()  # fmt: skip
    everybody = site.every("/v1/people")
    assert sorted(each["name"] for each in everybody) == ["Barack", "Joe"]
    assert sorted(len(each["identities"]) for each in everybody) == [MANY // 2, MANY // 2]
    assert "Nothing is waiting" in site.run("tasks", "list").stdout


def lease_over(site: Site, adoption_id: int) -> None:
    """The claim of a worker that was killed ends after a minute; this test does not wait for it."""
    store = open_store(site.environment["GATEHOUSE_DATABASE_URL"], site.data_dir)
    try:
        with store.write() as tx:
            adoptions.lease(tx, adoption_id, EPOCH)
    finally:
        store.close()
