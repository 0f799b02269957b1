"""Passwords at the door: one answer to whatever is wrong, pauses that grow, and nobody locked out by somebody else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from sqlalchemy import select

from receiver import bootstrap
from receiver.domain.accounts import COMMON_PASSWORDS, Role
from receiver.domain.errors import Busy, Unavailable
from receiver.services.accounts import attempts as module
from receiver.services.accounts import passwords as hashing
from receiver.services.accounts.passwords import HashParameters, Passwords
from receiver.store import accounts
from receiver.store.tables import login_attempt
from receiver.web import login_limits
from tests.receiver.web.site import is_problem
from tests.security.conftest import CHEAP, PASSWORD, Door

HERE, THERE = "10.0.0.1", "203.0.113.9"


class Clock:
    """The time of the limits, which passes when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2031, 5, 1, 12, 0, tzinfo=UTC)

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)

    def __call__(self, _zone: Any) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()

    class Told(datetime):
        now = found  # type: ignore[assignment]

    monkeypatch.setattr(module, "datetime", Told)
    monkeypatch.setattr(login_limits, "datetime", Told)
    return found


@pytest.fixture(autouse=True)
def admin(door: Door) -> int:
    return door.account("admin")


def fail(door: Door, times: int, name: str = "admin", address: str = HERE, path: str = "/v1/login") -> list[int]:
    return [door.login(name, "a wrong password", address, path).status_code for _ in range(times)]


def test_an_administrator_of_the_machine_ends_every_pause(door: Door, clock: Clock) -> None:
    assert fail(door, 6)[-1] == 429
    assert door.site.services.attempts.forget() > 0
    assert door.login("admin").status_code == 200


def test_whatever_is_wrong_the_answer_is_the_same(door: Door) -> None:
    disabled = door.account("disabled", Role.GUARD)
    door.client().patch(f"/v1/accounts/{disabled}", json={"disabled": True})
    answers = [
        door.login("admin", "a wrong password"),
        door.login("nobody", PASSWORD),
        door.login("disabled", PASSWORD),
        door.login("admin\x00".strip("\x00") + " x", PASSWORD),
    ]
    assert {answer.data for answer in answers} == {answers[0].data}
    assert all(is_problem(answer, 401, "wrong_login") for answer in answers)
    assert {tuple(answer.headers.keys()) for answer in answers} == {tuple(answers[0].headers.keys())}


