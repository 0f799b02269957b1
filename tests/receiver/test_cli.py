"""The command line, where no process of its own is needed."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from receiver import cli
from receiver.bootstrap import make_local_people
from receiver.cli import COMMANDS
from receiver.services.people.people import People
from receiver.settings import Settings
from receiver.store import outbox
from receiver.store.pictures import Pictures
from receiver.store.store import Store, open_store
from tests.made_stores import made_store
from tests.receiver.boxes import HISTORY, history, jpeg, open_intake
from tests.receiver.faces import MODEL, PreparedEngine, face_of, gate_of, read_prepared, sighting


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the checkout or of this shell."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.__dataclass_fields__:
        monkeypatch.delenv(f"GATEHOUSE_{name.upper()}", raising=False)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The prepared engine in place of dlib."""
    engine = PreparedEngine()
    for number in (1, 2):
        engine.prepare(number, [sighting(face_of(number))])

    def made(house: object) -> People:
        store: Store = house.store  # type: ignore[attr-defined]
        see = lambda data: engine.sightings(read_prepared(data))  # noqa: E731
        return People(store, Pictures(store.pictures), see, 1_000_000, gate_of())

    assert callable(make_local_people)
    monkeypatch.setattr("receiver.bootstrap.make_local_people", made)
    monkeypatch.setenv("GATEHOUSE_MODEL", MODEL)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Store]:
    """The store of the commands' data folder."""
    store = made_store(tmp_path / "data")
    yield store
    store.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.cli, arguments)


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_every_command(option: str) -> None:
    text = said(option)
    assert [name for name in COMMANDS if f"\n  {name} " not in text] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    assert "Usage:" in said(name, "--help")


def test_an_unknown_command_and_a_bad_setting_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (run("serv").exit_code, "No such command" in run("serv").output) == (2, True)
    bad = run("settings", "--data-dir", "d", "--log-format", "xml")
    assert (bad.exit_code, "GATEHOUSE_LOG_FORMAT" in bad.output) == (1, True)
    monkeypatch.setenv("GATEHOUSE_PROT", "1")
    assert "did you mean GATEHOUSE_PORT" in run("settings").output


@pytest.mark.parametrize(
    ("given", "expected"),
    [([], []), (["--port", "81"], ["--port", "81"]), (["serve", "--echo"], ["--echo"])],
)  # fmt: skip
def test_without_a_command_it_serves(monkeypatch: pytest.MonkeyPatch, given: list[str], expected: list[str]) -> None:
    called: list[tuple[list[str], list[str]]] = []

    def start(names: list[str], arguments: list[str]) -> int:
        called.append((names, arguments))
        return 7

    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "metrics")
    monkeypatch.setattr("receiver.cli.parent.may_listen", lambda _host, _port: None)
    monkeypatch.setattr("receiver.cli.parent.run", start)
    monkeypatch.setattr("os.umask", lambda _mask: 0)
    with pytest.raises(SystemExit) as ended:
        cli.main(given)
    assert ended.value.code == 7
    assert called == [(["web", "worker"], expected)]


def test_a_server_that_neither_recognises_nor_forwards_has_a_worker_that_erases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    called: list[list[str]] = []
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "metrics")
    monkeypatch.setattr("receiver.cli.parent.may_listen", lambda _host, _port: None)
    monkeypatch.setattr("receiver.cli.parent.run", lambda names, _arguments: called.append(names))
    for more in ([], ["--upstream-url", "http://a.example"]):
        CliRunner().invoke(cli.cli, ["serve", "--recognition", "off", *more])
    assert called == [["web", "worker"]] * 2


@pytest.mark.usefixtures("library")
def test_people_are_added_and_listed(tmp_path: Path) -> None:
    assert "Nobody yet" in said("people", "list")
    for number in (1, 9):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(number))
    text = said("people", "add", "Ann Example", "1.jpg", "9.jpg", "--list", "vip", "--external-id", "E1")
    assert "Ann Example is enrolled as person 1" in text
    assert "1.jpg: used" in text
    assert "9.jpg: not used, no_face" in text
    assert "Ann Example  (E1)" in said("people", "list", "--list", "vip")
    assert "Nobody yet" in said("people", "list", "--list", "staff")


