"""The guard: every route declares who may ask for it, and what declares nothing is closed.

``@needs(Role.GUARD)`` or ``@public`` stands directly above a view's function, below its route; `docs/decisions/0012-accounts.md`
says why. Whoever is let in is known as ``caller()`` from then on.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import structlog
from flask import Flask, Response, current_app, g, request

from receiver.domain.accounts import NO_LIMITS, Caller, Limits, Role, allows
from receiver.domain.audit import Actor, ActorKind
from receiver.domain.errors import Forbidden, NotLoggedIn
from receiver.services.audit import acting

if TYPE_CHECKING:
    from receiver.services.accounts.admitting import Admitting
    from receiver.web.app import Services

COOKIE = "gatehouse_session"
CSRF_HEADER = "X-CSRF-Token"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
KEY_PREFIX = "gk_"
DECLARED, DESCRIBED = "access", "_apidoc"
# Blueprints of packages, whose views cannot be decorated: the description of the interface, and the page that shows it.
# They are the same at every site and tell nothing of this one.
OPEN_BLUEPRINTS = frozenset({"swagger_ui", "api-docs"})

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask for a route.

    Attributes:
        role: at least; None: anybody, without a login.
        is_limited: the view shows a limited account only what is within its limits; other routes are closed to such accounts.
        is_first: open to an account that must change its password first, and to an API key of whatever scope.
        is_personal: of the account itself: not by an API key.
        is_reading: nothing is changed although it is a POST.
    """

    role: Role | None
    is_limited: bool = False
    is_first: bool = False
    is_personal: bool = False
    is_reading: bool = False


def needs(role: Role, **more: bool) -> Callable[[View], View]:
    """Declares the role that a route needs; see Access for what else can be said of it."""
    return _declare(Access(role, **more))


def public(view: View) -> View:
    """Declares a route that needs no login: the ways in for devices, health, and logging in."""
    return _declare(Access(None))(view)


def _declare(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        # Whatever wraps the function later copies both; flask-smorest takes what it describes from the second.
        setattr(view, DECLARED, access)
        setattr(view, DESCRIBED, {**getattr(view, DESCRIBED, {}), DECLARED: access})
        return view

    return mark


def access_of(app: Flask, endpoint: str) -> Access | None:
    """What the view of an endpoint declares; None if it declares nothing."""
    if endpoint.partition(".")[0] in OPEN_BLUEPRINTS:
        return Access(None)
    return cast("Access | None", getattr(app.view_functions.get(endpoint), DECLARED, None))


def register(app: Flask) -> None:
    """Puts the guard before every view."""
    app.before_request(_guard)
    app.after_request(_keep_private)


def caller() -> Caller:
    """Who asks; within a view that needs a role."""
    found: Caller = g.caller
    return found


def let_in(found: Caller) -> None:
    """Whoever has shown who he is in a foreign interface's way is the one who asks from then on."""
    g.caller = found
    acting.name(_actor(found))


def let_device_in(device_id: int) -> None:
    """The same for a device that has shown a token of its own."""
    acting.name(Actor(ActorKind.DEVICE, str(device_id), request.remote_addr or ""))


def limits() -> Limits:
    """What whoever asks may see at most."""
    found: Caller | None = g.get("caller")
    return NO_LIMITS if found is None else found.limits


def require(role: Role) -> None:
    """For a part of a view that needs more than its route.

    Raises:
        Forbidden: ``role_too_low``.
    """
    found = caller().role
    if not found.covers(role):
        raise Forbidden("role_too_low", f"that needs the role {role}; yours is {found}")


def who() -> str:
    """Who asks and from where, for what is kept of a deed: ids and an address, no name."""
    return f"{caller().label} ({request.remote_addr or 'unknown'}, API)"


def _keep_private(answer: Response) -> Response:
    """Faces, names and tokens are kept by nobody on the way, unless the view says more."""
    if g.get("caller") is not None or request.method not in READING:
        answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def _guard() -> None:
    if request.url_rule is None:
        return  # nothing is at this address, and that is what is answered
    access = access_of(current_app, request.url_rule.endpoint)
    if access is None:
        structlog.get_logger("web").error("route_closed", endpoint=request.url_rule.endpoint)
        raise Forbidden("route_closed", "this address says of nobody that he may ask for it: a mistake of ours")
    is_question = request.method == "OPTIONS" and getattr(request.url_rule, "provide_automatic_options", False)
    if access.role is None or is_question:
        return
    g.caller = found = _caller(access)
    acting.name(_actor(found))
    _check(found, access)


def _actor(found: Caller) -> Actor:
    """As whom the audit log knows the one who asks; the end of the request forgets it."""
    by_key = found.key_id is not None
    kind = ActorKind.KEY if by_key else ActorKind.ACCOUNT
    return Actor(kind, str(found.key_id if by_key else found.account_id), request.remote_addr or "")


def _caller(access: Access) -> Caller:
    """Who stands behind the request.

    Raises:
        NotLoggedIn: nobody is known to.
        Forbidden: ``csrf_missing``.
    """
    desk = _admitting()
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotLoggedIn("token_invalid", "send Authorization: Bearer and the token, or the API key, after it")
        text = token.strip()
        return desk.by_key(text) if text.startswith(KEY_PREFIX) else desk.by_access_token(text)
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        raise NotLoggedIn("login_needed", "log in: POST /v1/login, then send Authorization: Bearer with the token")
    found = desk.by_cookie(cookie)
    _check_forgery(cookie, access)
    return found


def _check_forgery(cookie: str, access: Access) -> None:
    """A browser sends a cookie for whatever page asks it to; only our own page knows the token that belongs to it."""
    if request.method in READING and not access.is_reading:
        return
    expected = _services().signer.csrf_token(cookie)
    sent = request.headers.get(CSRF_HEADER, "")
    if not _is_same(sent, expected):
        raise Forbidden("csrf_missing", f"send the console's token as {CSRF_HEADER}; GET /v1/session gives it")


def _check(found: Caller, access: Access) -> None:
    """Whether that one may; nothing is looked up for it, so that the answer is the same whatever there is."""
    if access.is_personal and found.key_id is not None:
        raise Forbidden("login_by_key", "an API key cannot do that: log in with the account's password")
    if not _is_in_scope(found, access):
        raise Forbidden("scope_missing", f"the key needs the scope {area()}")
    if found.must_change and not access.is_first:
        raise Forbidden("password_must_change", "set another password first: POST /v1/accounts/me/password")
    if access.role is not None and not found.role.covers(access.role):
        raise Forbidden("role_too_low", f"that needs the role {access.role}; yours is {found.role}")
    if found.limits.is_limiting and not access.is_limited:
        raise Forbidden("limited_account", "an account that is limited to gates, groups or lists cannot ask for this")


def _is_in_scope(found: Caller, access: Access) -> bool:
    if found.key_id is None or access.is_first:
        return True
    return allows(found.scopes, area(), is_reading=access.is_reading or request.method in READING)


def area() -> str:
    """The part of the interface that a request asks for, as scopes name it: ``people`` of /v1/people/7/faces."""
    parts = str(request.url_rule).strip("/").split("/")
    return parts[1] if parts[0] == "v1" and len(parts) > 1 else parts[0]


def _is_same(sent: str, expected: str) -> bool:
    return hmac.compare_digest(sent.encode("utf-8", "replace"), expected.encode())


def _services() -> "Services":
    found: Services = current_app.extensions["gatehouse"]
    return found


def _admitting() -> "Admitting":
    return _services().admitting
