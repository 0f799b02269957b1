"""Decodes pictures for the engines: limits first, then upright RGB, whatever came in."""

import cv2
import numpy as np

from recognition import PIXEL_LIMIT
from recognition.engine import RgbImage
from recognition.headers import ImageError, PictureHeader, read_header

__all__ = ["ImageError", "PictureHeader", "read_header", "read_image"]

# How much of the end is searched for the end mark; some cameras write padding or a trailer after it.
END_MARKS = {"image/jpeg": b"\xff\xd9", "image/png": b"IEND"}
TAIL = 65_536


def read_image(data: bytes, pixel_limit: int = PIXEL_LIMIT) -> RgbImage:
    """Decode ``data`` to a contiguous uint8 array HxWx3, RGB, turned upright as EXIF says.

    Grey, palette, CMYK and 16-bit pictures become 8-bit RGB (the high byte of 16 is kept); of an animation the first
    picture is taken. Transparency is dropped, not blended: the colours underneath are what the camera saw, and a face
    cut out on a transparent ground keeps every pixel of its edge. OpenCV decodes and releases the interpreter lock.

    Args:
        data: the encoded picture.
        pixel_limit: width times height above which nothing is decoded.

    Raises:
        ImageError: ``not_a_picture``, ``too_many_pixels`` (by the header, before decoding), ``truncated`` or
            ``cannot_decode``.
    """
    header = read_header(data)
    if header.pixels > pixel_limit:
        raise ImageError(
            "too_many_pixels",
            f"{header.width} x {header.height} pixels; at most {pixel_limit} are decoded. Send a smaller picture.",
        )
    picture = _decode(data)
    if picture is None:
        raise ImageError(_why(data, header.media_type), f"The {header.media_type} cannot be decoded.")
    return np.ascontiguousarray(picture, dtype=np.uint8)


def _decode(data: bytes) -> RgbImage | None:
    # A bad picture is an answer to its sender, not a line on the server's terminal; libpng writes one all the same.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture, dtype=np.uint8)


def _why(data: bytes, media_type: str) -> str:
    mark = END_MARKS.get(media_type)
    return "truncated" if mark is not None and mark not in data[-TAIL:] else "cannot_decode"
