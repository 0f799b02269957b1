"""Access and refresh tokens: only ours, only unchanged, only for a while, and worth nothing once the login has ended."""

import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.domain.accounts import ACCESS_TIME, Role
from receiver.domain.errors import NotLoggedIn
from receiver.services.accounts import admitting as module
from receiver.services.accounts.admitting import Admitting
from receiver.services.accounts.signing import ALGORITHM, Claims, Signer, load_key
from receiver.store import accounts
from tests.receiver.web.site import is_problem
from tests.security.conftest import PASSWORD, Door

ME = "/v1/accounts/me"


def part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def read_part(text: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


@pytest.fixture
def tokens(door: Door) -> dict[str, Any]:
    door.account("one")
    return door.tokens("one")


def test_a_login_gives_what_the_contract_says(door: Door, tokens: dict[str, Any]) -> None:
    assert tokens.keys() == {"access_token", "refresh_token", "expires_in", "role", "must_change"}
    assert (tokens["expires_in"], tokens["role"]) == (ACCESS_TIME.total_seconds(), "admin")
    assert door.asked(tokens["access_token"]).get_json()["username"] == "one"


def test_a_token_tells_nothing_but_the_login(tokens: dict[str, Any]) -> None:
    head, body, _ = tokens["access_token"].split(".")
    assert read_part(head) == {"alg": ALGORITHM, "typ": "JWT"}
    assert read_part(body).keys() == {"iss", "sub", "sid", "iat", "exp"}


def test_an_expired_token_is_told_from_a_wrong_one(door: Door) -> None:
    account = door.account("one")
    past = datetime.now(UTC) - ACCESS_TIME - timedelta(seconds=1)
    token = door.site.services.signer.access_token(Claims(1, account), past)
    answer = door.asked(token)
    assert is_problem(answer, 401, "token_expired")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_foreign_token_is_refused(door: Door, tokens: dict[str, Any]) -> None:
    body = read_part(tokens["access_token"].split(".")[1])
    foreign = Signer(b"another server's key" * 4).access_token(Claims(body["sid"], int(body["sub"])))
    assert is_problem(door.asked(foreign), 401, "token_invalid")


def test_a_tampered_token_is_refused(door: Door, tokens: dict[str, Any]) -> None:
    other = door.account("two")
    head, body, signature = tokens["access_token"].split(".")
    changed = part(read_part(body) | {"sub": str(other)})
    for token in (
        f"{head}.{changed}.{signature}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body}.",
        f"{head}.{body}",
    ):
        assert is_problem(door.asked(token), 401, "token_invalid")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS384", "HS512", "RS256", ""])
def test_the_algorithm_is_ours_whatever_the_head_says(door: Door, tokens: dict[str, Any], algorithm: str) -> None:
    _, body, signature = tokens["access_token"].split(".")
    head = part({"alg": algorithm, "typ": "JWT"})
    for token in (f"{head}.{body}.", f"{head}.{body}.{signature}"):
        assert is_problem(door.asked(token), 401, "token_invalid")


@pytest.mark.parametrize("missing", ["exp", "iat", "sub", "sid", "iss"])
def test_a_token_of_ours_must_be_whole(door: Door, tokens: dict[str, Any], missing: str) -> None:
    """Even one that is signed with our key."""
    body = read_part(tokens["access_token"].split(".")[1])
    key = door.site.services.signer._key
    whole = jwt.encode(body, key, ALGORITHM)
    assert door.asked(whole).status_code == 200
    del body[missing]
    assert is_problem(door.asked(jwt.encode(body, key, ALGORITHM)), 401, "token_invalid")


@pytest.mark.parametrize("values", [{"iss": "another"}, {"sid": "one"}, {"sub": "x"}, {"sid": None}, {"sid": [1]}])
def test_a_token_that_says_nonsense_is_refused(door: Door, tokens: dict[str, Any], values: dict[str, Any]) -> None:
    body = read_part(tokens["access_token"].split(".")[1]) | values
    assert is_problem(door.asked(jwt.encode(body, door.site.services.signer._key, ALGORITHM)), 401, "token_invalid")


def test_a_login_of_somebody_else_is_not_taken_over(door: Door, tokens: dict[str, Any]) -> None:
    """Signed with our key: the login and the account must belong together."""
    other = door.account("two")
    session = read_part(tokens["access_token"].split(".")[1])["sid"]
    forged = door.site.services.signer.access_token(Claims(session, other))
    assert is_problem(door.asked(forged), 401, "login_ended")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic YWRtaW46YWRtaW4=",
        "bearer x",
        "Bearer a.b.c",
        "Bearer \u00e9",
        "Token abc",
        "Bearer gk_1_x",
    ],
)
def test_other_headers_are_refused_without_a_failure(door: Door, header: str) -> None:
    answer = door.stranger.get(ME, headers={"Authorization": header})
    assert is_problem(answer, 401, "token_invalid")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


