"""Accounts and API keys: made, changed and taken away by administrators, of whom one is always left."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from receiver.domain.accounts import Role, allows
from receiver.services.accounts.admitting import NOTED
from receiver.store import accounts
from tests.receiver.web.site import is_problem
from tests.security.conftest import PASSWORD, Door


def made(door: Door, **values: Any) -> Any:
    document = {"username": "two", "password": PASSWORD, "role": "guard"} | values
    return door.asked(door.tokens("root")["access_token"], "/v1/accounts", "POST", json=document)


@pytest.fixture(autouse=True)
def root(door: Door) -> int:
    return door.account("root")


@pytest.fixture
def token(door: Door) -> str:
    found: str = door.tokens("root")["access_token"]
    return found


def test_an_account_is_made_and_shown_without_its_password(door: Door, token: str) -> None:
    answer = made(door, username="Guard.One", gates=[3, 1], lists=["visitor"], groups=["press"])
    assert answer.status_code == 201
    shown = answer.get_json()
    assert {name: shown[name] for name in ("username", "role", "gates", "lists", "groups", "disabled", "must_change")} == {
        "username": "guard.one", "role": "guard", "gates": [1, 3], "lists": ["visitor"], "groups": ["press"],
        "disabled": False, "must_change": True,
    }  # fmt: skip
    assert not [name for name in shown if "password" in name or "hash" in name]
    assert door.asked(token, f"/v1/accounts/{shown['id']}").get_json() == shown
    assert shown in door.asked(token, "/v1/accounts").get_json()["items"]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"username": "ROOT"}, "account_exists"), ({"username": "../etc"}, "bad_account_name"), ({"username": "é"}, "bad_account_name"),
        ({"password": "short"}, "weak_password"), ({"password": "two2222222"}, "weak_password"), ({"role": "god"}, "invalid_arguments"),
        ({"role": "admin", "lists": ["staff"]}, "admin_limited"), ({"lists": ["friends"]}, "invalid_arguments"),
        ({"gates": [0]}, "invalid_arguments"), ({"gates": list(range(1, 1100))}, "invalid_arguments"), ({"id": 1}, "invalid_arguments"),
    ],
)  # fmt: skip
def test_an_account_that_will_not_do_is_refused(door: Door, values: dict[str, Any], reason: str) -> None:
    assert is_problem(made(door, **values), 409 if reason == "account_exists" else 422, reason)


def test_lists_of_accounts_are_paged(door: Door, token: str) -> None:
    for number in range(4):
        door.account(f"guard{number}", Role.GUARD)
    names, cursor = [], "0"
    while cursor is not None:
        page = door.asked(token, f"/v1/accounts?limit=2&cursor={cursor}").get_json()
        names += [each["username"] for each in page["items"]]
        cursor = page["next"]
    assert names == ["root", "guard0", "guard1", "guard2", "guard3"]


def test_what_is_not_named_stays(door: Door, token: str) -> None:
    account = made(door, lists=["visitor"], gates=[1]).get_json()["id"]
    changed = door.asked(token, f"/v1/accounts/{account}", "PATCH", json={"gates": []}).get_json()
    assert (changed["gates"], changed["lists"], changed["role"]) == ([], ["visitor"], "guard")


@pytest.mark.parametrize("change", [{"role": "registrar"}, {"disabled": True}])
def test_the_last_administrator_stays_one(any_door: Door, change: dict[str, Any]) -> None:
    first = any_door.account("first")
    token = any_door.tokens("first")["access_token"]
    path = f"/v1/accounts/{first}"
    assert is_problem(any_door.asked(token, path, "PATCH", json=change), 409, "last_admin")
    assert is_problem(any_door.asked(token, path, "DELETE"), 409, "last_admin")
    second = any_door.account("second")
    assert any_door.asked(token, path, "PATCH", json=change).status_code == 200
    assert is_problem(
        any_door.asked(any_door.tokens("second")["access_token"], f"/v1/accounts/{second}", "DELETE"), 409, "last_admin"
    )


def test_a_disabled_administrator_is_none_who_is_left(door: Door, token: str, root: int) -> None:
    other = door.account("other")
    door.asked(token, f"/v1/accounts/{other}", "PATCH", json={"disabled": True})
    assert is_problem(door.asked(token, f"/v1/accounts/{root}", "DELETE"), 409, "last_admin")


def test_a_disabled_account_is_out_at_once_with_its_keys(door: Door, token: str) -> None:
    account = door.account("two", Role.GUARD)
    theirs = door.tokens("two")["access_token"]
    key = door.asked(theirs, "/v1/keys", "POST", json={"name": "k", "scopes": ["*"]}).get_json()["key"]
    assert door.asked(key, "/v1/events").status_code == 200
    door.asked(token, f"/v1/accounts/{account}", "PATCH", json={"disabled": True})
    assert is_problem(door.asked(theirs, "/v1/events"), 401, "login_ended")
    assert is_problem(door.asked(key, "/v1/events"), 401, "token_invalid")
    door.asked(token, f"/v1/accounts/{account}", "PATCH", json={"disabled": False})
    # The login was ended for good, the key was not revoked.
    assert is_problem(door.asked(theirs, "/v1/events"), 401, "login_ended")
    assert door.asked(key, "/v1/events").status_code == 200
    assert door.login("two").status_code == 200


def test_an_account_that_is_gone_is_gone_with_all_it_could(door: Door, token: str) -> None:
    account = door.account("two", Role.GUARD)
    theirs = door.tokens("two")["access_token"]
    key = door.asked(theirs, "/v1/keys", "POST", json={"name": "k", "scopes": ["*"]}).get_json()["key"]
    assert door.asked(token, f"/v1/accounts/{account}", "DELETE").status_code == 204
    assert door.asked(theirs).status_code == door.asked(key).status_code == 401
    assert is_problem(door.asked(token, f"/v1/accounts/{account}"), 404, "no_such_account")
    # Its number is nobody else's afterwards.
    assert door.account("two", Role.GUARD) > account


def test_a_password_set_by_somebody_else_is_a_first_one(door: Door, token: str) -> None:
    account = door.account("two", Role.GUARD)
    theirs = door.tokens("two")["access_token"]
    answer = door.asked(token, f"/v1/accounts/{account}", "PATCH", json={"password": "another long password"})
    assert answer.get_json()["must_change"] is True
    assert is_problem(door.asked(theirs), 401, "login_ended")
    assert door.login("two").status_code == 401


@pytest.mark.parametrize(("method", "document"), [("GET", None), ("PATCH", {"role": "guard"}), ("DELETE", None)])
def test_an_account_that_is_not_there_is_told(door: Door, token: str, method: str, document: Any) -> None:
    assert is_problem(door.asked(token, "/v1/accounts/999", method, json=document), 404, "no_such_account")


def key_of(door: Door, token: str, *scopes: str, **values: Any) -> Any:
    return door.asked(token, "/v1/keys", "POST", json={"name": "reader", "scopes": list(scopes), **values})


def test_a_key_is_shown_once(door: Door, token: str) -> None:
    made_key = key_of(door, token, "events:read").get_json()
    assert made_key["key"].startswith(f"gk_{made_key['id']}_")
    (listed,) = door.asked(token, "/v1/keys").get_json()["items"]
    assert "key" not in listed
    assert (listed["scopes"], listed["account"]["name"], listed["used_at"]) == (["events:read"], "root", None)


@pytest.mark.parametrize(
    ("scopes", "question", "status"),
    [
        (["events:read"], "GET /v1/events", 200), (["events:read"], "GET /v1/people", 403), (["*:read"], "GET /v1/people", 200),
        (["*:read"], "POST /v1/people", 403), (["people"], "PATCH /v1/people/1", 404), (["people:read"], "PATCH /v1/people/1", 403),
        (["metrics:read"], "GET /metrics", 200), (["events"], "GET /metrics", 403), (["detect:read"], "POST /v1/detect", 422),
        (["events"], "GET /v1/accounts/me", 200), (["*"], "GET /v1/accounts", 200), (["people"], "GET /v1/accounts", 403),
    ],
)  # fmt: skip
def test_a_key_reaches_as_far_as_its_scopes(
    door: Door, token: str, scopes: list[str], question: str, status: int
) -> None:
    method, path = question.split()
    key = key_of(door, token, *scopes).get_json()["key"]
    answer = door.asked(key, path, method, json=None if method == "GET" else {})
    assert answer.status_code == status
    if status == 403:
        assert is_problem(answer, 403, "scope_missing")


def test_a_key_may_no_more_than_its_account(door: Door) -> None:
    door.account("two", Role.VIEWER)
    key = key_of(door, door.tokens("two")["access_token"], "*").get_json()["key"]
    assert is_problem(door.asked(key, "/v1/people", "POST"), 403, "role_too_low")


@pytest.mark.parametrize(
    ("path", "method"),
    [("/v1/keys", "POST"), ("/v1/keys", "GET"), ("/v1/keys/1", "DELETE"), ("/v1/accounts/me/password", "POST"), ("/v1/logout", "POST")],
)  # fmt: skip
def test_a_key_makes_no_keys_and_changes_no_password(door: Door, token: str, path: str, method: str) -> None:
    key = key_of(door, token, "*").get_json()["key"]
    assert is_problem(door.asked(key, path, method), 403, "login_by_key")


@pytest.mark.parametrize(
    "scopes", [[], [""], ["People"], ["people:write"], ["people read"], ["*:*"], ["../x"], ["a" * 60]]
)
def test_what_is_no_scope_is_refused(door: Door, token: str, scopes: list[str]) -> None:
    answer = key_of(door, token, *scopes)
    assert answer.status_code == 422
    assert answer.get_json()["reason"] in {"bad_scope", "invalid_arguments"}


def test_a_key_ends_with_its_time(door: Door, token: str) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made_key = key_of(door, token, "events", expires_at=soon).get_json()
    assert door.asked(made_key["key"], "/v1/events").status_code == 200
    with door.site.store.write() as tx:
        accounts.change_key(tx, made_key["id"], {"expires_at": datetime.now(UTC)})
    door.site.services.admitting.forget()
    assert is_problem(door.asked(made_key["key"], "/v1/events"), 401, "token_expired")
    assert is_problem(key_of(door, token, "events", expires_at="2020-01-01"), 422, "ends_in_the_past")


def test_a_revoked_key_is_worth_nothing_and_stays_in_the_list(door: Door, token: str) -> None:
    made_key = key_of(door, token, "events").get_json()
    assert door.asked(token, f"/v1/keys/{made_key['id']}", "DELETE").status_code == 204
    assert is_problem(door.asked(made_key["key"], "/v1/events"), 401, "token_invalid")
    (listed,) = door.asked(token, "/v1/keys").get_json()["items"]
    assert listed["revoked_at"]


def test_a_changed_key_is_nobody(door: Door, token: str) -> None:
    key: str = key_of(door, token, "events").get_json()["key"]
    for wrong in (key[:-1] + ("0" if key[-1] != "0" else "1"), key + "0", key.replace("gk_1_", "gk_2_"), key[:-1]):
        assert is_problem(door.asked(wrong, "/v1/events"), 401, "token_invalid")


def test_keys_of_others_are_an_administrators_business(door: Door, token: str, root: int) -> None:
    guard = door.account("two", Role.GUARD)
    theirs = door.tokens("two")["access_token"]
    own = key_of(door, theirs, "events").get_json()["id"]
    mine = key_of(door, token, "events").get_json()["id"]
    # As if it were not there.
    assert is_problem(door.asked(theirs, f"/v1/keys/{mine}", "DELETE"), 404, "no_such_key")
    assert is_problem(door.asked(theirs, "/v1/keys?all=true"), 403, "role_too_low")
    assert is_problem(key_of(door, theirs, "events", account=root), 403, "role_too_low")
    assert [each["id"] for each in door.asked(theirs, "/v1/keys").get_json()["items"]] == [own]
    assert [each["id"] for each in door.asked(token, "/v1/keys?all=true").get_json()["items"]] == [own, mine]
    assert key_of(door, token, "events", account=guard).get_json()["account"]["name"] == "two"
    assert door.asked(token, f"/v1/keys/{own}", "DELETE").status_code == 204
    assert is_problem(key_of(door, token, "events", account=999), 404, "no_such_account")


def test_an_account_has_a_bounded_number_of_keys(door: Door, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("receiver.services.accounts.api_keys.MOST_OF_AN_ACCOUNT", 2)
    assert [key_of(door, token, "events").status_code for _ in range(3)] == [201, 201, 409]


def test_the_last_use_of_a_key_is_recorded_but_not_with_each_request(any_door: Door) -> None:
    any_door.account("one")
    made_key = key_of(any_door, any_door.tokens("one")["access_token"], "events").get_json()

    def used() -> Any:
        with any_door.site.store.read() as tx:
            row = accounts.find_key(tx, made_key["id"])
        return None if row is None else row.used_at

    assert used() is None
    any_door.asked(made_key["key"], "/v1/events")
    first = used()
    any_door.asked(made_key["key"], "/v1/events")
    assert first is not None
    assert used() == first
    with any_door.site.store.write() as tx:
        accounts.change_key(tx, made_key["id"], {"used_at": first - NOTED})
    any_door.site.services.admitting.forget()
    any_door.asked(made_key["key"], "/v1/events")
    assert used() > first - NOTED


@pytest.mark.parametrize(
    ("scopes", "area", "is_reading", "is_allowed"),
    [
        (("*",), "people", False, True), (("*:read",), "people", False, False), (("*:read",), "people", True, True),
        (("people",), "people", True, True), (("people:read",), "people", False, False), (("people",), "peoples", True, False), ((), "people", True, False),
    ],
)  # fmt: skip
def test_scopes(scopes: tuple[str, ...], area: str, *, is_reading: bool, is_allowed: bool) -> None:
    assert allows(scopes, area, is_reading=is_reading) is is_allowed
