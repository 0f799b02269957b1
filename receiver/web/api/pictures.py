"""Pictures as they came, and smaller ones for lists."""

import io
import threading
import warnings
from math import ceil
from typing import Any

from flask import Response, request
from PIL import ExifTags, Image

from receiver.domain.accounts import Role
from receiver.domain.errors import Busy, Invalid, NotFound
from receiver.store.pictures import StoredPicture
from receiver.web.api.blueprint import ApiBlueprint, services
from receiver.web.auth import limits, needs
from schemas import api

blueprint = ApiBlueprint("pictures", __name__, description="Pictures by digest")

DIGEST_LENGTH = 32
JPEG_QUALITY = 85
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
DAMAGE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
AVERAGED = ("RGB", "L", "CMYK")  # modes that Pillow makes smaller without a copy of the whole picture
# A picture of 50 million pixels takes 200 MB while it is made smaller, so only two are at a time.
SEATS = threading.BoundedSemaphore(2)
SEAT_SECONDS = 1.0
TURN = Image.Transpose
# What EXIF's orientation asks for; from 5 on the sides change places.
TURNS = {
    2: TURN.FLIP_LEFT_RIGHT, 3: TURN.ROTATE_180, 4: TURN.FLIP_TOP_BOTTOM,
    5: TURN.TRANSPOSE, 6: TURN.ROTATE_270, 7: TURN.TRANSVERSE, 8: TURN.ROTATE_90,
}  # fmt: skip
FIRST_LYING = 5


@blueprint.get("/pictures/<digest>")
@blueprint.arguments(api.PictureQuery, location="query")
@blueprint.response(200, content_type="image/jpeg", schema={"type": "string", "format": "binary"})
@blueprint.alt_response(304, description="The client has it already (If-None-Match)")
@needs(Role.VIEWER, is_limited=True)
def get_picture(query: dict[str, Any], digest: str) -> Response:
    """Give a picture: as it came, or with `width` as a smaller JPEG."""
    wanted, width = _bytes_of(digest), query["width"]
    if services().erasures.is_hidden_picture(wanted) or not services().asking.sees_picture(wanted, limits()):
        raise NotFound("no_such_picture", "there is no picture with that digest; it may have been taken away since")
    etag = f"{wanted.hex()}-{width or 'full'}"
    if etag in request.if_none_match and services().pictures.has(wanted):
        return _with_headers(Response(status=304), etag)
    stored = services().pictures.get(wanted)
    if stored is None:
        raise NotFound("no_such_picture", "there is no picture with that digest; it may have been taken away since")
    if width is None:
        return _with_headers(Response(stored.data, content_type=stored.media_type), etag)
    return _with_headers(Response(_smaller(stored, width), content_type="image/jpeg"), etag)


def _bytes_of(digest: str) -> bytes:
    try:
        found = bytes.fromhex(digest)
    except ValueError:
        found = b""
    if len(found) != DIGEST_LENGTH:
        raise NotFound("no_such_picture", "a picture's digest has 64 hexadecimal digits")
    return found


def _smaller(stored: StoredPicture, width: int) -> bytes:
    if not SEATS.acquire(timeout=SEAT_SECONDS):
        raise Busy("busy", "other pictures are being made smaller; ask again, or without `width`")
    try:
        # Pillow tells of odd pictures by warnings; who asked is answered, and the log need not know.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        with Image.open(io.BytesIO(stored.data), formats=FORMATS) as image:
            return _thumbnail(image, width, services().settings.pixel_limit)
    except DAMAGE as error:
        raise Invalid("cannot_decode", "the picture is damaged; without `width` it is given as it came") from error
    finally:
        SEATS.release()


def _thumbnail(image: Image.Image, width: int, pixel_limit: int) -> bytes:
    if image.width * image.height > pixel_limit:
        raise Invalid("too_many_pixels", f"{image.width} x {image.height} pixels; at most {pixel_limit} are decoded")
    # Pillow turns a TIFF by itself while decoding.
    orientation = 1 if image.format == "TIFF" else image.getexif().get(ExifTags.Base.Orientation, 1)
    box = (width * 8, width) if orientation in TURNS and orientation >= FIRST_LYING else (width, width * 8)
    small = _shrink(image, box).convert("RGB")
    if orientation in TURNS:
        small = small.transpose(TURNS[orientation])
    out = io.BytesIO()
    small.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


def _shrink(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    """Within the box and never larger; of a JPEG `thumbnail` decodes a fraction, a draft of twice the size given."""
    # The size that it will have, for the draft goes by the side that needs more; rounded up, so that no side binds twice.
    scale = min(1, box[0] / image.width, box[1] / image.height)
    size = ceil(image.width * scale), ceil(image.height * scale)
    if image.mode not in AVERAGED:
        # Palettes cannot be averaged, and transparency would be copied: first every n-th pixel, then their average.
        image.thumbnail((3 * size[0], 3 * size[1]), Image.Resampling.NEAREST)
        image = image.convert("RGB")
    image.thumbnail(size)
    return image


def _with_headers(answer: Response, etag: str) -> Response:
    answer.set_etag(etag)
    # A digest never means another picture.
    answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
