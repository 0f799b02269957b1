"""What a picture's first bytes say about it, read without decoding it.

The sizes are read here and not by an imaging library: some of those allocate the whole canvas, or complain through warnings,
before they can be asked for a size, and any stranger may send us bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass

from receiver.domain.errors import Invalid

_SEGMENTS_LIMIT = 2000  # of a JPEG, fill bytes included; cameras write about ten
_TAGS_LIMIT = 200  # of a TIFF's first directory
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # JPEG markers without a length
_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG markers with the picture's size
_FRAME_LENGTH = 8
_FILL, _END, _SCAN = 0xFF, 0xD9, 0xDA
_BMP_OLD_HEADER = 12
_TIFF_SHORT = 3
_TIFF_LONG = 4

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What a header says: media type, width and height in pixels."""

    media_type: str
    width: int
    height: int


def inspect(data: bytes, pixel_limit: int) -> PictureHeader:
    """The header of a JPEG, PNG, WebP, BMP, GIF or TIFF.

    Raises:
        Invalid: not_a_picture, too_many_pixels (width times height beyond pixel_limit).
    """
    known = next((known for known in _FORMATS if data.startswith(known[0])), None)
    if known is None:
        raise Invalid("not_a_picture", "its first bytes are those of no picture format that we know")
    _, media_type, size_of = known
    size = size_of(data)
    if size is None or min(size) < 1:
        raise Invalid("not_a_picture", f"its header is no good {media_type} header")
    if size[0] * size[1] > pixel_limit:
        raise Invalid("too_many_pixels", f"{size[0]} x {size[1]} pixels; at most {pixel_limit}")
    return PictureHeader(media_type, *size)


def _jpeg(data: bytes) -> Size | None:
    """Walks from segment to segment to the one that holds the size."""
    at = 2
    for _ in range(_SEGMENTS_LIMIT):
        if at + 4 > len(data) or data[at] != _FILL:
            return None
        marker = data[at + 1]
        if marker == _FILL:
            at += 1
        elif marker in _STANDALONE:
            at += 2
        elif marker in (_END, _SCAN):
            return None
        else:
            length = _big(data, at + 2, 2)
            if marker in _FRAME:
                whole = length >= _FRAME_LENGTH and at + 2 + _FRAME_LENGTH <= len(data)
                return (_big(data, at + 7, 2), _big(data, at + 5, 2)) if whole else None
            if length < 2:  # noqa: PLR2004 - the length counts its own two bytes
                return None
            at += 2 + length
    return None


def _png(data: bytes) -> Size | None:
    if len(data) < 33 or data[12:16] != b"IHDR":  # noqa: PLR2004 - signature and the first chunk
        return None
    return _big(data, 16, 4), _big(data, 20, 4)


def _gif(data: bytes) -> Size | None:
    if len(data) < 13 or data[4:6] not in (b"7a", b"9a"):  # noqa: PLR2004 - the logical screen descriptor ends there
        return None
    return _little(data, 6, 2), _little(data, 8, 2)


def _bmp(data: bytes) -> Size | None:
    if len(data) < 26:  # noqa: PLR2004 - file header and the smallest picture header
        return None
    if _little(data, 14, 4) == _BMP_OLD_HEADER:
        return _little(data, 18, 2), _little(data, 20, 2)
    width, height = (int.from_bytes(data[at : at + 4], "little", signed=True) for at in (18, 22))
    return width, abs(height)  # a negative height means top row first


def _webp(data: bytes) -> Size | None:
    if len(data) < 30 or data[8:12] != b"WEBP":  # noqa: PLR2004 - the longest of the three headers
        return None
    match data[12:16]:
        case b"VP8X":
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case b"VP8L" if data[20] == 0x2F:  # noqa: PLR2004 - the lossless signature
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
    return None


def _tiff(data: bytes) -> Size | None:
    number = _little if data[:2] == b"II" else _big
    at = number(data, 4, 4)
    count = number(data, at, 2)
    sizes = {}
    for entry in range(at + 2, at + 2 + 12 * min(count, _TAGS_LIMIT), 12):
        tag, kind = number(data, entry, 2), number(data, entry + 2, 2)
        if tag in (256, 257) and kind in (_TIFF_SHORT, _TIFF_LONG):
            sizes[tag] = number(data, entry + 8, 2 if kind == _TIFF_SHORT else 4)
    return (sizes[256], sizes[257]) if len(sizes) == 2 else None  # noqa: PLR2004 - width and height


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")


_FORMATS: tuple[tuple[bytes, str, Callable[[bytes], Size | None]], ...] = (
    (b"\xff\xd8\xff", "image/jpeg", _jpeg),
    (b"\x89PNG\r\n\x1a\n", "image/png", _png),
    (b"RIFF", "image/webp", _webp),
    (b"BM", "image/bmp", _bmp),
    (b"GIF8", "image/gif", _gif),
    (b"II*\x00", "image/tiff", _tiff),
    (b"MM\x00*", "image/tiff", _tiff),
)
