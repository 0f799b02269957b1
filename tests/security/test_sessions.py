"""The console's sessions: a cookie that no script can read, and nothing is changed for a page that is not ours."""

from datetime import UTC, datetime, timedelta

import pytest

from receiver.domain.accounts import Role
from receiver.services.accounts.admitting import NOTED
from receiver.store import accounts
from receiver.web.auth import COOKIE, CSRF_HEADER
from tests.receiver.web.site import is_problem
from tests.security.conftest import PASSWORD, Door


@pytest.fixture(autouse=True)
def one(door: Door) -> int:
    return door.account("one")


def test_the_cookie_is_for_our_pages_and_no_script(door: Door) -> None:
    answer = door.login("one", path="/v1/session")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    words = {each.strip().lower() for each in cookie.split(";")}
    assert {"httponly", "samesite=strict", "path=/"} <= words
    assert "secure" not in words
    assert answer.headers["Cache-Control"] == "no-store"
    assert "access_token" not in answer.get_json()


def test_over_tls_the_cookie_is_for_tls_alone(door: Door) -> None:
    login = {"username": "one", "password": PASSWORD}
    answer = door.stranger.post("/v1/session", json=login, base_url="https://gate.example")
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_a_browser_reads_with_its_cookie_alone(door: Door) -> None:
    browser, _ = door.browser("one")
    assert browser.get("/v1/accounts/me").get_json()["username"] == "one"


@pytest.mark.parametrize("token", [None, "", "wrong", "0" * 64, "\u00e9"])
def test_without_the_pages_token_nothing_is_changed(door: Door, token: str | None) -> None:
    browser, _ = door.browser("one")
    headers = {} if token is None else {CSRF_HEADER: token}
    document = {"username": "two", "password": PASSWORD, "role": "admin"}
    assert is_problem(browser.post("/v1/accounts", json=document, headers=headers), 403, "csrf_missing")
    assert len(browser.get("/v1/accounts").get_json()["items"]) == 1


def test_another_sessions_token_does_not_do(door: Door) -> None:
    browser, _ = door.browser("one")
    _, other = door.browser("one")
    assert is_problem(browser.delete("/v1/people/1", headers=other), 403, "csrf_missing")


def test_with_the_pages_token_it_is_changed(door: Door) -> None:
    browser, headers = door.browser("one")
    document = {"username": "two", "password": PASSWORD, "role": "admin"}
    assert browser.post("/v1/accounts", json=document, headers=headers).status_code == 201


def test_a_page_that_is_loaded_anew_is_given_the_token_again(door: Door) -> None:
    browser, headers = door.browser("one")
    assert browser.get("/v1/session").get_json()["csrf_token"] == headers[CSRF_HEADER]


def test_what_only_reads_by_post_needs_the_token_too(door: Door) -> None:
    """A foreign page could make the server work."""
    browser, headers = door.browser("one")
    assert is_problem(browser.post("/v1/detect"), 403, "csrf_missing")
    assert browser.post("/v1/detect", headers=headers).status_code == 422


def test_another_sites_page_cannot_log_a_browser_in(door: Door) -> None:
    login = {"username": "one", "password": PASSWORD}
    answer = door.stranger.post("/v1/session", json=login, headers={"Origin": "https://evil.example"})
    assert is_problem(answer, 403, "foreign_page")
    assert "Set-Cookie" not in answer.headers
    own = door.stranger.post("/v1/session", json=login, headers={"Origin": "http://localhost"})
    assert own.status_code == 200


def test_logging_out_ends_the_session_and_takes_the_cookie(door: Door) -> None:
    browser, headers = door.browser("one")
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    assert browser.post("/v1/logout", headers=headers).status_code == 204
    assert browser.get_cookie(COOKIE) is None
    browser.set_cookie(COOKIE, cookie.value)
    assert is_problem(browser.get("/v1/accounts/me"), 401, "login_ended")


@pytest.mark.parametrize("value", ["", "x", "gs_1_" + "0" * 64, "gs_999_" + "0" * 64, "gk_1_" + "0" * 64])
def test_a_made_up_cookie_is_nobody(door: Door, value: str) -> None:
    door.browser("one")
    stranger = door.stranger
    stranger.set_cookie(COOKIE, value)
    assert stranger.get("/v1/accounts/me").status_code == 401


def test_a_session_lives_on_while_it_is_used_and_is_noted_seldom(door: Door) -> None:
    browser, _ = door.browser("one")
    before = datetime.now(UTC) - NOTED - timedelta(seconds=1)
    with door.site.store.write() as tx:
        accounts.change_login(tx, 1, {"used_at": before, "expires_at": datetime.now(UTC) + timedelta(minutes=1)})
    door.site.services.admitting.forget()
    browser.get("/v1/accounts/me")
    with door.site.store.read() as tx:
        row = accounts.find_login(tx, 1)
    assert row is not None
    assert row.used_at > before
    assert row.expires_at > datetime.now(UTC) + timedelta(hours=11)
    with door.site.store.write() as tx:
        accounts.change_login(tx, 1, {"expires_at": datetime.now(UTC) + timedelta(minutes=1)})
    door.site.services.admitting.forget()
    browser.get("/v1/accounts/me")
    with door.site.store.read() as tx:
        again = accounts.find_login(tx, 1)
    assert again is not None
    assert again.used_at == row.used_at


def test_a_cookie_is_no_token_of_a_program(door: Door) -> None:
    browser, _ = door.browser("one")
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    assert is_problem(door.asked(cookie.value), 401, "token_invalid")
    sent = {"refresh_token": cookie.value}
    assert is_problem(door.stranger.post("/v1/refresh", json=sent), 401, "token_invalid")


def test_a_role_holds_for_the_browser_too(door: Door) -> None:
    door.account("guard", Role.GUARD)
    browser, headers = door.browser("guard")
    assert is_problem(browser.get("/v1/accounts", headers=headers), 403, "role_too_low")
