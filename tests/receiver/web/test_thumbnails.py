"""Smaller pictures: upright, few at a time, never decoded beyond the pixel limit, and cached only if they exist."""

import io
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore, Event, Semaphore

import pytest
from PIL import Image, ImageFile

from receiver.store.pictures import StoredPicture
from receiver.web.api import pictures as view
from tests.receiver.web.site import Site, is_problem, open_site

LIMIT = 100_000
RED, BLUE = (250, 0, 0), (0, 0, 250)
NEARLY = 40  # grey levels that a JPEG may be off


def kept(site: Site, data: bytes, number: int = 1) -> str:
    digest = bytes([number]) * 32
    site.services.pictures.put([StoredPicture(digest, "image/jpeg", 1, 1, data)])
    return f"/v1/pictures/{digest.hex()}"


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def flag(width: int, height: int) -> Image.Image:
    """Red above blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (0, height // 2, width, height))
    return image


def shown(site: Site, data: bytes, width: int) -> Image.Image:
    answer = site.client.get(f"{kept(site, data)}?width={width}")
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    return Image.open(io.BytesIO(answer.data))


def is_flag(image: Image.Image) -> bool:
    middle = image.width // 2
    pairs = ((image.getpixel((middle, 2)), RED), (image.getpixel((middle, image.height - 3)), BLUE))
    return all(
        isinstance(found, tuple) and max(abs(a - b) for a, b in zip(found, wanted, strict=True)) < NEARLY
        for found, wanted in pairs
    )


@pytest.fixture
def strict_site(tmp_path: Path) -> Iterator[Site]:
    """Its pictures may have 100 000 pixels."""
    with open_site(tmp_path, pixel_limit=str(LIMIT)) as opened:
        yield opened


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_thumbnail_stands_upright_and_keeps_to_the_width(site: Site, form: str, orientation: int) -> None:
    stored = flag(600, 300)
    if orientation in view.TURNS:
        back = {
            Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
            Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
        }
        turn = view.TURNS[orientation]
        stored = stored.transpose(back.get(turn, turn))
    exif = Image.Exif()
    exif[0x0112] = orientation
    small = shown(site, encoded(stored, form, exif=exif), 64)
    assert small.size == (64, 32)
    assert is_flag(small)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_every_mode_keeps_its_colours(site: Site, mode: str) -> None:
    small = shown(site, encoded(flag(900, 450).convert(mode), "JPEG" if mode == "CMYK" else "PNG"), 100)
    assert small.size == (100, 50)
    assert is_flag(small)


def test_a_jpeg_is_decoded_at_a_fraction_of_its_size(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    load = ImageFile.ImageFile.load

    def noting(image: ImageFile.ImageFile) -> object:
        sizes.append(image.size)
        return load(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", noting)
    assert shown(site, encoded(flag(1600, 800), "JPEG"), 50).size == (50, 25)
    assert sizes
    assert max(sizes) <= (200, 100)


def test_a_picture_beyond_the_pixel_limit_is_not_decoded(strict_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(strict_site, encoded(flag(400, 250), "PNG"), 40).size == (40, 25)
    monkeypatch.delattr(ImageFile.ImageFile, "load")  # nobody may even try
    path = kept(strict_site, encoded(flag(401, 250), "PNG"), 2)
    assert is_problem(strict_site.client.get(f"{path}?width=20"), 422, "too_many_pixels")


@pytest.mark.parametrize("side", [10_000, 12_000, 60_000])
def test_a_bomb_is_refused_without_a_warning(site: Site, side: int) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = (header, b"IDAT" + zlib.compress(bytes(100)), b"IEND")
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(framed)
    answer = site.client.get(f"{kept(site, bomb)}?width=64")
    assert answer.status_code == 422
    assert answer.get_json()["reason"] in {"too_many_pixels", "cannot_decode"}


@pytest.mark.parametrize(
    "exif", [b"", b"II", b"II*\0", b"II*\0\x08\0\0\0\xff\xff", b"MM\0*\0\0\0\x08\0\1\1\x12\0\2\0\0"]
)
def test_damaged_exif_is_answered_without_a_warning(site: Site, exif: bytes) -> None:
    data = encoded(flag(300, 150), "JPEG", exif=b"Exif\0\0" + exif)
    assert site.client.get(f"{kept(site, data)}?width=64").status_code in {200, 422}


def test_a_third_picture_at_once_is_not_made(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{kept(site, encoded(flag(300, 150), 'PNG'))}?width=64"
    come_in, go_on = Semaphore(0), Event()
    make = view._thumbnail

    def waiting(image: Image.Image, width: int, pixel_limit: int) -> bytes:
        come_in.release()
        assert go_on.wait(60)
        return make(image, width, pixel_limit)

    monkeypatch.setattr(view, "_thumbnail", waiting)
    with ThreadPoolExecutor(2) as threads:
        two = [threads.submit(lambda: site.client.get(path).status_code) for _ in range(2)]
        assert all(come_in.acquire(timeout=60) for _ in two)
        monkeypatch.setattr(view, "_thumbnail", make)
        monkeypatch.setattr(view, "SEAT_SECONDS", 0.01)
        third = site.client.get(path)
        go_on.set()
        assert [each.result() for each in two] == [200, 200]
    assert is_problem(third, 503, "busy")
    assert site.client.get(path).status_code == 200


def test_who_finds_no_seat_is_told_to_ask_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "SEAT_SECONDS", 0.01)
    monkeypatch.setattr(view, "SEATS", BoundedSemaphore(1))
    path = kept(site, encoded(flag(300, 150), "PNG"))
    with view.SEATS:
        answer = site.client.get(f"{path}?width=64")
        assert is_problem(answer, 503, "busy")
        assert answer.headers["Retry-After"]
        assert site.client.get(path).status_code == 200
    assert site.client.get(f"{path}?width=64").status_code == 200


def test_a_damaged_picture_gives_its_seat_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "SEAT_SECONDS", 0.01)
    path = kept(site, b"junk")
    for _ in range(5):
        assert is_problem(site.client.get(f"{path}?width=64"), 422, "cannot_decode")


@pytest.mark.parametrize("query", ["", "?width=64"])
def test_only_a_picture_that_exists_can_be_unchanged(site: Site, query: str) -> None:
    path = kept(site, encoded(flag(30, 20), "PNG"))
    star = {"If-None-Match": "*"}
    assert site.client.get(f"{path}{query}", headers=star).status_code == 304
    for digest in ("x" * 64, "0" * 62, "junk", "0" * 64):
        answer = site.client.get(f"/v1/pictures/{digest}{query}", headers=star)
        assert is_problem(answer, 404, "no_such_picture")


def test_the_tag_of_a_picture_that_went_is_no_longer_good(site: Site) -> None:
    digest = "02" * 32
    answer = site.client.get(f"/v1/pictures/{digest}", headers={"If-None-Match": f'"{digest}-full"'})
    assert is_problem(answer, 404, "no_such_picture")
