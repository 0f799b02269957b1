"""devices: trusting, blocking and keys from the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver import bootstrap
from receiver.cli import cli
from receiver.settings import Settings
from receiver.web.device_paths import split_key
from tests.made_stores import made_house
from tests.receiver.boxes import HISTORY, LICENCE, history


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEHOUSE_DATA_DIR", "data")
    monkeypatch.setenv("GATEHOUSE_RECOGNITION", "off")
    house = made_house(Settings(data_dir=Path("data"), recognition="off"))
    bootstrap.make_intake(house).record([history(1), history(2)], HISTORY)
    house.close()


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli, ("devices", *arguments))
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def test_a_device_is_listed_trusted_and_blocked() -> None:
    line = run("list", "--state", "pending")
    assert f"1  pending  licence:{LICENCE}@10.0.0.9, at 10.0.0.9, nobody has trusted it" in line
    assert "2 events wait" in line
    said = run("trust", "1", "--address", "10.0.0.0/24")
    assert "is trusted at 10.0.0.0/24" in said
    assert "sent before (events: 2)" in said
    assert "None is pending." in run("list", "--state", "pending")
    assert "is blocked" in run("block", "1")
    assert "1  blocked" in run("list")


def test_a_key_is_shown_once_and_taken_away() -> None:
    said = run("key", "1")
    key = said.splitlines()[1].strip()
    address = next(line.strip() for line in said.splitlines() if "/in/" in line)
    assert split_key(address.removeprefix("http://<server>:9528")) == ("/HistoryEvent", key)
    assert "by key" in run("list")
    assert key not in run("list")
    assert "licence and address again" in run("key", "1", "--remove")
    assert "by certificate" not in run("list")
    run("key", "1", "--certificate", "CN=north")
    assert "by certificate" in run("list")
    run("key", "1", "--certificate", "x", "--remove", code=2)


def test_a_device_signs_with_a_secret_that_is_shown_once_or_given() -> None:
    secret = run("secret", "1").splitlines()[2].strip()
    assert secret.startswith("whsec_")
    assert "by signature" in run("list")
    assert secret not in run("list")
    own = "whsec_" + "b" * 44
    given = CliRunner().invoke(cli, ("devices", "secret", "1", "--given"), input=f"{own}\n")
    assert given.exit_code == 0
    assert own not in given.output
    run("secret", "99", code=1)
    assert "licence and address again" in run("key", "1", "--remove")
    assert "by signature" not in run("list")


def test_a_hub_is_written_down_before_it_speaks() -> None:
    assert "Device 2 is trusted at 10.7.0.1." in run("add", "--name", "other site", "--address", "10.7.0.1", "--hub")
    assert "a hub" in run("list", "--state", "trusted")
    assert "`devices key 3`" in run("add", "--name", "by key")


def test_with_secret_a_trusted_device_still_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_DEVICE_TRUST", "secret")
    assert "`devices key 1`" in run("trust", "1")


def test_what_is_wrong_is_told_with_what_would_do() -> None:
    assert "`devices list` shows all of them" in run("trust", "77", code=1)
    assert "10.0.0.0/24, or any" in run("trust", "1", "--address", "box", code=1)
