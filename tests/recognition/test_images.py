"""Every picture that can be read is read upright and in RGB; every other one is refused with its reason."""

import struct
import subprocess
import sys
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
        b"GIF89a\0\0\x05\0\0\0\0,\0\0\0\0\0\0\x05\0",
        b"II*\0\x08\0\0\0\0\0",
    ],
)
def test_headers_that_make_no_sense_are_refused(data: bytes) -> None:
    assert refusal(data) == "cannot_decode"


SMALL, LARGE, BETWEEN = 10, 300, 100 * 100  # what a trick says, what it decodes to, and a limit between the two


def two_sized_tiff(*sizes: tuple[int, int], side: int = LARGE) -> bytes:
    """A grey TIFF of that side; each of ``sizes`` is (type of the tag, width and height that it says)."""
    tags = [(tag, kind, said) for kind, said in sizes for tag in (256, 257)]
    count = len(tags) + 7
    pixels = 8 + 2 + 12 * count + 4
    tags += [(258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, pixels), (277, 3, 1), (278, 4, side), (279, 4, side**2)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4) + bytes(side**2)


def wide_gif() -> bytes:
    """A GIF whose canvas is smaller than its first picture."""
    data = bytearray(encoded(Image.new("P", (LARGE, LARGE)), "GIF", comment=b"c" * 600))
    data[6:10] = struct.pack("<HH", SMALL, SMALL)
    return bytes(data)


def stepped_over_jpeg() -> bytes:
    """A JPEG whose large frame hides in what a plain reader steps over, and whose small one in what decoders do."""
    whole = encoded(Image.new("L", (LARGE, LARGE)), "JPEG")
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, SMALL, SMALL, 1) + bytes(3)
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(frame))
    return b"\xff\xd8\xff\x00" + struct.pack(">H", 2 + len(comment)) + comment + frame + whole[2:]


TRICKS = [
    two_sized_tiff((4, LARGE), (4, SMALL)),
    two_sized_tiff((3, SMALL), (4, LARGE)),
    two_sized_tiff((1, SMALL), (4, SMALL)),
    two_sized_tiff((16, LARGE), (4, SMALL)),
    two_sized_tiff((4, LARGE), *[(4, SMALL)] * 200),
    wide_gif(),
    stepped_over_jpeg(),
]


def test_the_tricks_are_what_decoders_fall_for() -> None:
    assert read_image(two_sized_tiff((4, LARGE))).shape == (LARGE, LARGE, 3)
    for trick in (TRICKS[0], stepped_over_jpeg()):
        decoded = cv2.imdecode(np.frombuffer(trick, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert decoded is not None
        assert decoded.shape == (LARGE, LARGE, 3)
    with Image.open(BytesIO(wide_gif())) as gif:
        assert gif.size == (LARGE, LARGE)


@pytest.mark.parametrize("data", TRICKS)
def test_a_header_of_two_sizes_is_never_decoded(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "imdecode")
    assert refusal(data, BETWEEN) in {"not_a_picture", "too_many_pixels", "cannot_decode"}


def test_a_tiff_that_names_its_size_twice_is_no_picture() -> None:
    assert refusal(two_sized_tiff((4, 12_000), (4, SMALL), side=SMALL)) == "not_a_picture"


def test_a_gif_is_as_large_as_its_first_picture_reaches() -> None:
    canvas = struct.pack("<HHBBB", 10, 400, 0x81, 0, 0) + bytes(12)  # with a palette of four colours
    picture = b"!\xf9\x04\0\0\0\0\0," + struct.pack("<4HB", 5, 0, 12_000, 300, 0)
    header = read_header(b"GIF89a" + canvas + picture)
    assert (header.width, header.height) == (12_005, 400)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff" * 5_000_000,
        b"\xff\xd8" + b"\xff\xd0" * 2_000_000,
        b"\xff\xd8" + b"\xff\xe0\0\2" * 1_000_000,
        b"GIF89a\1\0\1\0\0\0\0!\xfe" + b"\1c" * 2_000_000,
        b"II*\0\x08\0\0\0\xff\xff" + bytes(1_000_000),
    ],
    ids=["fill bytes", "bare marks", "empty segments", "comment", "tags"],
)
def test_a_header_without_end_is_given_up(data: bytes) -> None:
    """Each would be ``truncated`` to a reader that went on to its end."""
    with pytest.raises(ImageError) as refused:
        read_header(data)
    assert refused.value.reason == "cannot_decode"


def test_only_headers_can_be_read_without_loading_any_library() -> None:
    code = "import recognition.headers, sys; print(*{'numpy', 'cv2', 'dlib', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""


@settings(deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"]), st.data())
def test_no_damage_to_a_file_can_do_more_than_refuse_it(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(flag(kind))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ImageError):
        assert read_image(bytes(damaged), pixel_limit=1_000_000).ndim == 3
