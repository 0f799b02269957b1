"""Pictures as they came, and smaller ones for lists."""

import io
from typing import Any

from flask import Response, request
from PIL import Image, ImageOps

from receiver.domain.errors import Invalid, NotFound
from receiver.store.pictures import StoredPicture
from receiver.web.api.blueprint import ApiBlueprint, services
from schemas import api

blueprint = ApiBlueprint("pictures", __name__, description="Pictures by digest")

DIGEST_LENGTH = 32
JPEG_QUALITY = 85
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")


@blueprint.get("/pictures/<digest>")
@blueprint.arguments(api.PictureQuery, location="query")
@blueprint.response(200, content_type="image/jpeg", schema={"type": "string", "format": "binary"})
@blueprint.alt_response(304, description="The client has it already (If-None-Match)")
def get_picture(query: dict[str, Any], digest: str) -> Response:
    """Give a picture: as it came, or with `width` as a smaller JPEG."""
    etag = f"{digest.lower()}-{query['width'] or 'full'}"
    if etag in request.if_none_match:
        return _with_headers(Response(status=304), etag)
    stored = services().pictures.get(_bytes_of(digest))
    if stored is None:
        raise NotFound("no_such_picture", "there is no picture with that digest; it may have been taken away since")
    if query["width"] is None:
        return _with_headers(Response(stored.data, content_type=stored.media_type), etag)
    return _with_headers(Response(_smaller(stored, query["width"]), content_type="image/jpeg"), etag)


def _bytes_of(digest: str) -> bytes:
    try:
        found = bytes.fromhex(digest)
    except ValueError:
        found = b""
    if len(found) != DIGEST_LENGTH:
        raise NotFound("no_such_picture", "a picture's digest has 64 hexadecimal digits")
    return found


def _smaller(stored: StoredPicture, width: int) -> bytes:
    try:
        with Image.open(io.BytesIO(stored.data), formats=FORMATS) as image:
            # A JPEG is decoded at a fraction of its size where that is enough.
            image.draft("RGB", (width, width))
            turned = ImageOps.exif_transpose(image).convert("RGB")
            turned.thumbnail((width, max(1, width * 8)))
            out = io.BytesIO()
            turned.save(out, "JPEG", quality=JPEG_QUALITY)
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise Invalid("cannot_decode", "the picture is damaged; without `width` it is given as it came") from error
    return out.getvalue()


def _with_headers(answer: Response, etag: str) -> Response:
    answer.set_etag(etag)
    # A digest never means another picture.
    answer.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