@pytest.mark.parametrize("name", ["admin", "nobody"])
def test_an_unknown_account_costs_as_much_work_as_a_wrong_password(
    door: Door, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.login("admin", "so that the dummy is made")
    hashed: list[str] = []
    plain = type(door.passwords._hasher).verify

    def verify(hasher: Any, kept: str, password: str) -> Any:
        hashed.append(kept)
        return plain(hasher, kept, password)

    monkeypatch.setattr(type(door.passwords._hasher), "verify", verify)
    assert door.login(name, "a wrong password").status_code == 401
    (kept,) = hashed
    # The same kind of hash, with the same parameters, is worked on.
    assert kept.split("$")[:4] == ["", "argon2id", "v=19", "m=64,t=1,p=1"]


def test_capitals_and_blanks_do_not_matter_in_a_name(door: Door) -> None:
    assert door.login(" Admin ").status_code == 200


def test_a_sixth_failure_in_a_minute_is_too_many(door: Door, clock: Clock) -> None:
    assert fail(door, 5) == [401] * 5
    answer = door.login("admin")
    assert is_problem(answer, 429, "too_many_logins")
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    clock.pass_by(seconds=int(answer.headers["Retry-After"]))
    assert door.login("admin").status_code == 200


def test_the_pauses_grow(door: Door, clock: Clock) -> None:
    pauses = []
    for _ in range(3):
        assert fail(door, 5) == [401] * 5
        answer = door.login("admin")
        assert answer.status_code == 429
        pauses.append(int(answer.headers["Retry-After"]))
        clock.pass_by(seconds=pauses[-1])
    assert 1 < pauses[0] <= 61 < pauses[1] <= 901 < pauses[2] <= 3601


def test_guessing_around_the_clock_gets_nowhere(door: Door, clock: Clock) -> None:
    """Fifteen guesses an hour from one address, whatever it tries."""
    tried = 0
    for _ in range(4 * 12):
        tried += fail(door, 3).count(401)
        clock.pass_by(minutes=5)
    assert tried <= 4 * 15 + 15


def test_both_ways_in_count_together(door: Door, clock: Clock) -> None:
    assert fail(door, 3) == [401] * 3
    assert fail(door, 2, path="/v1/session") == [401] * 2
    assert fail(door, 1) == fail(door, 1, path="/v1/session") == [429]


def test_successes_do_not_count(door: Door, clock: Clock) -> None:
    assert {door.login("admin").status_code for _ in range(30)} == {200}


def test_one_address_cannot_try_many_accounts(door: Door, clock: Clock) -> None:
    answers = [fail(door, 1, name=f"user{number}", address=THERE)[0] for number in range(25)]
    assert answers == [401] * 20 + [429] * 5
    assert door.login("admin", address=HERE).status_code == 200


def test_a_whole_network_of_one_owner_counts_as_one_address(door: Door, clock: Clock) -> None:
    answers = [fail(door, 1, address=f"2001:db8:0:1::{number:x}")[0] for number in range(1, 8)]
    assert answers == [401] * 5 + [429] * 2
    assert fail(door, 1, address="2001:db8:0:2::1") == [401]


def test_guesses_from_many_addresses_meet_the_accounts_own_limit(door: Door, clock: Clock) -> None:
    answers = [fail(door, 1, address=f"203.0.113.{number}")[0] for number in range(1, 31)]
    assert answers == [401] * 20 + [429] * 10


def test_nobody_can_lock_an_accounts_own_people_out(door: Door, clock: Clock) -> None:
    assert door.login("admin", address=HERE).status_code == 200
    for number in range(1, 60):
        fail(door, 1, address=f"203.0.113.{number}")
    assert fail(door, 1, address="203.0.113.200") == [429]
    assert door.login("admin", address=HERE).status_code == 200


def test_the_lock_passes_by_itself_where_nobody_ever_came_from(door: Door, clock: Clock) -> None:
    for number in range(1, 60):
        fail(door, 1, address=f"203.0.113.{number}")
    assert door.login("admin", address="192.0.2.1").status_code == 429
    clock.pass_by(hours=1)
    assert door.login("admin", address="192.0.2.1").status_code == 200


def test_an_account_that_is_not_there_is_limited_alike(door: Door, clock: Clock) -> None:
    assert fail(door, 7, name="nobody") == fail(door, 7, name="admin") == [401] * 5 + [429] * 2


def test_all_web_processes_count_together(door: Door, clock: Clock) -> None:
    house = bootstrap.open_house(door.site.services.settings)
    try:
        other: FlaskClient = bootstrap.make_app(house).test_client()
        assert fail(door, 5) == [401] * 5
        login = {"username": "admin", "password": PASSWORD}
        answer = other.post("/v1/login", json=login, environ_overrides={"REMOTE_ADDR": HERE})
        assert is_problem(answer, 429, "too_many_logins")
    finally:
        house.close()


def test_what_is_counted_holds_no_name_and_no_address_and_goes(any_door: Door, clock: Clock) -> None:
    any_door.account("one")
    fail(any_door, 2, name="one", address=THERE)
    rows = attempts_kept(any_door)
    assert rows
    assert all(len(key) == 32 and b"one" not in key and THERE.encode() not in key for key in rows)
    clock.pass_by(hours=2)
    fail(any_door, 1, name="two")
    assert not set(rows) & set(attempts_kept(any_door))


def attempts_kept(door: Door) -> list[bytes]:
    with door.site.store.read() as tx:
        return list(tx.execute(select(login_attempt.c.key)).scalars())


def test_a_stolen_token_does_not_find_the_password_out(door: Door, clock: Clock) -> None:
    token = door.tokens("admin")["access_token"]
    guess = {"old": "a wrong password", "new": "another long password"}
    path = "/v1/accounts/me/password"
    answers = [door.asked(token, path, "POST", json=guess) for _ in range(6)]
    assert all(is_problem(each, 403, "wrong_password") for each in answers[:5])
    assert is_problem(answers[5], 429, "too_many_logins")


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"username": "admin"}, {"username": 1, "password": 2}, {"username": "", "password": ""},
     {"username": "a" * 500, "password": PASSWORD}, {"username": "admin", "password": "x" * 5000},
     {"username": {"$ne": ""}, "password": ["x"]}, {"username": "admin", "password": PASSWORD, "role": "admin"},
     {"username": "ad\x00min", "password": PASSWORD}],
)  # fmt: skip
def test_what_is_no_login_is_told_and_costs_no_hash(door: Door, document: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Passwords, "verify", lambda *_: pytest.fail("a hash was worked on"))
    for path in ("/v1/login", "/v1/session"):
        assert is_problem(door.stranger.post(path, json=document), 422, "invalid_arguments")


