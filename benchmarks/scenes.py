"""The pictures that recognition is measured with: the test photographs, and scenes of camera sizes made of them."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np

import recognition
from recognition.engine import RgbImage

PHOTOS = Path(__file__).resolve().parent.parent / ".photos"
FULL_HD, SMALL = (1920, 1080), (640, 480)
QUALITY = 88  # of JPEG, as cameras have it
NEAR, FAR = 1.0, 0.55
"""Part of the scene's height that the photograph takes: its face is about 250 or 140 pixels wide in full HD."""


@cache
def photographs() -> dict[str, bytes]:
    """The test photographs as they lie on the disk, by name; ./scripts/photos fetches them."""
    paths = sorted(path for path in PHOTOS.iterdir() if path.suffix in {".jpg", ".png"})
    return {path.name: path.read_bytes() for path in paths}


@cache
def scene(size: tuple[int, int] = FULL_HD, share: float = NEAR, name: str = "obama.jpg") -> bytes:
    """A JPEG of that width and height: the photograph before a blurred copy of itself."""
    width, height = size
    photo = recognition.read_image(photographs()[name])
    ground = cv2.GaussianBlur(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), (0, 0), height / 40)
    rng = np.random.default_rng(1)
    picture = np.clip(ground + rng.normal(0, 3, ground.shape), 0, 255).astype(np.uint8)  # a sensor's noise
    scale = share * height / photo.shape[0]
    person = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    top, left = height - person.shape[0], (width - person.shape[1]) // 2
    picture[top:, left : left + person.shape[1]] = person
    return encoded(picture)


def without_face(size: tuple[int, int] = FULL_HD) -> RgbImage:
    """A picture of that size with edges and noise, and nobody."""
    width, height = size
    rng = np.random.default_rng(2)
    coarse = rng.integers(0, 256, (height // 40, width // 40, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def encoded(rgb: RgbImage) -> bytes:
    """The picture as a JPEG."""
    done, data = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise OSError("the scene cannot be encoded")
    return data.tobytes()
