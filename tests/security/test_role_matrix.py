"""Every role over every route, from the application's own map: a new route is in it by itself, and is closed until it says for whom."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import IntegerConverter, Rule
from werkzeug.test import TestResponse

from receiver import bootstrap
from receiver.domain.accounts import Limits, Role
from receiver.domain.reviews import ReviewKind
from receiver.settings import Settings
from receiver.web import auth, device_paths
from receiver.web.auth import Access, access_of
from tests.made_stores import made_house
from tests.receiver.web.logins import token_of
from tests.receiver.web.reviewing import note
from tests.receiver.web.site import is_problem
from tests.security.conftest import Door

# They show who they are within the message, or in the query: a user's or a vehicle's token.
SERVER_API = frozenset({
    f"/api/v1/{path}/" for path in
    ("user/register", "jetson/register", "login", "logout", "alert", "log", "safe", "truck/list", "truck/laststatus", "truck/currstatus")
})  # fmt: skip
PUBLIC = {
    *SERVER_API,
    *device_paths.HISTORY_PATHS, *device_paths.REAL_TIME_PATHS, *device_paths.STATUS_PATHS,
    "/v1/health/live", "/v1/health/ready", "/v1/login", "/v1/refresh", "/v1/session POST",
    "/v1/openapi.json", "/docs/", "/docs/start.js", "/docs/<path:path>", "/docs/dist/<path:path>",
}  # fmt: skip
# What must never be asked for by less than an administrator.
FOR_ADMINS = ("/v1/accounts", "/v1/erasures", "/v1/quarantine", "/v1/audit", "/v1/settings", "/v1/retention")
OWN = ("/v1/accounts/me", "/v1/keys", "/v1/logout", "/v1/session")
# Of the review list: what a registrar's role is too much or too little for.
FOR_WHOM = {
    ReviewKind.SECOND_OPINION: Role.GUARD,
    ReviewKind.BURIED_TASK: Role.GUARD,
    ReviewKind.QUARANTINED: Role.ADMIN,
}
LIMITED = Limits(lists=frozenset({"visitor"}))


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """(method, rule, endpoint) of every route."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, str(rule), rule.endpoint


def address_of(rule: Rule) -> str:
    """The rule's address with something in the place of its parameters that is not there."""
    values = {
        name: 987_654 if isinstance(rule._converters[name], IntegerConverter) else "0" * 64 for name in rule.arguments
    }
    _, path = rule.build(values) or ("", "")
    return path


@pytest.fixture(scope="module")
def app(shared_door: Door) -> Flask:
    return shared_door.site.app


def asked(door: Door, method: str, rule: Rule, token: str | None) -> TestResponse:
    return door.asked(token, address_of(rule), method)