def test_text_that_is_no_json_is_told(door: Door) -> None:
    for data in (b"{", b'{"username": "\\ud800", "password": "x"}', b"\xff", b"[" * 2000):
        answer = door.stranger.post("/v1/login", data=data, content_type="application/json")
        assert is_problem(answer, 400, "bad_request")


def test_a_first_password_must_be_changed_before_anything_else(door: Door) -> None:
    door.account("new", Role.GUARD, must_change=True)
    found = door.tokens("new")
    assert found["must_change"] is True
    assert is_problem(door.asked(found["access_token"], "/v1/events"), 403, "password_must_change")
    change = {"old": PASSWORD, "new": "another long password"}
    assert door.asked(found["access_token"], "/v1/accounts/me/password", "POST", json=change).status_code == 204
    assert door.asked(found["access_token"], "/v1/events").status_code == 200
    assert door.login("new").status_code == 401
    assert door.login("new", "another long password").get_json()["must_change"] is False


def test_a_first_login_can_change_it_at_once(door: Door) -> None:
    door.account("new", Role.GUARD, must_change=True)
    answer = door.login("new", new_password="another long password")
    assert answer.get_json()["must_change"] is False
    assert door.asked(answer.get_json()["access_token"], "/v1/events").status_code == 200
    assert door.login("new").status_code == 401


def test_a_new_password_ends_every_other_login(door: Door) -> None:
    first, second = door.tokens("admin"), door.tokens("admin")
    browser, _ = door.browser("admin")
    change = {"old": PASSWORD, "new": "another long password"}
    assert door.asked(first["access_token"], "/v1/accounts/me/password", "POST", json=change).status_code == 204
    assert door.asked(first["access_token"]).status_code == 200
    assert is_problem(door.asked(second["access_token"]), 401, "login_ended")
    assert browser.get("/v1/accounts/me").status_code == 401


@pytest.mark.parametrize(
    "password", ["short", "123456789", "1234567890", "Password123", "aaaaaaaaaaaa", "adminadmin", "Admin-2026!"]
)
def test_a_password_that_is_guessed_first_is_refused(door: Door, password: str) -> None:
    assert is_problem(door.login("admin", new_password=password), 422, "weak_password")
    assert door.login("admin").status_code == 200


def test_the_password_itself_must_change(door: Door) -> None:
    assert is_problem(door.login("admin", new_password=PASSWORD), 422, "weak_password")


def test_the_list_of_common_passwords_has_none_that_is_too_short_anyway() -> None:
    assert len(COMMON_PASSWORDS) > 50
    assert {each for each in COMMON_PASSWORDS if len(each) >= 10} == COMMON_PASSWORDS


