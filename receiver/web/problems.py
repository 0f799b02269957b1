"""Errors as answers: one table from the house's errors to status codes, as application/problem+json (RFC 9457).

Below the addresses of a foreign interface they have its form.
"""

from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from flask import Flask, Response, has_request_context, request
from werkzeug.exceptions import BadRequest, HTTPException

from receiver.domain.errors import (
    Busy,
    Conflict,
    Forbidden,
    GatehouseError,
    Invalid,
    NotFound,
    NotLoggedIn,
    SetupError,
    Unavailable,
)
from receiver.services.people.enrolling import Doubtful
from receiver.services.people.portraits import Unusable
from receiver.web.device_paths import starred
from receiver.web.error_forms import form_at
from schemas.api import InvalidArguments
from schemas.errors import WireError

STATUS: dict[type[GatehouseError], int] = {
    Invalid: 422,
    NotLoggedIn: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Busy: 503,
    Unavailable: 503,
    SetupError: 503,  # a server that runs can still be set up for something that is not there
}
RETRY_SECONDS = "5"
CHALLENGE = 'Bearer realm="gatehouse"'
# Nothing was wrong with a token: none was sent, or this is a login.
WITHOUT_TOKEN = frozenset({"login_needed", "wrong_login"})

log = structlog.get_logger("web")


def problem(status: int, reason: str, detail: str, **more: Any) -> Response:
    """One problem document; ``reason`` is the machine word."""
    return problem_at(_path(), status, reason, detail, **more)


def problem_at(path: str, status: int, reason: str, detail: str, **more: Any) -> Response:
    """The same for a request to that address, which Flask does not know of."""
    answer = _document(path, status, {"reason": reason, "detail": detail, **more})
    if status == STATUS[Unavailable]:
        answer.headers["Retry-After"] = RETRY_SECONDS
    if status == STATUS[NotLoggedIn]:
        answer.headers["WWW-Authenticate"] = CHALLENGE + ("" if reason in WITHOUT_TOKEN else ', error="invalid_token"')
    return answer


def _path() -> str:
    return request.path if has_request_context() else ""


def _document(path: str, status: int, told: Mapping[str, Any]) -> Response:
    form = form_at(path)
    if form is not None:
        body = orjson.dumps(form.document(status, told["detail"]))
        return Response(body, status, form.headers, content_type="application/json")
    document = {"type": "about:blank", "status": status, "title": told["reason"], **told}
    return Response(orjson.dumps(document), status, content_type="application/problem+json")


def register(app: Flask) -> None:
    """Makes every error of the application such a document."""
    app.register_error_handler(GatehouseError, known)
    app.register_error_handler(WireError, _wire)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, unexpected)


def known(error: GatehouseError) -> Response:
    """An error of the house as an answer."""
    status = next((STATUS[each] for each in type(error).__mro__ if each in STATUS), 500)
    more: dict[str, Any] = {"pictures": error.pictures} if isinstance(error, Unusable | Doubtful) else {}
    if isinstance(error, Doubtful) and error.reviews:
        more["reviews"] = error.reviews
    return problem(status, error.reason, error.detail, **more)


def _wire(error: WireError) -> Response:
    more = {"errors": error.errors} if isinstance(error, InvalidArguments) else {}
    return problem(422, error.reason, error.detail, **more)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    reason = error.name.lower().replace(" ", "_")
    more: dict[str, Any] = {}
    # webargs puts what a schema found on the error.
    messages = getattr(error, "data", {}).get("messages")
    if messages:
        reason, more["errors"] = "invalid_arguments", messages
    answer = problem(status, reason, _detail(error), **more)
    for name, value in error.get_headers(request.environ):
        if name.lower() not in {"content-type", "content-length"}:
            answer.headers[name] = value
    return answer


def _detail(error: HTTPException) -> str:
    if error.code == 404:  # noqa: PLR2004 - Not Found
        return "nothing is at this address; /docs lists what is"
    if isinstance(error, BadRequest) and error.description == BadRequest.description and request.is_json:
        return "the body is no JSON that can be read: send one object, in UTF-8"
    return error.description or error.name


def unexpected(error: BaseException, path: str = "") -> Response:
    """An error that is a mistake of ours, as an answer; the log has the rest. ``path``: where Flask knows of no request."""
    path = path or _path()
    log.error("unexpected", path=starred(path) if path else None, exc_info=error)
    detail = "the server failed; its log says where. Nothing was changed by half."
    return problem_at(path, 500, "internal_error", detail)
