"""What every answer of the application tells a browser: no script but ours, no frame, and which other sites may ask."""

from flask import Flask, Response, request
from flask_talisman import Talisman

from receiver.settings import Settings

POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    # The page of the interface sets styles from its own scripts.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
ALLOWED_HEADERS = "Authorization, Content-Type, If-None-Match"
ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
PREFLIGHT_SECONDS = "600"


def register(app: Flask, settings: Settings) -> None:
    """Adds the headers to every answer."""
    app.after_request(lambda answer: _let_in(answer, settings.cors_origins))
    Talisman(
        app,
        force_https=False,  # boxes speak plain HTTP, and take a redirect for a failure
        content_security_policy=POLICY,
        frame_options="DENY",
        referrer_policy="no-referrer",
        strict_transport_security_include_subdomains=False,
        session_cookie_secure=settings.is_https,
        session_cookie_samesite="Strict",
    )


def _let_in(answer: Response, origins: tuple[str, ...]) -> Response:
    """Lets pages of the listed sites ask, with a token and never with a cookie; a route that answers for itself is left alone."""
    origin = request.headers.get("Origin")
    if not origins or "Access-Control-Allow-Origin" in answer.headers:
        return answer
    answer.vary.add("Origin")
    if origin not in origins:
        return answer
    answer.headers["Access-Control-Allow-Origin"] = origin
    answer.headers["Access-Control-Expose-Headers"] = "ETag, Location, Retry-After"
    if request.method == "OPTIONS":
        answer.headers["Access-Control-Allow-Methods"] = ALLOWED_METHODS
        answer.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        answer.headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS
    return answer
