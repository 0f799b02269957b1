"""Photographs spoiled on purpose, in the ways in which a camera at a gate spoils them."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from recognition.engine import RgbImage, Sighting

Spoil = Callable[[RgbImage, Sighting, np.random.Generator], RgbImage]

FACE_WIDTH = 110
"""Pixels; the strength of blur and motion is meant for a face this wide, and is scaled to the face at hand."""
SENSOR_NOISE = 2  # grey levels; what a darker picture still has


def blurred(sigma: float) -> Spoil:
    """Out of focus: Gaussian blur of ``sigma`` pixels."""
    return lambda rgb, face, _: _bytes(cv2.GaussianBlur(rgb, (0, 0), sigma * face.box.width / FACE_WIDTH))


def moved(length: int) -> Spoil:
    """Moved sideways by ``length`` pixels while the shutter was open."""
    return lambda rgb, face, _: _bytes(cv2.blur(rgb, (max(2, round(length * face.box.width / FACE_WIDTH)), 1)))


def lit(factor: float) -> Spoil:
    """``factor`` times the light, with the noise of the sensor where there is less of it."""

    def spoil(rgb: RgbImage, _: Sighting, chance: np.random.Generator) -> RgbImage:
        noise = chance.normal(0, SENSOR_NOISE, rgb.shape) if factor < 1 else 0
        return _bytes(rgb.astype(np.float32) * factor + noise)

    return spoil


def dulled(factor: float) -> Spoil:
    """``factor`` times the contrast, about middle grey."""
    return lambda rgb, _face, _chance: _bytes((rgb.astype(np.float32) - 128) * factor + 128)


def shrunk(eyes: int) -> Spoil:
    """So small that ``eyes`` pixels lie between the eyes."""

    def spoil(rgb: RgbImage, face: Sighting, _: np.random.Generator) -> RgbImage:
        scale = eyes / face.quality.measures["inter_eye_distance"]
        return _bytes(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))

    return spoil


def noisy(sigma: float) -> Spoil:
    """With Gaussian noise of ``sigma`` grey levels."""
    return lambda rgb, _, chance: _bytes(rgb + chance.normal(0, sigma, rgb.shape))


def packed(quality: int) -> Spoil:
    """Packed as JPEG of that quality, 0 to 100."""

    def spoil(rgb: RgbImage, _face: Sighting, _chance: np.random.Generator) -> RgbImage:
        _, data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
        return _bytes(cv2.imdecode(data, cv2.IMREAD_COLOR))

    return spoil


def half_covered(rgb: RgbImage, face: Sighting, _: np.random.Generator) -> RgbImage:
    """One half of the face, from hair to chin, behind something grey."""
    box, edge = face.box, face.box.width // 8
    copy = rgb.copy()
    copy[max(0, box.top - 2 * edge) : box.bottom + edge, max(0, box.left - edge) : (box.left + box.right) // 2] = 120
    return copy


def masked(rgb: RgbImage, face: Sighting, _: np.random.Generator) -> RgbImage:
    """Mouth and nose behind something light blue."""
    box = face.box
    copy = rgb.copy()
    copy[box.top + round(0.58 * box.height) : box.bottom + box.width // 8, box.left : box.right] = (190, 200, 210)
    return copy


def _bytes(picture: object) -> RgbImage:
    return np.ascontiguousarray(np.clip(np.asarray(picture), 0, 255).astype(np.uint8))


COPIES: Mapping[str, Spoil] = (
    {f"blur {sigma:g} px": blurred(sigma) for sigma in (1, 1.5, 2, 3, 4)}
    | {f"motion {length} px": moved(length) for length in (5, 9, 15)}
    | {f"light x {factor:g}": lit(factor) for factor in (0.5, 0.3, 0.2, 0.12, 0.06, 1.5, 2, 3)}
    | {f"contrast x {factor:g}": dulled(factor) for factor in (0.5, 0.3, 0.15)}
    | {f"{eyes} px between the eyes": shrunk(eyes) for eyes in (36, 28, 20, 14)}
    | {f"noise {sigma}": noisy(sigma) for sigma in (8, 16, 32)}
    | {f"JPEG quality {quality}": packed(quality) for quality in (30, 15, 8)}
    | {"half covered": half_covered, "mask": masked}
)
"""Name -> how it is made."""