SEGMENTS = st.one_of(
    st.sampled_from(["", "e30", "bnVsbA", "W10", "MQ", "IiI", "eyJhbGciOm51bGx9", "eyJhbGciOltdfQ", "eyJhbGciOnt9fQ"]),
    st.binary(max_size=40).map(lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5).map(
        lambda value: part({"alg": value, "crit": value, "b64": value, "kid": value, "typ": value})
    ),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=60),
        st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda parts: "Bearer " + ".".join(parts)),
        st.tuples(st.sampled_from(["gk", "gr", "gs"]), st.integers(), st.text("0123456789abcdef.", max_size=140)).map(
            lambda parts: f"Bearer {parts[0]}_{parts[1]}_{parts[2]}"
        ),
    )
)
def test_whatever_stands_in_the_header_nobody_is_let_in_and_nothing_fails(shared_door: Door, header: str) -> None:
    answer = shared_door.stranger.get(ME, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.get_json(force=True)["reason"] in {"token_invalid", "token_expired"}


@pytest.mark.parametrize("depth", [300, 5_000, 40_000])
def test_a_token_that_nests_deep_is_refused(door: Door, depth: int) -> None:
    nested = base64.urlsafe_b64encode(b"[" * depth).rstrip(b"=").decode()
    for token in (f"{nested}.e30.x", f"{part({'alg': ALGORITHM})}.{nested}.x"):
        assert is_problem(door.asked(token), 401, "token_invalid")


def test_a_wrong_header_is_not_made_up_for_by_a_cookie(door: Door) -> None:
    door.account("one")
    browser, _ = door.browser("one")
    assert is_problem(browser.get(ME, headers={"Authorization": "Bearer x.y.z"}), 401, "token_invalid")


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(door: Door, tokens: dict[str, Any]) -> None:
    assert is_problem(door.asked(tokens["refresh_token"]), 401, "token_invalid")
    sent = {"refresh_token": tokens["access_token"]}
    assert is_problem(door.stranger.post("/v1/refresh", json=sent), 401, "token_invalid")


def refreshed(door: Door, token: str) -> Any:
    return door.stranger.post("/v1/refresh", json={"refresh_token": token})


def test_refreshing_gives_another_pair(door: Door, tokens: dict[str, Any]) -> None:
    second = refreshed(door, tokens["refresh_token"]).get_json()
    assert second["refresh_token"] != tokens["refresh_token"]
    assert door.asked(second["access_token"]).status_code == 200
    assert refreshed(door, second["refresh_token"]).status_code == 200


def test_a_refresh_token_that_was_used_ends_the_whole_login(any_door: Door) -> None:
    any_door.account("one")
    first = any_door.tokens("one")
    second = refreshed(any_door, first["refresh_token"]).get_json()
    assert is_problem(refreshed(any_door, first["refresh_token"]), 401, "token_reused")
    # The thief's and the owner's alike.
    assert is_problem(refreshed(any_door, second["refresh_token"]), 401, "login_ended")
    assert is_problem(any_door.asked(second["access_token"]), 401, "login_ended")
    assert is_problem(any_door.asked(first["access_token"]), 401, "login_ended")


def test_other_logins_go_on_when_one_was_stolen(door: Door, tokens: dict[str, Any]) -> None:
    other = door.tokens("one")
    refreshed(door, tokens["refresh_token"])
    refreshed(door, tokens["refresh_token"])
    assert door.asked(other["access_token"]).status_code == 200


def test_of_two_who_refresh_at_once_one_is_given_tokens_and_the_login_ends(any_door: Door) -> None:
    any_door.account("one")
    token = any_door.tokens("one")["refresh_token"]
    answers: list[int] = []
    barrier = threading.Barrier(4)

    def refresh() -> None:
        barrier.wait()
        answers.append(refreshed(any_door, token).status_code)

    threads = [threading.Thread(target=refresh) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answers) == [200, 401, 401, 401]


def test_nobody_can_end_a_login_whose_tokens_he_never_had(door: Door, tokens: dict[str, Any]) -> None:
    number = tokens["refresh_token"].split("_")[1]
    forged = f"gr_{number}_{'0' * 64}.{'0' * 64}"
    assert is_problem(refreshed(door, forged), 401, "login_ended")
    assert refreshed(door, tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    "token", ["", "x", "gr_1_2", "gr_99999999999999999999_" + "0" * 64, "gk_1_" + "0" * 64, "\x00"]
)
def test_what_is_no_refresh_token_is_refused(door: Door, token: str) -> None:
    assert refreshed(door, token).status_code in {401, 422}


def test_logging_out_ends_both_tokens(door: Door, tokens: dict[str, Any]) -> None:
    assert door.asked(tokens["access_token"], "/v1/logout", "POST").status_code == 204
    assert is_problem(door.asked(tokens["access_token"]), 401, "login_ended")
    assert is_problem(refreshed(door, tokens["refresh_token"]), 401, "login_ended")


def test_a_login_that_was_not_used_for_long_has_ended(door: Door, tokens: dict[str, Any]) -> None:
    with door.site.store.write() as tx:
        accounts.change_login(tx, 1, {"expires_at": datetime.now(UTC)})
    door.site.services.admitting.forget()
    assert is_problem(door.asked(tokens["access_token"]), 401, "login_ended")
    assert is_problem(refreshed(door, tokens["refresh_token"]), 401, "login_ended")


def test_refreshing_for_ever_ends_some_day(door: Door, tokens: dict[str, Any]) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=179, hours=23)
    with door.site.store.write() as tx:
        accounts.change_login(tx, 1, {"created_at": long_ago})
    assert refreshed(door, tokens["refresh_token"]).status_code == 200
    with door.site.store.read() as tx:
        row = accounts.find_login(tx, 1)
    assert row is not None
    assert row.expires_at == long_ago + timedelta(days=180)


