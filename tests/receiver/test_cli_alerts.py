"""alerts and rules: what a person should look at, and when, from the command line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from receiver.assembly.alarms import make_alerting
from receiver.bootstrap import open_house
from receiver.cli import alerting, cli
from receiver.domain.alerts import NewAlert, Severity, Source
from receiver.settings import Settings
from schemas import alerts as schemas
from tests.receiver.alarms import NOW


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEHOUSE_DATA_DIR", "data")
    house = open_house(Settings(data_dir=tmp_path / "data"))
    make_alerting(house).open(NewAlert("door", Severity.CRITICAL, Source.PROGRAM, NOW, title="Door 3 was forced"))
    house.close()


def said(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 1, (result.output, result.exception)
    return result.output


def test_the_words_are_those_of_the_interface() -> None:
    assert set(alerting.STATES) == {*schemas.STATES, "any"}
    assert (alerting.SEVERITIES, alerting.OUTCOMES) == (schemas.SEVERITIES, schemas.OUTCOMES)


def test_an_alert_is_seen_answered_and_closed() -> None:
    assert "critical" in said("alerts", "list")
    said("alerts", "acknowledge", "1", "--note", "going")
    assert "acknowledged" in said("alerts", "list")
    said("alerts", "comment", "1", "nothing broken")
    said("alerts", "assign", "1")
    said("alerts", "close", "1", "--outcome", "test")
    assert said("alerts", "list") == "No alerts.\n"
    assert "closed" in said("alerts", "list", "--state", "any")
    shown = said("alerts", "show", "1")
    for part in ("Door 3 was forced", "acknowledged by account", ": going", ": nothing broken", "closed as test"):
        assert part in shown
    assert "by outcome: test 1" in said("alerts", "statistics")


def test_what_cannot_be_done_is_said() -> None:
    assert "there is no alert" in refused("alerts", "show", "9")
    assert "there is no account named nobody" in refused("alerts", "assign", "1", "nobody")
    said("alerts", "close", "1", "--outcome", "test")
    assert "closed" in refused("alerts", "close", "1", "--outcome", "test")


def test_a_rule_is_made_from_a_file_changed_tried_and_removed(tmp_path: Path) -> None:
    file = tmp_path / "rule.json"
    file.write_text(json.dumps({"name": "Strangers at night", "conditions": {"lists": ["stranger"]}}))
    assert said("rules", "add", str(file)) == "Rule 4 is made.\n"
    assert "Strangers at night" in said("rules", "list")
    assert json.loads(said("rules", "show", "4"))["conditions"] == {"lists": ["stranger"]}
    file.write_text(json.dumps({"severity": "info"}))
    said("rules", "change", "4", str(file))
    said("rules", "off", "4")
    assert "   4  off  info" in said("rules", "list")
    said("rules", "on", "4")
    assert "0 events; 0 are what the rule asks for: 0 alerts." in said("rules", "try", "4")
    said("rules", "remove", "4")
    assert "there is no rule" in refused("rules", "show", "4")


def test_what_is_no_rule_is_said(tmp_path: Path) -> None:
    file = tmp_path / "rule.json"
    for text, sentence in (
        ("{", "is no JSON document"),
        ("{}", "does not fit"),
        ('{"name": "x", "lists": []}', "does not fit"),
        ('{"name": "x", "trigger": "device_silent"}', "needs the condition after_seconds"),
        ("[" * 30_000, "is no JSON document"),
        ("x" * 70_000, "is too large to be a rule"),
    ):
        file.write_text(text)
        assert sentence in refused("rules", "add", str(file))
    assert "switch it off instead" in refused("rules", "remove", "1")
    assert "only rules about events" in refused("rules", "try", "3")