def every(app: Flask) -> list[tuple[str, Rule, Access]]:
    return [
        (method, rule, access_of(app, rule.endpoint) or Access(Role.ADMIN))
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def test_every_route_says_who_may_ask_for_it(app: Flask) -> None:
    assert not [(method, rule) for method, rule, endpoint in routes(app) if access_of(app, endpoint) is None]


def test_no_other_route_is_public_than_these(app: Flask) -> None:
    found = {(method, rule) for method, rule, endpoint in routes(app) if access_of(app, endpoint) == Access(None)}
    assert {rule for method, rule in found if f"{rule} {method}" not in PUBLIC} <= PUBLIC


def test_whatever_changes_something_needs_more_than_a_viewer(app: Flask) -> None:
    changing = [
        (method, str(rule))
        for method, rule, access in every(app)
        if method != "GET" and access.role is Role.VIEWER and not access.is_reading
    ]
    assert not [(method, rule) for method, rule in changing if not rule.startswith(OWN)]


def test_what_is_for_administrators_is_for_them_alone(app: Flask) -> None:
    open_to_others = [
        (method, str(rule))
        for method, rule, access in every(app)
        if str(rule).startswith(FOR_ADMINS) and access.role is not Role.ADMIN
    ]
    assert not [(method, rule) for method, rule in open_to_others if not rule.startswith("/v1/accounts/me")]


def test_without_a_token_every_route_but_the_public_ones_answers_401(shared_door: Door) -> None:
    wrong = []
    for method, rule, access in every(shared_door.site.app):
        answer = asked(shared_door, method, rule, None)
        if access.role is None:
            is_right = answer.status_code not in {401, 403} or str(rule) in SERVER_API
        else:
            is_right = is_problem(answer, 401, "login_needed") and "Bearer" in answer.headers["WWW-Authenticate"]
        if not is_right:
            wrong.append((method, str(rule), answer.status_code))
    assert not wrong


@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_ask_for_what_it_covers_and_for_nothing_else(shared_door: Door, role: Role) -> None:
    wrong = []
    for method, rule, access in every(shared_door.site.app):
        # One of its own for each request: some of them end the login.
        answer = asked(shared_door, method, rule, token_of(shared_door.site.services, role))
        if str(rule) in SERVER_API:
            continue
        is_let_in = access.role is None or role.covers(access.role)
        is_right = (
            answer.status_code not in {401, 500} and not is_refusal(answer)
            if is_let_in
            else is_problem(answer, 403, "role_too_low")
        )
        if not is_right:
            wrong.append((method, str(rule), answer.status_code))
    assert not wrong


@pytest.mark.parametrize("kind", list(ReviewKind))
def test_the_review_list_is_no_second_way_to_what_a_role_may_not_do(any_door: Door, kind: ReviewKind) -> None:
    """Accepting needs the role that the same deed needs elsewhere; nothing stands behind the item here."""
    site, needed = any_door.site, FOR_WHOM.get(kind, Role.REGISTRAR)
    item = note(site, kind, f"{kind}:1", person_id=1, other_id=2, subject=3, detail={"origin": "import", "row": 1})
    for role in Role:
        refused = any_door.client(role).post(f"/v1/reviews/{item}/accept", json={})
        assert is_problem(refused, 403, "role_too_low") is not role.covers(needed)
        if not role.covers(needed):
            assert site.get(f"/v1/reviews/{item}")["state"] == "open"
    again = note(site, kind, f"{kind}:2", person_id=1, other_id=2, subject=3)
    assert any_door.client(Role.GUARD).post(f"/v1/reviews/{again}/later", json={}).status_code == 200
    assert not is_refusal(any_door.client(Role.GUARD).post(f"/v1/reviews/{again}/reject"))


def test_a_guard_takes_nobody_off_the_blacklist_by_the_review_list(any_door: Door) -> None:
    site = any_door.site
    banned = site.enrol("Bad Example", 1, list="blacklist")
    staff = site.enrol("Ann Example", 2)
    item = note(site, "look_alike", "look_alike:1:2", person_id=banned, other_id=staff)
    path, document = f"/v1/reviews/{item}/accept", {"list": "staff"}
    assert is_problem(any_door.client(Role.GUARD).post(path, json=document), 403, "role_too_low")
    assert site.get(f"/v1/people/{banned}")["list"] == "blacklist"
    assert any_door.client(Role.REGISTRAR).post(path, json=document).status_code == 200


@pytest.mark.parametrize("sent", [{}, {"token": "nobody's"}])
def test_foreign_interfaces_give_nothing_without_a_token_of_theirs(shared_door: Door, sent: dict[str, str]) -> None:
    client = shared_door.site.app.test_client()
    given = [
        (method, path)
        for path in SERVER_API - {"/api/v1/logout/"}
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if client.open(path, method=method, query_string=sent, json=sent).status_code not in {400, 401, 405}
    ]
    assert not given


def is_refusal(answer: TestResponse) -> bool:
    """Whether the guard refused; a view may still say 403 of a wrong password, which an empty request has not."""
    return answer.status_code == 403


@pytest.mark.parametrize("role", list(Role)[:-1])
def test_a_limited_account_is_let_in_only_where_the_route_heeds_limits(shared_door: Door, role: Role) -> None:
    wrong = []
    for method, rule, access in every(shared_door.site.app):
        if access.role is None or not role.covers(access.role):
            continue
        answer = asked(shared_door, method, rule, token_of(shared_door.site.services, role, LIMITED))
        is_right = not is_refusal(answer) if access.is_limited else is_problem(answer, 403, "limited_account")
        if not is_right:
            wrong.append((method, str(rule), answer.status_code))
    assert not wrong


def test_a_first_password_opens_nothing_but_its_own_change(shared_door: Door) -> None:
    wrong = []
    for method, rule, access in every(shared_door.site.app):
        if access.role is None:
            continue
        token = token_of(shared_door.site.services, Role.ADMIN, must_change=True)
        answer = asked(shared_door, method, rule, token)
        is_right = not is_refusal(answer) if access.is_first else is_problem(answer, 403, "password_must_change")
        if not is_right:
            wrong.append((method, str(rule), answer.status_code))
    assert not wrong


def test_a_route_that_declares_nothing_is_closed_for_everybody(
    shared_door: Door, tmp_path_factory: pytest.TempPathFactory
) -> None:
    house = made_house(Settings(data_dir=tmp_path_factory.mktemp("new"), recognition="off"))
    try:
        app = bootstrap.make_app(house)
        app.add_url_rule("/v1/forgotten", view_func=lambda: "secret", endpoint="forgotten")
        client: FlaskClient = app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token_of(app.extensions['gatehouse'])}"
        assert is_problem(client.get("/v1/forgotten"), 403, "route_closed")
        assert is_problem(app.test_client().get("/v1/forgotten"), 403, "route_closed")
    finally:
        house.close()


def test_a_view_that_is_wrapped_keeps_what_it_declares(app: Flask) -> None:
    """Whatever stands above the declaration, as limits on logins do."""
    assert access_of(app, "logins.log_in") == Access(None)
    assert access_of(app, "accounts.change_own_password") == Access(
        Role.VIEWER, is_limited=True, is_first=True, is_personal=True
    )


def test_the_description_says_of_every_operation_who_may_ask_for_it(app: Flask) -> None:
    document = app.test_client().get("/v1/openapi.json").get_json()
    assert document["components"]["securitySchemes"].keys() == {"bearer", "session"}
    silent = [
        (path, method)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters" and ("security" not in operation or "Needs " not in operation["description"])
    ]
    assert document["paths"]
    assert not silent


def test_the_page_of_the_interface_can_be_read_without_a_login(app: Flask) -> None:
    assert app.test_client().get("/docs/").status_code == 200


def test_asking_what_an_address_allows_tells_nothing_else(app: Flask) -> None:
    answer = app.test_client().options("/v1/people/1")
    assert (answer.status_code, answer.data) == (200, b"")


def test_where_nothing_is_nobody_is_asked_for_a_login(app: Flask) -> None:
    assert is_problem(app.test_client().get("/v1/nothing"), 404, "not_found")
    assert app.test_client().put("/v1/events").status_code == 405


def test_the_guard_stands_before_every_view(app: Flask) -> None:
    assert auth._guard in app.before_request_funcs[None]
