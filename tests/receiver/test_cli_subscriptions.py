"""subscriptions and deliveries from the command line: made, shown, changed, sent once more."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from receiver.bootstrap import House, open_house
from receiver.cli import cli
from receiver.settings import Settings
from tests.receiver.bad_receiver import BadReceiver, Behaviour
from tests.receiver.boxes import HISTORY, history, open_intake
from tests.receiver.teller import Clock, forwarder_of

HUB = "url=http://hub.example/HistoryEvent"


@pytest.fixture(autouse=True)
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GATEHOUSE_DATA_DIR", "data")
    monkeypatch.setenv("GATEHOUSE_RECOGNITION", "off")
    monkeypatch.setenv("GATEHOUSE_TIMEZONE", "Europe/Paris")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = open_house(Settings(data_dir=tmp_path / "data", recognition="off"))
    yield opened
    opened.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def refused(*arguments: str, code: int = 1) -> str:
    result = run(*arguments)
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def happens(house: House, folder: Path, count: int) -> None:
    with open_intake(house.store, folder, is_recognising=False) as intake:
        for number in range(count):
            intake.record([history(number)], HISTORY)


def test_where_nobody_has_subscribed_that_is_told() -> None:
    assert said("subscriptions", "list") == "There is none.\n"
    assert said("deliveries", "list") == "There is none.\n"
    assert "no subscription 7" in refused("subscriptions", "show", "7")
    assert "no delivery 7" in refused("deliveries", "show", "7")


def test_everything_can_be_said_of_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "template").write_text("{{ data.id }}")
    (tmp_path / "token").write_text("very secret\n")
    assert "Subscription 1 is made" in said(
        *("subscriptions", "add", "night shift", "--target", HUB, "--header", "X-Site=north"),
        *("--secret-file", f"token={tmp_path / 'token'}", "--list", "blacklist", "--list", "stranger", "--device", "3"),
        *(
            "--kind",
            "escalated",
            "--severity",
            "critical",
            "--min-score",
            "0.5",
            "--window",
            "22:00-05:30",
            "--template-file",
            str(tmp_path / "template"),
        ),
        *("--pictures", "none", "--batch", "20", "--rate", "60", "--unordered", "--paused"),
    )
    text = said("subscriptions", "show", "1")
    for word in (
        "night shift", "paused", "url http://hub.example/HistoryEvent", "X-Site ***", "secrets: token", "lists blacklist stranger",
        "devices 3", "kinds escalated", "severities critical", "min_score 0.5", "kind window", "window_from 22:00", "window_to 05:30", "timezone Europe/Paris",
        "format: template", "template: {{ data.id }}", "pictures: none", "batch size: 20", "rate per minute: 60", "ordered: False",
    ):  # fmt: skip
        assert word in text, word
    assert "very secret" not in text


def test_one_is_changed_paused_and_resumed_and_taken_away() -> None:
    said("subscriptions", "add", "hub", "--target", HUB)
    said("subscriptions", "change", "1", "--name", "the hub", "--cron", "0 2 * * *", "--timezone", "Asia/Shanghai")
    text = said("subscriptions", "show", "1")
    assert "the hub" in text
    assert "cron 0 2 * * *" in text
    assert "timezone Asia/Shanghai" in text
    said("subscriptions", "change", "1", "--every", "0")
    assert "kind now" in said("subscriptions", "show", "1")
    for command, state in (("pause", "paused"), ("disable", "disabled"), ("resume", "enabled")):
        said("subscriptions", command, "1")
        assert state in said("subscriptions", "list")
    said("subscriptions", "remove", "1")
    assert said("subscriptions", "list") == "There is none.\n"


def test_the_signing_secret_is_shown_once_and_changed() -> None:
    first = re.findall(r"whsec_\S+", said("subscriptions", "add", "hub", "--target", HUB, "--signed"))
    second = re.findall(r"whsec_\S+", said("subscriptions", "secret", "1"))
    assert len(first) == len(second) == 1
    assert first != second
    shown = said("subscriptions", "show", "1") + said("subscriptions", "list")
    assert first[0] not in shown
    assert second[0] not in shown


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        (("--target", "url=gopher://x"), 1, "http"),
        (("--target", "nonsense"), 2, "NAME=VALUE"),
        ((), 1, "url must be given"),
        (("--target", HUB, "--every", "5", "--cron", "* * * * *"), 2, "give one of"),
        (("--target", HUB, "--cron", "nonsense"), 1, "five fields"),
        (("--target", HUB, "--window", "nonsense"), 1, "time of day"),
        (("--target", HUB, "--batch", "0"), 1, "batch_size"),
        (("--target", HUB, "--min-score", "7"), 1, "min_score"),
        (("--channel", "mqtt", "--target", "host="), 1, "host must be given"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(options: tuple[str, ...], code: int, word: str) -> None:
    assert word in refused("subscriptions", "add", "x", *options, code=code)
    assert said("subscriptions", "list") == "There is none.\n"


def test_a_change_of_nothing_is_refused() -> None:
    said("subscriptions", "add", "hub", "--target", HUB)
    assert "at least one thing" in refused("subscriptions", "change", "1")


def test_deliveries_are_listed_shown_with_every_try_and_retried(house: House, tmp_path: Path) -> None:
    clock = Clock()
    with BadReceiver([Behaviour.FAILS], clock=clock) as receiver:
        # The command line may name any address.
        said("subscriptions", "add", "hub", "--target", f"url={receiver.url}")
        happens(house, tmp_path, 2)
        receiver.refused = {1}
        with forwarder_of(house.store, tmp_path, clock) as forwarding:
            for _ in range(8):
                clock.passes(minutes=1)
                forwarding.send_due()
        listed = said("deliveries", "list")
        assert "event 1        dead" in listed
        assert "event 2        delivered" in listed
        shown = said("deliveries", "show", "1")
        assert "unreachable HTTP 500" in shown
        assert shown.count("refused HTTP 400") == 3
        assert "event 2" not in said("deliveries", "list", "--state", "dead")
        assert "... and more" in said("deliveries", "list", "--limit", "1")
        assert "once more: 1." in said("deliveries", "retry", "1")
        assert "once more: 0." in said("deliveries", "retry", "--subscription", "1", "--from", "2000-01-01")
        assert "give ids" in refused("deliveries", "retry", code=2)
        assert "1 waiting, 1 delivered, 0 dead" in said("subscriptions", "list")


def test_past_events_are_previewed_and_sent_once_more(house: House, tmp_path: Path) -> None:
    happens(house, tmp_path, 3)
    said("subscriptions", "add", "hub", "--target", HUB)
    assert '"identity_id":"E1007"' in said("subscriptions", "preview", "1", "2").replace(": ", ":")
    assert "once more: 1." in said("subscriptions", "replay", "1", "--event", "2")
    assert "is begun" in said("subscriptions", "replay", "1", "--from", "2000-01-01", "--list", "staff")
    assert "no event 9" in refused("subscriptions", "preview", "1", "9")
    assert "no event 9" in refused("subscriptions", "replay", "1", "--event", "9")
    assert "say which" in refused("subscriptions", "replay", "1")


def test_check_tells_of_what_sends_nothing_and_why(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEHOUSE_DISK_RESERVE", "1")
    monkeypatch.setenv("GATEHOUSE_PORT", "1024")
    monkeypatch.setenv("GATEHOUSE_HOST", "127.0.0.1")
    clock = Clock()
    with BadReceiver(usual=Behaviour.FAILS, clock=clock) as receiver:
        said("subscriptions", "add", "broken", "--target", f"url={receiver.url}")
        said("subscriptions", "add", "resting", "--target", HUB, "--paused")
        happens(house, tmp_path, 1)
        assert "broken" not in said("check")
        with forwarder_of(house.store, tmp_path, clock) as forwarding:
            for _ in range(8):
                clock.passes(minutes=1)
                forwarding.send_due()
        text = refused("check")
        assert "FAIL  subscription 1, broken, is failing (unreachable: HTTP 500: {}); 1 deliveries wait" in text
        assert "ok    subscription 2, resting, is paused; 1 deliveries wait" in text
