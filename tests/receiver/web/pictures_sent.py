"""What the tests of /v1/detect, /v1/verify and /v1/search share: pictures in requests, and answers that must be 200."""

import io
from typing import Any

from tests.receiver.boxes import text_of
from tests.receiver.web.site import Site

ROUTES = ("detect", "verify", "search")
MULTIPART = "multipart/form-data"


def file(data: bytes, name: str = "face.jpg") -> tuple[io.BytesIO, str]:
    """A file of a form."""
    return io.BytesIO(data), name


def post(site: Site, path: str, shade: int, **options: Any) -> Any:
    """The JSON of an answer that must be 200."""
    answer = site.client.post(f"/v1/{path}", json={"picture": text_of(shade), **options})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_json()
