"""Imports photographs of 640x480 through the interface: how many a second, and how long the intake takes meanwhile."""

import io
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import requests

import recognition
from benchmarks.contenders import READY, environment, fresh_folder
from benchmarks.erasing import QUIET_SECONDS, Senders, p99
from benchmarks.logins import logged_in
from benchmarks.photographs import TYPES
from benchmarks.scenes import SMALL, encoded
from benchmarks.starting import Command, running
from recognition.engine import Engine, RgbImage, foremost

WARM_UP = 8
PATIENCE = 3600.0


@dataclass(frozen=True)
class Enrolled:
    """One import alone, and one while events come in; the intake's figures are seconds of one request's answer."""

    people: int
    pictures: int
    used: int
    seconds: float
    quiet_p99: float
    p99: float
    slowest: float
    requests: int

    @property
    def rate(self) -> float:
        """Pictures enrolled a second; what is refused does not count."""
        return self.used / self.seconds


def measure_enrolling(folder: Path, pictures: int) -> Enrolled:
    """A server of its own, with the engine as delivered; the first pictures load the models and are not counted."""
    photographs = read_photographs(folder)
    with fresh_folder() as data:
        settings = environment(data)
        settings.pop("GATEHOUSE_UPSTREAM_URL")
        with running(sys.executable, Command(["Event_Receive_server.py", "serve"], settings, READY)) as server:
            url = f"http://127.0.0.1:{server.port}"
            http = logged_in(url)
            numbers = count(1)
            _import(http, url, packed(photographs, WARM_UP, numbers))
            alone = _import(http, url, packed(photographs, pictures, numbers))
            senders = Senders(url)
            with senders.at_work():
                time.sleep(QUIET_SECONDS)
                quiet = p99(senders.seconds)
                senders.seconds.clear()
                _import(http, url, packed(photographs, pictures, numbers))
                found = list(senders.seconds)
    return Enrolled(
        people=len(photographs),
        pictures=pictures,
        used=alone["used"],
        seconds=round(alone["seconds"], 2),
        quiet_p99=round(quiet, 4),
        p99=round(p99(found), 4),
        slowest=round(max(found), 4),
        requests=len(found),
    )


def read_photographs(folder: Path) -> dict[str, list[bytes]]:
    """Everybody of a folder with one sub-folder a person, each photograph with a face made a portrait of 640x480."""
    engine = recognition.load_engine()
    found = {home.name: _portraits(engine, home) for home in sorted(folder.iterdir()) if home.is_dir()}
    found = {name: pictures for name, pictures in found.items() if pictures}
    if not found:
        raise SystemExit(f"There is no sub-folder with pictures of faces in {folder}.")
    return found


def _portraits(engine: Engine, home: Path) -> list[bytes]:
    paths = sorted(path for path in home.iterdir() if path.suffix.lower() in TYPES)
    made = (_portrait(engine, recognition.read_image(path.read_bytes())) for path in paths)
    return [each for each in made if each is not None]


def _portrait(engine: Engine, photo: RgbImage) -> bytes | None:
    """The face in the middle, a quarter as wide as the picture; beyond the photograph its edge goes on."""
    face = foremost(engine.sightings(photo))
    if face is None:
        return None
    width, height = SMALL
    scale = width / 4 / face.box.width
    middle = ((face.box.left + face.box.right) / 2, (face.box.top + face.box.bottom) / 2)
    moved = np.array([[scale, 0, width / 2 - scale * middle[0]], [0, scale, height / 2 - scale * middle[1]]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return encoded(
        np.asarray(cv2.warpAffine(photo, moved, SMALL, flags=how, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    )


def packed(photographs: dict[str, list[bytes]], pictures: int, numbers: "Iterator[int]") -> bytes:
    """A zip with a table: one row a picture, people in turn; each is another picture by its last bytes, so that none is
    known.
    """
    rows = ["id,name,picture"]
    names = list(photographs)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for place in range(pictures):
            name, number = names[place % len(names)], next(numbers)
            own = photographs[name]
            archive.writestr(f"{number}.jpg", own[place // len(names) % len(own)] + number.to_bytes(4, "big"))
            rows.append(f"{name},{name},{number}.jpg")
        archive.writestr("people.csv", "\n".join(rows))
    return buffer.getvalue()


def _import(http: requests.Session, url: str, archive: bytes) -> dict[str, Any]:
    """Imports it to its end: seconds by the server's own clock, and how many pictures were used."""
    answer = http.post(f"{url}/v1/imports", files={"file": ("people.zip", archive)}, timeout=300)
    answer.raise_for_status()
    place = f"{url}/v1/imports/{answer.json()['id']}"
    until = time.monotonic() + PATIENCE
    while (job := http.get(place, timeout=60).json())["state"] in {"waiting", "running"}:
        if time.monotonic() > until:
            raise RuntimeError("the import does not end")
        time.sleep(0.5)
    if job["state"] != "done":
        raise RuntimeError(f"the import ended as {job['state']}: {job['detail']}")
    taken = job["counts"]["enrolled"] + job["counts"]["extended"]
    took = datetime.fromisoformat(job["ended_at"]) - datetime.fromisoformat(job["started_at"])
    return {"seconds": took.total_seconds(), "used": taken}
