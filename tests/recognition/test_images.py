"""Every picture that can be read is read upright and in RGB; every other one is refused with its reason."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from recognition.engine import RgbImage
from recognition.headers import ImageError, read_header
from recognition.images import read_image
from tests.photos import ANOTHER_MAN, WITH_ALPHA, photo

# Red above blue, wider than high: shows channels swapped, turned or mirrored.
FLAG = np.zeros((20, 40, 3), np.uint8)
FLAG[:10, :, 0] = 250
FLAG[10:, :, 2] = 250
NEARLY = 40  # grey levels that a lossy format may be off


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def flag(kind: str, mode: str = "RGB") -> bytes:
    return encoded(Image.fromarray(FLAG).convert(mode), kind)


def is_flag(rgb: RgbImage) -> bool:
    return rgb.shape == FLAG.shape and bool(np.abs(rgb[2].astype(int) - (250, 0, 0)).max() < NEARLY)


def refusal(data: bytes, pixel_limit: int = 50_000_000) -> str:
    with pytest.raises(ImageError) as refused:
        read_image(data, pixel_limit)
    return refused.value.reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_every_known_kind_is_read_in_rgb(kind: str) -> None:
    data = flag(kind)
    rgb = read_image(data)
    assert is_flag(rgb)
    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous
    header = read_header(data)
    assert (header.media_type, header.width, header.height) == (f"image/{kind.lower()}", 40, 20)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 90}),
        ("JPEG", {"progressive": True}),
    ],
)
def test_variants_of_a_kind_have_readable_headers(kind: str, options: dict[str, object]) -> None:
    assert is_flag(read_image(encoded(Image.fromarray(FLAG), kind, **options)))


def test_a_tiff_of_the_other_byte_order_has_a_readable_header() -> None:
    entries = struct.pack(">HHIHH", 256, 3, 1, 40, 0) + struct.pack(">HHII", 257, 4, 1, 20)
    header = read_header(b"MM\0*" + struct.pack(">IH", 8, 2) + entries)
    assert (header.media_type, header.width, header.height) == ("image/tiff", 40, 20)


def test_an_animation_gives_its_first_picture() -> None:
    frames = [Image.fromarray(FLAG), Image.fromarray(FLAG[::-1].copy())]
    assert is_flag(read_image(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)))
    assert is_flag(read_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_picture_is_turned_as_exif_says(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    lying = encoded(Image.fromarray(np.rot90(FLAG).copy()), kind, exif=exif)
    assert is_flag(read_image(lying))


def test_cmyk_grey_palette_and_one_bit_become_rgb() -> None:
    assert is_flag(read_image(flag("JPEG", "CMYK")))
    assert is_flag(read_image(encoded(Image.fromarray(FLAG).quantize(8), "PNG")))
    for mode in ("L", "1", "LA"):
        rgb = read_image(flag("PNG", mode))
        assert rgb.shape == FLAG.shape
        assert np.array_equal(rgb[:, :, 0], rgb[:, :, 2])


def test_sixteen_bits_become_eight() -> None:
    deep = (FLAG[:, :, ::-1].astype(np.uint16)) * 257
    done, data = cv2.imencode(".png", deep)
    assert done
    assert np.array_equal(read_image(data.tobytes()), FLAG)
    grey = Image.fromarray(np.full((5, 7), 0x80FF, np.uint16))
    assert np.array_equal(read_image(encoded(grey, "PNG")), np.full((5, 7, 3), 0x80, np.uint8))


def test_transparency_is_dropped_and_the_colours_under_it_kept() -> None:
    clear = np.dstack([FLAG, np.zeros(FLAG.shape[:2], np.uint8)])
    assert np.array_equal(read_image(encoded(Image.fromarray(clear), "PNG")), FLAG)


def test_a_32_bit_photograph_has_its_three_channels() -> None:
    with Image.open(photo(WITH_ALPHA)) as kept:
        assert kept.mode == "RGBA"
        expected = np.asarray(kept)[:, :, :3]
    assert np.array_equal(read_image(photo(WITH_ALPHA).read_bytes()), expected)


def test_one_pixel_is_a_picture() -> None:
    assert read_image(encoded(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG")).tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
@pytest.mark.parametrize("name", [ANOTHER_MAN, WITH_ALPHA])
def test_a_truncated_photograph_is_refused(name: str, share: float) -> None:
    data = photo(name).read_bytes()
    assert refusal(data[: int(len(data) * share)]) == "truncated"


@pytest.mark.parametrize(("kind", "kept"), [("JPEG", 9), ("PNG", 9), ("GIF", 9), ("BMP", 9), ("TIFF", 9), ("WEBP", 13)])
def test_a_file_that_ends_inside_its_header_is_truncated(kind: str, kept: int) -> None:
    assert refusal(flag(kind)[:kept]) == "truncated"


def test_bytes_that_are_no_picture_are_refused() -> None:
    for data in (b"", b"x", b"%PDF-1.7", b"<svg/>", b"RIFF\0\0\0\0WAVEfmt ", b"\0" * 100):
        assert refusal(data) == "not_a_picture"


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header says so many pixels, in a few hundred bytes."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 10_000)), (b"IEND", b"")]
    framed = (struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


def test_a_bomb_is_refused_by_its_header_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "imdecode")  # nobody may even try
    assert refusal(bomb(10_000, 10_000)) == "too_many_pixels"


def test_a_header_that_promises_more_than_the_file_holds_is_refused() -> None:
    assert refusal(bomb(5_000, 5_000)) == "cannot_decode"


def test_the_pixel_limit_itself_is_allowed() -> None:
    assert is_flag(read_image(flag("PNG"), pixel_limit=40 * 20))
    assert refusal(flag("PNG"), 40 * 20 - 1) == "too_many_pixels"


@pytest.mark.parametrize(
    "data",
    [
        bomb(0, 10),
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xfe\x00\x02junk",
        b"GIF89a\0\0\x05\0",
        b"II*\0\x08\0\0\0\0\0",
    ],
)
def test_headers_that_make_no_sense_are_refused(data: bytes) -> None:
    assert refusal(data) == "cannot_decode"


@settings(deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"]), st.data())
def test_no_damage_to_a_file_can_do_more_than_refuse_it(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(flag(kind))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ImageError):
        assert read_image(bytes(damaged), pixel_limit=1_000_000).ndim == 3
