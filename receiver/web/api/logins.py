"""Logging in and out: tokens for programs, a cookie for the console in a browser."""

from typing import Any

from flask import Response, jsonify, request

from receiver.domain.accounts import LONGEST_TIME, Role
from receiver.domain.errors import Forbidden
from receiver.services.accounts.admitting import CONSOLE, PROGRAM
from receiver.services.accounts.logging_in import LoggedIn, Login
from receiver.web import auditing
from receiver.web.api.blueprint import ApiBlueprint, services
from receiver.web.auth import COOKIE, caller, needs, public
from receiver.web.login_limits import address
from receiver.web.origins import is_foreign_page
from schemas import accounts as schemas

blueprint = ApiBlueprint("logins", __name__, description="Access tokens for programs, sessions for the console")

LOGIN_REFUSED = "wrong_login, whatever it is that was wrong"
TOO_MANY = "too_many_logins: come again after the seconds in Retry-After"


@blueprint.post("/login")
@blueprint.arguments(schemas.LoginRequest)
@blueprint.response(200, schemas.LoggedIn)
@blueprint.alt_response(401, description=LOGIN_REFUSED)
@blueprint.alt_response(422, description="invalid_arguments; weak_password, of the new one")
@blueprint.alt_response(429, description=TOO_MANY)
@public
def log_in(sent: dict[str, Any]) -> dict[str, Any]:
    """Log in with a name and a password; the answer has the token for every other request.

    `new_password` sets another password at once, as the first login of an account must.
    """
    return _tokens(_told(services().logging_in.login(_login(sent, PROGRAM))))


@blueprint.post("/refresh")
@blueprint.arguments(schemas.RefreshRequest)
@blueprint.response(200, schemas.LoggedIn)
@blueprint.alt_response(401, description="token_invalid, login_ended; token_reused: the whole login is ended")
@public
def refresh(sent: dict[str, Any]) -> dict[str, Any]:
    """Get another access token, and another refresh token for the next time; the one that is sent is worth nothing then."""
    return _tokens(_told(services().logging_in.refresh(sent["refresh_token"])))


@blueprint.post("/logout")
@blueprint.response(204)
@needs(Role.VIEWER, is_limited=True, is_first=True, is_personal=True)
def log_out() -> Response:
    """End the login: its access and refresh tokens, or the console's cookie."""
    auditing.tell(subject=caller().account_id)
    services().logging_in.logout(caller())
    answer = Response(status=204)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="Strict")
    return answer


@blueprint.post("/session")
@blueprint.arguments(schemas.LoginRequest)
@blueprint.response(200, schemas.Session)
@blueprint.alt_response(401, description=LOGIN_REFUSED)
@blueprint.alt_response(403, description="foreign_page: another site's page asked for it")
@blueprint.alt_response(429, description=TOO_MANY)
@public
def begin_session(sent: dict[str, Any]) -> Response:
    """Log in with a browser: the answer sets a cookie that no script can read, and has the token for changes."""
    _refuse_foreign_page()
    found = _told(services().logging_in.login(_login(sent, CONSOLE)))
    answer = jsonify(_session(found.account_id, found.role, found.secret, must_change=found.must_change))
    answer.set_cookie(
        COOKIE,
        found.secret,
        # It ends on the server, sooner if it is not used.
        max_age=LONGEST_TIME[CONSOLE],
        path="/",
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/session")
@blueprint.response(200, schemas.Session)
@needs(Role.VIEWER, is_limited=True, is_first=True, is_personal=True)
def get_session() -> dict[str, Any]:
    """Give a page that was loaded anew the token for changes."""
    found = caller()
    cookie = request.cookies.get(COOKIE, "") if "Authorization" not in request.headers else ""
    return _session(found.account_id, found.role, cookie, must_change=found.must_change)


def _login(sent: dict[str, Any], kind: str) -> Login:
    return Login(sent["username"], sent["password"], address(), sent["new_password"], kind)


def _told(found: LoggedIn) -> LoggedIn:
    """The same; the audit log says whose login it is."""
    auditing.tell(subject=found.account_id)
    return found


def _tokens(found: LoggedIn) -> dict[str, Any]:
    return {
        "access_token": found.access_token,
        "refresh_token": found.secret,
        "expires_in": found.expires_in,
        "role": found.role,
        "must_change": found.must_change,
    }


def _session(account_id: int, role: str, cookie: str, *, must_change: bool) -> dict[str, Any]:
    token = services().signer.csrf_token(cookie) if cookie else ""
    return {"account": account_id, "role": role, "csrf_token": token, "must_change": must_change}


def _refuse_foreign_page() -> None:
    """Another site's page could log its visitor in to an account of its own, and watch what is done there.

    Raises:
        Forbidden: ``foreign_page``.
    """
    if is_foreign_page():
        raise Forbidden("foreign_page", "only the console's own page begins a session")