@pytest.mark.usefixtures("library")
def test_a_person_who_cannot_be_added_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "9.jpg").write_bytes(jpeg(9))
    refused = run("people", "add", "Ann Example", "9.jpg")
    assert (refused.exit_code, "no_face" in refused.output) == (1, True)
    assert run("people", "add", "Ann Example", "missing.jpg").exit_code == 2


def test_buried_tasks_are_listed_and_retried(opened: Store, tmp_path: Path) -> None:
    assert "Nothing is waiting" in said("tasks", "list")
    with open_intake(opened, tmp_path) as intake:
        intake.record([history(1), history(2)], HISTORY)
    with opened.write() as tx:
        outbox.bury(tx, 1, "gave_up: nul \\x00")
    text = said("tasks", "list")
    assert "recognise: 1 buried" in text
    assert "recognise: 1 waiting" in text
    assert "gave_up" in said("tasks", "list", "--state", "buried")
    assert "0 tasks" in said("tasks", "retry", "2")
    assert "1 tasks" in said("tasks", "retry", "1")
    with opened.read() as tx:
        assert dict(outbox.counts(tx)) == {("recognise", "waiting"): 2}
        due = outbox.next_due(tx, "recognise")
    assert due is not None
    assert due <= datetime.now(UTC)
    assert "0 tasks and 0 deliveries" in said("tasks", "retry", "--all")
    assert [run("tasks", "retry").exit_code, run("tasks", "retry", "1", "--all").exit_code] == [2, 2]


def test_settings_are_printed_with_secrets_starred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_ADMIN_PASSWORD", "s3cret")
    text = said("settings", "--database-url", "postgresql://user:s3cret@host/db")
    assert "s3cret" not in text
    assert "postgresql://user:***@host/db  [flag]" in text


def test_the_tables_are_made(tmp_path: Path) -> None:
    assert "up to date" in said("db", "upgrade", "--data-dir", str(tmp_path / "new"))
    store = open_store("", tmp_path / "new")
    assert store.is_current()
    store.close()


def test_a_check_says_what_is_missing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        where = ["--host", "127.0.0.1", "--port", port, "--recognition", "off"]
        result = run("check", *where, "--upstream-url", f"http://user:s3cret@127.0.0.1:{free_port()}/")
    assert result.exit_code == 1
    assert f"FAIL  port {port}" in result.output
    assert "does not answer" in result.output
    assert "s3cret" not in result.output
    assert run("check", "--database-url", "mysql://host/db", "--recognition", "off").exit_code == 1
    (tmp_path / "file").write_text("")
    blocked = run("check", "--data-dir", "file/inside", "--recognition", "off")
    assert (blocked.exit_code, "cannot be made" in blocked.output) == (1, True)


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def test_a_check_of_a_good_place_is_good() -> None:
    text = said("check", "--host", "127.0.0.1", "--port", str(free_port()), "--recognition", "off", "--data-dir", "new")
    assert "FAIL" not in text
    assert "database answers" in text


def test_a_check_loads_the_engine_and_says_what_to_expect_of_the_library() -> None:
    where = ["--host", "127.0.0.1", "--port", str(free_port()), "--data-dir", "new"]
    assert "recognition engine onnx, model dlib-resnet-v1+mirror\n" in said("check", *where)
    assert "The tables" in said("db", "upgrade", "--data-dir", "new")
    text = said("check", *where)
    assert "model dlib-resnet-v1+mirror: library of 0 people" in text
    assert "expected to miss" in text


def test_a_check_finds_a_model_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEHOUSE_MODEL", "somebody-elses")
    said("db", "upgrade")
    result = run("check", "--host", "127.0.0.1", "--port", str(free_port()))
    assert (result.exit_code, "nothing is known of the distances of somebody-elses" in result.output) == (1, True)


def test_enrolling_where_recognition_is_off_says_how_it_is_switched_on(tmp_path: Path) -> None:
    (tmp_path / "face.jpg").write_bytes(jpeg(1))
    folder = ("--data-dir", str(tmp_path / "off"), "--recognition", "off")
    result = run("people", "add", "Ann Example", str(tmp_path / "face.jpg"), *folder)
    assert result.exit_code == 1
    assert "--recognition onnx switches it on" in result.output
    assert "Ann Example is enrolled as person 1." in said("people", "add", "Ann Example", *folder)
