"""Takes the test photographs out of face_recognition's source distribution and arranges them under .photos."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ROOT / ".photos"
REQUIREMENT = "face-recognition==1.3.0 --hash=sha256:5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
STAMP = f"{REQUIREMENT}\nlayout 1\n"
PEOPLE = {"obama": ("obama.jpg", "obama2.jpg", "obama3.jpg"), "biden": ("biden.jpg",)}
PAIR = ("obama.jpg", "biden.jpg")
PAIR_HEIGHT = 900


def main() -> None:
    stamp = PHOTOS / "stamp.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == STAMP:
        return
    print("Fetching the test photographs (3 MB) into .photos ...", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".photos-") as scratch:
        made = Path(scratch) / "photos"
        unpack(download(Path(scratch)), made)
        arrange(made)
        (made / stamp.name).write_text(STAMP, encoding="utf-8")
        shutil.rmtree(PHOTOS, ignore_errors=True)
        made.rename(PHOTOS)  # whole or not at all


def download(folder: Path) -> Path:
    """The source distribution; pip checks the digest before it runs anything of it."""
    wanted = folder / "wanted.txt"
    wanted.write_text(REQUIREMENT, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check"]
    how = ["--no-deps", "--no-binary", "face-recognition", "--no-build-isolation", "--require-hashes"]
    subprocess.run([*pip, *how, "--dest", str(folder), "--requirement", str(wanted)], check=True)
    return next(folder.glob("face*recognition-*.tar.gz"))


def unpack(archive: Path, folder: Path) -> None:
    """Only the pictures, by their bare names."""
    folder.mkdir()
    with tarfile.open(archive) as source:
        for member in source.getmembers():
            path = Path(member.name)
            content = source.extractfile(member) if path.parent.name == "test_images" else None
            if content is not None:
                (folder / path.name).write_bytes(content.read())


def arrange(folder: Path) -> None:
    """One sub-folder a person, as the simulator likes it, and a picture with two faces."""
    for person, names in PEOPLE.items():
        home = folder / "people" / person
        home.mkdir(parents=True)
        for name in names:
            shutil.copyfile(folder / name, home / name)
    left, right = (_of_height(folder / name, PAIR_HEIGHT) for name in PAIR)
    if not cv2.imwrite(str(folder / "two_faces.jpg"), np.hstack([left, right])):
        raise OSError(f"cannot write {folder / 'two_faces.jpg'}")


def _of_height(path: Path, height: int) -> np.ndarray:
    picture = cv2.imread(str(path))
    if picture is None:
        raise OSError(f"cannot read {path}")
    width = round(picture.shape[1] * height / picture.shape[0])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))


if __name__ == "__main__":
    main()