def test_a_hash_with_other_parameters_is_made_anew_at_the_next_login(door: Door) -> None:
    def kept() -> str:
        with door.site.store.read() as tx:
            row = accounts.named(tx, "admin")
        assert row is not None
        return str(row.password_hash)

    assert "m=64," in kept()
    door.passwords._hasher = Passwords(HashParameters(2, 128, 1))._hasher
    assert door.login("admin", "a wrong password").status_code == 401
    assert "m=64," in kept()
    assert door.login("admin").status_code == 200
    assert "m=128,t=2," in kept()
    assert door.login("admin").status_code == 200


def test_hashes_are_dear_where_no_test_makes_them_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HashParameters.__init__, "__defaults__", (hashing.TIME_COST, hashing.MEMORY_KIB, hashing.LANES))
    hasher = Passwords()._hasher
    assert (hasher.time_cost, hasher.memory_cost, hasher.type.name) == (3, 65_536, "ID")


def test_few_hashes_are_worked_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "TURN_SECONDS", 0.01)
    passwords = Passwords(CHEAP, at_once=1)
    with passwords._seat(), pytest.raises(Busy):
        passwords.hashed(PASSWORD)
    assert passwords.verify(passwords.hashed(PASSWORD), PASSWORD).is_right


def test_a_hash_that_is_none_lets_nobody_in() -> None:
    passwords = Passwords(CHEAP)
    assert not passwords.verify("none", "none").is_right
    assert not passwords.verify("", "").is_right


def test_an_account_that_is_disabled_while_its_password_is_checked_stays_out(
    door: Door, admin: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.account("other")
    plain = Passwords.verify

    def verify(passwords: Passwords, kept: str | None, password: str) -> Any:
        found = plain(passwords, kept, password)
        door.site.services.accounts.change(admin, {"is_disabled": True})
        return found

    monkeypatch.setattr(Passwords, "verify", verify)
    assert is_problem(door.login("admin"), 401, "wrong_login")


def test_who_waits_for_a_hash_holds_no_thread_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "WAITING", 0)
    monkeypatch.setattr(hashing, "TURN_SECONDS", 600.0)
    passwords = Passwords(CHEAP, at_once=1)
    with passwords._seat(), pytest.raises(Busy):
        passwords.hashed(PASSWORD)


def test_what_is_told_to_somebody_is_kept_by_nobody_on_the_way(door: Door) -> None:
    assert door.login("admin").headers["Cache-Control"] == "no-store"
    assert door.client().get("/v1/people").headers["Cache-Control"] == "no-store"
    assert "Cache-Control" not in door.stranger.get("/v1/openapi.json").headers


def test_logins_are_counted_by_their_outcome(door: Door, clock: Clock) -> None:
    def counts() -> list[float]:
        words = ("in", "wrong", "limited")
        return [REGISTRY.get_sample_value("gatehouse_logins_total", {"outcome": each}) or 0.0 for each in words]

    before = counts()
    door.login("admin")
    fail(door, 7)
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 5, 2]


def test_where_failures_cannot_be_counted_nobody_learns_whether_the_password_was_right(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise Unavailable("storage_unavailable", "the disk is full")

    monkeypatch.setattr(type(door.site.store), "write", refuse)
    answers = [door.login("admin", password) for password in (PASSWORD, "a wrong password")]
    assert all(is_problem(answer, 503, "storage_unavailable") for answer in answers)
    assert answers[0].data == answers[1].data


def test_a_failure_costs_one_write(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken in waits for its turn behind every other write."""
    writes: list[str | None] = []
    plain = type(door.site.store).write

    def write(store: Any, lock: str | None = None) -> Any:
        writes.append(lock)
        return plain(store, lock)

    monkeypatch.setattr(type(door.site.store), "write", write)
    assert door.login("admin", "a wrong password").status_code == 401
    assert len(writes) == 1