def test_what_another_process_ends_is_remembered_here_for_a_second_at_most(
    door: Door, tokens: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    here = Admitting(door.site.store, door.site.services.signer)
    assert here.by_access_token(tokens["access_token"]).name == "one"
    door.asked(tokens["access_token"], "/v1/logout", "POST")
    now[0] += 0.9
    assert here.by_access_token(tokens["access_token"]).name == "one"
    now[0] += 0.2
    with pytest.raises(NotLoggedIn):
        here.by_access_token(tokens["access_token"])


def test_what_is_remembered_is_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    here = Admitting(door.site.store, door.site.services.signer)
    for number in range(1, 9):
        with pytest.raises(NotLoggedIn):
            here.by_cookie(f"gs_{number}_{'0' * 64}")
    assert len(here._known) <= 3


def test_a_new_role_holds_for_tokens_that_are_out_already(door: Door) -> None:
    account = door.account("one", Role.GUARD)
    token = door.tokens("one")["access_token"]
    assert door.asked(token, "/v1/people", "POST").status_code == 403
    changed = door.client().patch(f"/v1/accounts/{account}", json={"role": "registrar"})
    assert changed.status_code == 200
    assert door.asked(token, "/v1/people", "POST").status_code != 403


def test_the_signing_key_is_made_once_for_all_and_for_nobody_else_to_read(door: Door) -> None:
    folder = door.site.services.settings.data_dir
    path = folder / "secrets" / "signing.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert load_key(folder) == path.read_bytes()
    assert len(set(path.read_bytes())) > 20
    assert [each.name for each in path.parent.iterdir()] == ["signing.key"]


def test_of_several_processes_that_start_at_once_all_take_one_key(tmp_path: Any) -> None:
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def load() -> None:
        barrier.wait()
        found.append(load_key(tmp_path))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_tokens_outlive_a_restart(door: Door, tokens: dict[str, Any]) -> None:
    again = Admitting(door.site.store, Signer(load_key(door.site.services.settings.data_dir)))
    assert again.by_access_token(tokens["access_token"]).name == "one"


def test_nothing_secret_is_kept_as_it_is(door: Door, tokens: dict[str, Any]) -> None:
    key = door.asked(tokens["access_token"], "/v1/keys", "POST", json={"name": "k", "scopes": ["*"]}).get_json()["key"]
    kept = b"".join(path.read_bytes() for path in door.site.services.settings.data_dir.glob("gatehouse.sqlite*"))
    assert b"argon2id" in kept
    secrets = [PASSWORD, tokens["access_token"], *tokens["refresh_token"].split("_")[2].split("."), key.split("_")[2]]
    assert not [each for each in secrets if each.encode() in kept]
