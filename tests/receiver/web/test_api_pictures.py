"""GET /v1/pictures: as they came, smaller, cached, and never a surprise."""

import io

import pytest
from PIL import Image

from receiver.store.pictures import StoredPicture
from tests.receiver.boxes import jpeg
from tests.receiver.web.site import Site, is_problem


def kept(site: Site, data: bytes, media_type: str = "image/jpeg", number: int = 1) -> str:
    digest = bytes([number]) * 32
    site.services.pictures.put([StoredPicture(digest, media_type, 100, 100, data)])
    return f"/v1/pictures/{digest.hex()}"


def picture(width: int, height: int, form: str = "JPEG", mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (width, height)).save(out, form)
    return out.getvalue()


def test_a_picture_is_given_as_it_came(site: Site) -> None:
    event = site.get(f"/v1/events/{site.told(1, 3)}")
    answer = site.client.get(event["pictures"]["face"]["url"])
    assert (answer.status_code, answer.content_type, answer.data) == (200, "image/jpeg", jpeg(3))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer.headers["Cache-Control"]


def test_a_client_that_has_it_is_told_so(site: Site) -> None:
    path = kept(site, picture(300, 200))
    full, small = site.client.get(path), site.client.get(f"{path}?width=100")
    assert full.headers["ETag"] != small.headers["ETag"]
    for address, answer in ((path, full), (f"{path}?width=100", small)):
        again = site.client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    other = site.client.get(path, headers={"If-None-Match": small.headers["ETag"]})
    assert other.status_code == 200


@pytest.mark.parametrize("size", [(300, 200), (20, 3000), (3000, 20), (10, 10)])
@pytest.mark.parametrize("wanted", [16, 64, 2000])
@pytest.mark.parametrize(("form", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("BMP", "L")])
def test_a_thumbnail_is_never_wider_than_asked(
    site: Site, size: tuple[int, int], wanted: int, form: str, mode: str
) -> None:
    width, height = size
    answer = site.client.get(f"{kept(site, picture(width, height, form, mode))}?width={wanted}")
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    with Image.open(io.BytesIO(answer.data)) as small:
        assert small.format == "JPEG"
        assert small.width <= min(width, wanted)
        assert small.height <= height


@pytest.mark.parametrize("digest", ["0" * 64, "x" * 64, "0" * 62, "0" * 66, "é", "%00", "0" * 5000, " " + "0" * 64])
def test_a_digest_that_nobody_has_is_not_found(site: Site, digest: str) -> None:
    assert is_problem(site.client.get(f"/v1/pictures/{digest}"), 404, "no_such_picture")
    # What was never there cannot be what a client has already.
    assert site.client.get(f"/v1/pictures/{digest}", headers={"If-None-Match": '"x"'}).status_code == 404


@pytest.mark.parametrize("data", [b"", b"junk", jpeg(1)[:-200], picture(50, 50, "PNG")[:-30], b"\xff\xd8\xff" * 9])
def test_a_damaged_picture_cannot_be_made_smaller(site: Site, data: bytes) -> None:
    path = kept(site, data)
    assert is_problem(site.client.get(f"{path}?width=64"), 422, "cannot_decode")
    assert site.client.get(path).data == data


@pytest.mark.parametrize("query", ["width=15", "width=2001", "width=x", "width=", "w=64"])
def test_an_odd_width_is_told_so(site: Site, query: str) -> None:
    assert is_problem(site.client.get(f"{kept(site, jpeg(1))}?{query}"), 422, "invalid_arguments")
