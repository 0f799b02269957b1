"""Headers of pictures, against what an imaging library writes, and against bytes that nobody should send."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from receiver.domain.errors import Invalid
from receiver.translation.pictures import inspect
from recognition.headers import PictureHeader

LIMIT = 50_000_000
FORMATS = [
    ("JPEG", {}), ("JPEG", {"progressive": True}), ("JPEG", {"exif": b"Exif\0\0" + bytes(500), "comment": b"x"}), ("PNG", {}),
    ("WEBP", {"lossless": False}), ("WEBP", {"lossless": True}), ("WEBP", {"icc_profile": b"x" * 10}), ("BMP", {}), ("GIF", {}),
    ("TIFF", {}), ("TIFF", {"big_endian": True}),
]  # fmt: skip


def picture(kind: str, size: tuple[int, int], **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, kind, **options)
    return buffer.getvalue()


def reason_of(data: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(Invalid) as caught:
        inspect(data, limit)
    return caught.value.reason


@pytest.mark.parametrize(("kind", "options"), FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (37, 300), (1000, 20)])
def test_the_size_is_what_the_library_wrote(kind: str, options: dict[str, object], size: tuple[int, int]) -> None:
    assert inspect(picture(kind, size, **options), LIMIT) == PictureHeader(f"image/{kind.lower()}", *size)


@pytest.mark.parametrize(("kind", "options"), FORMATS)
def test_too_many_pixels_are_refused_and_as_many_as_allowed_are_not(kind: str, options: dict[str, object]) -> None:
    data = picture(kind, (20, 10), **options)
    assert inspect(data, 200).width == 20
    assert reason_of(data, 199) == "too_many_pixels"


def test_a_header_that_lies_about_its_size_is_believed_and_nothing_decoded() -> None:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert reason_of(bomb) == "too_many_pixels"


def test_a_bitmap_stored_top_row_first_has_its_height() -> None:
    data = bytearray(picture("BMP", (5, 4)))
    data[22:26] = struct.pack("<i", -4)
    assert inspect(bytes(data), LIMIT).height == 4


def test_an_old_bitmap_has_its_short_header_read() -> None:
    assert inspect(b"BM" + bytes(12) + struct.pack("<IHHHH", 12, 7, 5, 1, 24), LIMIT) == PictureHeader(
        "image/bmp", 7, 5
    )


def test_a_gif_that_needs_more_than_its_canvas_is_measured_by_its_first_picture() -> None:
    data = bytearray(picture("GIF", (20, 10)))
    data[6:10] = struct.pack("<HH", 1, 1)
    assert inspect(bytes(data), 200) == PictureHeader("image/gif", 20, 10)
    assert reason_of(bytes(data), 199) == "too_many_pixels"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("said", [(12_000, 10), (10, 12_000), (10, 10)])
def test_a_tiff_that_names_its_size_twice_is_no_picture(order: str, said: tuple[int, int]) -> None:
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, size) for size in said for tag in (256, 257))
    data = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, 4) + entries
    assert reason_of(data) == "not_a_picture"


def test_what_a_refused_picture_lacks_is_told() -> None:
    with pytest.raises(Invalid, match="ends inside its header"):
        inspect(picture("PNG", (20, 10))[:20], LIMIT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg/>",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9" + bytes(40),
        b"\xff\xd8\xff\xda" + bytes(40),
        b"\xff\xd8\xff\xe0\x00\x01" + bytes(40),
        b"\xff\xd8" + b"\xff" * 100_000,
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 100_000,
        b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x10",
        b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x00\x00\x10" + bytes(20),
        b"\xff\xd8\xff\x01\x00\x00",
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        b"GIF89a" + bytes(40),
        b"GIF8xa\x01\x00\x01\x00" + bytes(40),
        b"BM" + bytes(40),
        b"RIFF\0\0\0\0WAVEfmt " + bytes(40),
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(40),
        b"RIFF\0\0\0\0WEBPVP8L" + bytes(40),
        b"II*\x00" + bytes(40),
        b"\xff\xd8\xff\xd8" + picture("JPEG", (5, 5)),
        b"\xff\xd8\xff\x00\x00\x02" + picture("JPEG", (5, 5))[2:],
        b"\xff\xd8\xff\xc0\x00\x07\x08\x00\x10\x00\x10\x01" + bytes(20),
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;" + bytes(40),
        b"BM" + bytes(12) + struct.pack("<Iii", 40, -5, 5),
        b"MM\x00*\xff\xff\xff\xff",
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    assert reason_of(data) == "not_a_picture"


@pytest.mark.parametrize(("kind", "options"), FORMATS)
def test_a_header_cut_short_is_no_picture(kind: str, options: dict[str, object]) -> None:
    assert reason_of(picture(kind, (20, 10), **options)[:12]) == "not_a_picture"


@settings(deadline=None)
@given(
    st.sampled_from([b"\xff\xd8\xff", b"\xff\xd8\xff\xc0", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"RIFF\0\0\0\0WEBPVP8X", b"BM", b"GIF89a", b"II*\x00\x08\0\0\0", b"MM\x00*"]),
    st.binary(max_size=100),
)  # fmt: skip
def test_any_bytes_have_a_header_or_are_refused(opening: bytes, rest: bytes) -> None:
    try:
        header = inspect(opening + rest, LIMIT)
    except Invalid:
        return
    assert 0 < header.width * header.height <= LIMIT
