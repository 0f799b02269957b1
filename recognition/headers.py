"""Reads a picture's kind and size from its first bytes, without decoding it and without any imaging library.

Some of those allocate the whole canvas, or complain through warnings, before they can be asked for a size, and any
stranger may send us bytes. Where a header could be read in two ways, a decoder might take the other one: it is refused.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from recognition.errors import RecognitionError


class ImageError(RecognitionError):
    """A picture that cannot be used: ``not_a_picture``, ``too_many_pixels``, ``truncated`` or ``cannot_decode``."""


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What the first bytes say.

    Attributes:
        media_type: ``image/jpeg``, ``image/png``, ``image/gif``, ``image/webp``, ``image/bmp`` or ``image/tiff``.
        width: pixels as stored, 1 or more; EXIF may turn the picture afterwards.
        height: pixels as stored, 1 or more.
    """

    media_type: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        return self.width * self.height


Size = tuple[int, int]

# A start of frame (baseline, progressive, lossless ...); C4, C8 and CC are tables and a reserved mark.
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
JPEG_FRAME_LENGTH = 8
JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})  # marks without a length
# Tables, restart interval, application data, comment. Decoders step over other marks each in its own way.
JPEG_SEGMENTS = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE})
JPEG_FILL = 0xFF
JPEG_STEPS = 2000  # segments and fill bytes before the frame; cameras write about ten
GIF_IMAGE, GIF_EXTENSION = 0x2C, 0x21
GIF_STEPS = 2000  # blocks before the first picture; comments and profiles come in blocks of 255 bytes
BMP_OLD_HEADER = 12
TIFF_WIDTH, TIFF_HEIGHT = 256, 257
TIFF_NUMBERS = {3: "H", 4: "I"}  # types of a tag that a size may have
TIFF_TAGS = 200  # of the first directory; raw files of cameras have about eighty
WEBP_LOSSLESS, WEBP_LOSSY = 0x2F, b"\x9d\x01\x2a"


def _jpeg(data: bytes) -> Size:
    at = 2
    for _ in range(JPEG_STEPS):
        if data[at] != JPEG_FILL:
            raise ImageError("cannot_decode", "The JPEG's marks are out of step.")
        mark = data[at + 1]
        if mark in JPEG_FRAMES:
            return _jpeg_frame(data, at + 2)
        if mark in JPEG_SEGMENTS:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
        elif mark == JPEG_FILL:
            at += 1
        elif mark in JPEG_BARE:
            at += 2
        else:
            break
    raise ImageError("cannot_decode", "The JPEG has no frame header where one belongs.")


def _jpeg_frame(data: bytes, at: int) -> Size:
    length, _, height, width, _ = struct.unpack_from(">HBHHB", data, at)
    if length < JPEG_FRAME_LENGTH:
        raise ImageError("cannot_decode", "The JPEG's frame header is too short.")
    return width, height


def _png(data: bytes) -> Size:
    name, width, height = struct.unpack_from(">4sII", data, 12)
    return (width, height) if name == b"IHDR" else (0, 0)


def _gif(data: bytes) -> Size:
    """The canvas, or what it takes to hold the first picture: some decoders widen the canvas for it."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << 1 + (flags & 7) if flags & 0x80 else 0)  # after the palette
    in_extension = False
    for _ in range(GIF_STEPS):
        if in_extension:
            in_extension, at = data[at] > 0, at + 1 + data[at]
        elif data[at] == GIF_EXTENSION:
            in_extension, at = True, at + 2
        elif data[at] == GIF_IMAGE:
            left, top, own_width, own_height = struct.unpack_from("<4H", data, at + 1)
            return max(width, left + own_width), max(height, top + own_height)
        else:
            break
    raise ImageError("cannot_decode", "The GIF has no picture where one belongs.")


def _bmp(data: bytes) -> Size:
    if struct.unpack_from("<I", data, 14)[0] == BMP_OLD_HEADER:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    return width, abs(height)  # a negative height only means: the top row first


def _webp(data: bytes) -> Size:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and data[20] == WEBP_LOSSLESS:
        bits = struct.unpack_from("<I", data, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and data[23:26] == WEBP_LOSSY:
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


def _tiff(data: bytes) -> Size:
    order = "<" if data[:2] == b"II" else ">"
    directory = struct.unpack_from(f"{order}I", data, 4)[0]
    count = struct.unpack_from(f"{order}H", data, directory)[0]
    if count > TIFF_TAGS:
        raise ImageError("cannot_decode", f"The TIFF's directory has {count} tags; at most {TIFF_TAGS} are read.")
    sizes: dict[int, int] = {}
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(f"{order}HH", data, entry)
        if tag not in (TIFF_WIDTH, TIFF_HEIGHT):
            continue
        # Of two sizes some decoders take the first and others the last, and some read types that others step over.
        if tag in sizes or kind not in TIFF_NUMBERS:
            raise ImageError("not_a_picture", "The TIFF names its size twice, or as no plain number.")
        sizes[tag] = struct.unpack_from(f"{order}{TIFF_NUMBERS[kind]}", data, entry + 8)[0]
    return sizes.get(TIFF_WIDTH, 0), sizes.get(TIFF_HEIGHT, 0)


# First bytes, media type, the least that a whole header of the kind takes, and who reads it.
KINDS: tuple[tuple[bytes, str, int, Callable[[bytes], Size]], ...] = (
    (b"\xff\xd8\xff", "image/jpeg", 4, _jpeg),
    (b"\x89PNG\r\n\x1a\n", "image/png", 33, _png),  # with the first chunk
    (b"GIF87a", "image/gif", 13, _gif),  # with the canvas
    (b"GIF89a", "image/gif", 13, _gif),
    (b"RIFF", "image/webp", 30, _webp),  # the longest of three headers
    (b"BM", "image/bmp", 26, _bmp),  # the smallest of many headers
    (b"II*\0", "image/tiff", 8, _tiff),
    (b"MM\0*", "image/tiff", 8, _tiff),
)


def read_header(data: bytes) -> PictureHeader:
    """Kind and size of an encoded picture, never smaller than what a decoder would make of it.

    Takes about 2 microseconds for a JPEG, and is bounded whatever the bytes say.

    Raises:
        ImageError: ``not_a_picture`` (no known kind, or a TIFF of two sizes), ``truncated`` (ends inside the header) or
            ``cannot_decode`` (the header contradicts itself, is endless, or names a side of no pixels).
    """
    for magic, media_type, least, size in KINDS:
        if data.startswith(magic) and (magic != b"RIFF" or data[8:12] == b"WEBP"):
            width, height = _sides(data, media_type, least, size)
            if width < 1 or height < 1:
                raise ImageError("cannot_decode", f"The {media_type} says that it has no pixels.")
            return PictureHeader(media_type, width, height)
    raise ImageError("not_a_picture", "It is no JPEG, PNG, GIF, WebP, BMP or TIFF.")


def _sides(data: bytes, media_type: str, least: int, size: Callable[[bytes], Size]) -> Size:
    try:
        if len(data) >= least:
            return size(data)
    except (struct.error, IndexError):
        pass
    raise ImageError("truncated", f"The {media_type} ends inside its header.")
