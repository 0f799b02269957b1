"""Logs: one line a request in both forms, which nothing from outside can forge, and no secrets in tracebacks."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from receiver import logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Logging is the process's own: what a test sets up is taken back."""
    logs._LINES.flush()
    root, config, is_json = logging.getLogger(), structlog.get_config(), logs._Lines.is_json
    handlers, level = root.handlers[:], root.level
    yield
    logs._LINES.flush()
    for each in [each for each in root.handlers if each not in handlers]:
        root.removeHandler(each)
    root.handlers[:], root.level = handlers, level
    logs._Lines.is_json = is_json
    structlog.configure(**config)


FACTS = {"method": "POST", "status": 200, "ms": 1.5, "bytes": 2, "peer": "10.0.0.9"}


def request_lines(capsys: pytest.CaptureFixture[str], form: str, path: str) -> list[str]:
    capsys.readouterr()
    logs.configure(form)
    logs.request_line(path, FACTS)
    logs._LINES.flush()
    return capsys.readouterr().err.split("\n")


def test_a_request_is_one_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    line, end = request_lines(capsys, "text", "/HistoryEvent")
    assert end == ""
    assert "event=request path=/HistoryEvent method=POST status=200 ms=1.5 bytes=2 peer=10.0.0.9" in line


def test_a_request_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    line, end = request_lines(capsys, "json", "/HistoryEvent")
    assert end == ""
    document = json.loads(line)
    assert document.pop("timestamp").endswith("Z")
    assert document == {"level": "info", "event": "request", "path": "/HistoryEvent", **FACTS}


ODD = [
    "/a\nlevel=error event=forged",
    "/a\r\nb",
    "/a\x1b[2J",
    "/a\u2028b",
    "/a b=c",
    "/\x00",
    "/é",
    "/\ud800",
    "/'\"\\",
]


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("path", ODD)
def test_a_path_cannot_forge_a_line(capsys: pytest.CaptureFixture[str], form: str, path: str) -> None:
    line, end = request_lines(capsys, form, path)
    assert end == ""
    assert line.splitlines() == [line]
    assert line.replace("é", "").isprintable()
    if form == "json":
        assert json.loads(line)["status"] == 200


@pytest.mark.parametrize("form", ["text", "json"])
def test_lines_wait_for_each_other_and_a_warning_brings_all(capsys: pytest.CaptureFixture[str], form: str) -> None:
    capsys.readouterr()
    logs.configure(form)
    log = structlog.get_logger("test")
    log.info("first")
    logs.request_line("/second", FACTS)
    log.warning("third", text="a\nlevel=error")
    lines = capsys.readouterr().err.splitlines()
    assert [word for line in lines for word in ("first", "second", "third") if word in line] == [
        "first",
        "second",
        "third",
    ]
    assert len(lines) == 3


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_shows_no_local_values(capsys: pytest.CaptureFixture[str], form: str) -> None:
    def fail() -> None:
        secret_value = "s3cret" + str(1)
        raise ZeroDivisionError(len(secret_value))

    capsys.readouterr()
    logs.configure(form)
    try:
        fail()
    except ZeroDivisionError:
        structlog.get_logger("test").exception("failed")
    text = capsys.readouterr().err
    assert "ZeroDivisionError" in text
    assert "in fail" in text or '"name":"fail"' in text
    assert "s3cret1" not in text
    if form == "json":
        assert len(text.splitlines()) == 1
        assert "locals" not in text or '"locals":null' in text


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_standard_librarys_loggers_go_the_same_way(capsys: pytest.CaptureFixture[str], form: str) -> None:
    capsys.readouterr()
    logs.configure(form)
    logging.getLogger("somebody").warning("a %s", "word\nlevel=error")
    logging.getLogger("somebody").info("not told")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "a word" in lines[0]
