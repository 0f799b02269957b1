"""accounts and keys on the command line, and what the first start makes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from receiver import bootstrap, cli
from receiver.assembly import entrance
from receiver.assembly.house import House
from receiver.domain.accounts import Role
from receiver.domain.errors import SetupError
from receiver.settings import Settings
from receiver.store import accounts
from tests.made_stores import made_house

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the checkout or of this shell."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(f"GATEHOUSE_{name.upper()}", raising=False)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = made_house(Settings(data_dir=tmp_path / "data", recognition="off"))
    yield opened
    opened.close()


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(cli.cli, arguments, input=given)


def said(*arguments: str, given: str | None = None) -> str:
    result = run(*arguments, given=given)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def refused(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    return result.output


def may_log_in(house: House, name: str, password: str) -> bool:
    client = bootstrap.make_app(house).test_client()
    return client.post("/v1/login", json={"username": name, "password": password}).status_code == 200


def one_time(text: str) -> str:
    return text.partition("shown this once: ")[2].split()[0]


def test_the_first_start_makes_an_administrator_with_a_password_told_once(house: House) -> None:
    made = entrance.first_start(house)
    assert made is not None
    assert made.password is not None
    assert len(made.password) == 19
    assert entrance.first_start(house) is None
    with house.store.read() as tx:
        row = accounts.named(tx, "admin")
    assert row is not None
    assert (row.role, row.must_change) == (Role.ADMIN, True)
    assert may_log_in(house, "admin", made.password)


def test_no_two_installations_have_the_same_password(tmp_path: Path) -> None:
    found = set()
    for number in range(3):
        opened = made_house(Settings(data_dir=tmp_path / str(number), recognition="off"))
        made = entrance.first_start(opened)
        found.add(None if made is None else made.password)
        opened.close()
    assert len(found) == 3
    assert None not in found


def test_a_given_password_need_not_be_changed(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", recognition="off", admin_password=PASSWORD)
    opened = bootstrap.open_house(settings)
    made = entrance.first_start(opened)
    assert made is not None
    assert made.password is None
    client = bootstrap.make_app(opened).test_client()
    answer = client.post("/v1/login", json={"username": "admin", "password": PASSWORD})
    assert (answer.status_code, answer.get_json()["must_change"]) == (200, False)
    opened.close()


def test_a_given_password_that_will_not_do_stops_the_start(tmp_path: Path) -> None:
    opened = bootstrap.open_house(Settings(data_dir=tmp_path / "data", recognition="off", admin_password="admin"))
    with pytest.raises(SetupError, match="GATEHOUSE_ADMIN_PASSWORD") as caught:
        entrance.first_start(opened)
    assert caught.value.reason == "weak_password"
    opened.close()


def test_an_installation_without_an_administrator_gets_one(house: House) -> None:
    said("accounts", "add", "viewer1", "--role", "viewer")
    assert entrance.first_start(house) is not None


def test_an_account_is_made_with_a_one_time_password(house: House) -> None:
    text = said("accounts", "add", "Guard1", "--role", "guard", "--list", "visitor", "--gate", "3")
    assert may_log_in(house, "guard1", one_time(text))
    assert "first password" in said("accounts", "list")
    assert "gates: 3, lists: visitor" in said("accounts", "list")


def test_a_password_can_be_asked_for_or_read_from_a_file(house: House, tmp_path: Path) -> None:
    said("accounts", "add", "one", "--role", "admin", "--ask", given=f"{PASSWORD}\n{PASSWORD}\n")
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD} two\n")
    said("accounts", "add", "two", "--role", "guard", "--password-file", str(file))
    assert may_log_in(house, "one", PASSWORD)
    assert may_log_in(house, "two", f"{PASSWORD} two")
    assert "first password" not in said("accounts", "list")


def test_a_lost_password_is_made_anew(house: House) -> None:
    entrance.first_start(house)
    assert may_log_in(house, "admin", one_time(said("accounts", "passwd", "admin")))


def test_roles_limits_and_states_are_changed(house: House) -> None:
    entrance.first_start(house)
    text = said("accounts", "add", "one", "--role", "viewer")
    assert "registrar now" in said("accounts", "role", "one", "registrar")
    assert "sees only lists staff visitor" in said("accounts", "limit", "one", "--list", "visitor", "--list", "staff")
    assert "sees everything" in said("accounts", "limit", "one")
    said("accounts", "disable", "one")
    assert not may_log_in(house, "one", one_time(text))
    said("accounts", "disable", "one", "--undo")
    assert may_log_in(house, "one", one_time(text))
    said("accounts", "remove", "one")
    assert "one" not in said("accounts", "list")


@pytest.mark.parametrize("change", [("disable", "admin"), ("remove", "admin"), ("role", "admin", "guard")])
def test_the_last_administrator_stays(house: House, change: tuple[str, ...]) -> None:
    entrance.first_start(house)
    assert "last administrator" in refused("accounts", *change)


def test_what_will_not_do_is_told_in_a_sentence(house: House) -> None:
    assert "no account nobody" in refused("accounts", "passwd", "nobody")
    assert "no account nobody" in refused("keys", "add", "nobody", "x", "--scope", "events")
    assert "no key 7" in refused("keys", "revoke", "7")
    assert "1 to 64 characters" in refused("accounts", "add", "../x", "--role", "guard")


def test_nobody_is_told_what_to_do(house: House) -> None:
    assert "first start" in said("accounts", "list")


def test_failures_are_forgotten(house: House) -> None:
    entrance.first_start(house)
    assert [may_log_in(house, "admin", "a wrong password") for _ in range(6)] == [False] * 6
    password = one_time(said("accounts", "passwd", "admin"))
    assert not may_log_in(house, "admin", password)
    said("accounts", "unlock")
    assert may_log_in(house, "admin", password)


def test_a_key_is_made_shown_once_and_revoked(house: House) -> None:
    said("accounts", "add", "one", "--role", "viewer", "--ask", given=f"{PASSWORD}\n{PASSWORD}\n")
    text = said("keys", "add", "one", "a script", "--scope", "events:read", "--days", "30")
    key = next(line for line in text.splitlines() if line.startswith("gk_"))
    client = bootstrap.make_app(house).test_client()
    assert client.get("/v1/events", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert key not in said("keys", "list")
    assert "events:read" in said("keys", "list")
    said("keys", "revoke", "1")
    assert "revoked" in said("keys", "list")
    fresh = bootstrap.make_app(house).test_client()
    assert fresh.get("/v1/events", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_a_key_of_a_scope_that_is_none_is_refused(house: House) -> None:
    entrance.first_start(house)
    assert "scope" in refused("keys", "add", "admin", "x", "--scope", "Every Thing")
