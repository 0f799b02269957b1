"""Which page a browser asks for: one of another site may neither log its visitor in, nor speak as the device at his address."""

from collections.abc import Collection
from urllib.parse import urlsplit

from flask import request


def is_foreign_page(allowed: Collection[str] = ()) -> bool:
    """Whether a page of another site asks, as the browser says; programs and boxes say nothing of the kind."""
    origin = request.headers.get("Origin")
    if origin is None or origin in allowed:
        return False
    try:
        return urlsplit(origin).netloc != request.host
    except ValueError:
        return True
