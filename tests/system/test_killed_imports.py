"""kill -9 in the middle of an import: it goes on where it was, nobody and no picture is there twice."""

import io
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import cv2

from tests.photos import ANOTHER_MAN, ONE_MAN, photo
from tests.system.conftest import MakeSite
from tests.system.processes import SCRIPT, Site, eventually

PICTURES = 60


def small(name: str) -> bytes:
    """A small face, quick to read."""
    image = cv2.imread(str(photo(name)))
    assert image is not None
    scale = 320 / image.shape[1]
    encoded = cv2.imencode(".jpg", cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))[1]
    return encoded.tobytes()


def archive() -> bytes:
    """Two people with many pictures each, one a row."""
    faces = {"Barack": small(ONE_MAN[1]), "Joe": small(ANOTHER_MAN)}
    rows = ["编号,姓名,照片"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for number in range(PICTURES):
            name = ("Barack", "Joe")[number % 2]
            # A comment behind the picture's end makes each one another.
            packed.writestr(f"pictures/{number}.jpg", faces[name] + number.to_bytes(4, "big"))
            rows.append(f"{name}-1,{name},pictures/{number}.jpg")
        packed.writestr("people.csv", "\r\n".join(rows).encode("gb18030"))
    return buffer.getvalue()


def settled(job: dict[str, Any]) -> int:
    return sum(number for state, number in job["counts"].items() if state != "waiting")


def check_library(site: Site) -> None:
    """Both people once, each with every picture once."""
    everybody = site.every("/v1/people")
    assert sorted(person["name"] for person in everybody) == ["Barack", "Joe"]
    for person in everybody:
        faces = site.get(f"/v1/people/{person['id']}")["faces"]
        assert len(faces) == len({face["picture"]["digest"] for face in faces}) == PICTURES // 2


def test_an_import_outlives_its_worker(make_site: MakeSite) -> None:
    site = make_site()
    site.start("web", "worker")
    eventually(site.is_ready)
    answer = site.http.post(f"{site.url}/v1/imports", files={"file": ("people.zip", archive())}, timeout=30)
    assert answer.status_code == 202, answer.text
    path = f"/v1/imports/{answer.json()['id']}"

    def is_under_way() -> bool:
        return settled(site.get(path)) > 0

    eventually(is_under_way)
    site.kill("worker")
    before = site.get(path)
    assert before["state"] == "running", site.logs()
    site.start("worker")

    def is_done() -> bool:
        return bool(site.get(path)["state"] == "done")

    eventually(is_done)
    done = site.get(path)
    assert done["counts"]["refused"] == 0, site.every(f"{path}/rows", state="refused")
    assert done["counts"]["enrolled"] == 2
    check_library(site)
    assert list((site.data_dir / "imports").iterdir()) == []
    assert "Nothing is waiting" in site.run("tasks", "list").stdout


def test_a_killed_command_is_given_again_and_adds_nothing_twice(make_site: MakeSite, tmp_path: Path) -> None:
    site = make_site()
    packed = tmp_path / "people.zip"
    packed.write_bytes(archive())
    command = [sys.executable, str(SCRIPT), "people", "import", str(packed)]
    site.start("web")
    eventually(site.is_ready)
    with subprocess.Popen(
        command, env=site.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:

        def is_under_way() -> bool:
            return any(settled(job) > 0 for job in site.every("/v1/imports"))

        eventually(is_under_way)
        running.send_signal(signal.SIGKILL)
    again = site.run("people", "import", str(packed))
    assert again.returncode == 0, again.stderr
    assert " 0 refused" in again.stdout
    check_library(site)
