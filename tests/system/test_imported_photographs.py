"""Real photographs through the real engine: who can be enrolled is, who cannot is told why, twice is once."""

import csv
import io
from pathlib import Path

import cv2
import numpy as np

from tests.photos import ANOTHER_MAN, ONE_MAN, TWO_FACES, WITH_ALPHA, photo
from tests.receiver.archives import packed
from tests.system.conftest import MakeSite


def jpeg_of(image: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    return cv2.imencode(".jpg", image)[1].tobytes()


def archive() -> bytes:
    """One man by three pictures and one without a face, another by one, two who cannot be enrolled."""
    blurred = cv2.imread(str(photo(ANOTHER_MAN)))
    assert blurred is not None
    rows = [
        "工号,姓名,类型,照片",
        f"7,Barack,贵宾,{';'.join(ONE_MAN)};{WITH_ALPHA};wall.jpg",
        f"8,Joe,访客,{ANOTHER_MAN}",
        f"9,Both,,{TWO_FACES}",
        "10,Blurred,,blurred.jpg",
    ]
    names = (*ONE_MAN, ANOTHER_MAN, TWO_FACES, WITH_ALPHA)
    return packed(
        {name: photo(name).read_bytes() for name in names}
        | {
            "wall.jpg": jpeg_of(np.full((480, 640, 3), 200, np.uint8)),
            "blurred.jpg": jpeg_of(np.asarray(cv2.GaussianBlur(blurred, (0, 0), 24), np.uint8)),
            "people.csv": "\n".join(rows).encode("gbk"),
        }
    )


def test_photographs_are_enrolled_or_refused_with_a_reason(make_site: MakeSite, tmp_path: Path) -> None:
    site = make_site()
    path, report = tmp_path / "people.zip", tmp_path / "report.csv"
    path.write_bytes(archive())
    rehearsed = site.run("people", "import", str(path), "--dry-run")
    assert "2 enrolled, 0 already there, 2 refused." in rehearsed.stdout, rehearsed.stderr
    assert "Nobody yet" in site.run("people", "list").stdout
    first = site.run("people", "import", str(path), "--report", str(report))
    assert "2 enrolled, 0 already there, 2 refused." in first.stdout, first.stderr
    assert "wall.jpg: not used, no_face" in first.stdout
    rows = list(csv.DictReader(io.StringIO(report.read_text(encoding="utf-8-sig"))))
    told = {row["name"]: (row["state"], row["list"], row["pictures"], row["used"]) for row in rows}
    assert told["Barack"] == ("enrolled", "vip", "5", "4")
    assert told["Joe"] == ("enrolled", "visitor", "1", "1")
    refused = {row["name"]: row["reason"] for row in rows if row["state"] == "refused"}
    assert refused["Both"] == "several_faces"
    assert refused["Blurred"] in {"too_blurred", "no_face", "face_unclear"}
    again = site.run("people", "import", str(path))
    assert "0 enrolled, 2 already there, 2 refused." in again.stdout, again.stderr
