"""Lines in a file: each a whole JSON document, durable, rotated, and nowhere but where they may be."""

from pathlib import Path

import orjson
import pytest

from receiver.domain.errors import Invalid
from receiver.forwarder import file
from receiver.forwarder.channel import Destination, Outcome, Outgoing
from receiver.forwarder.channels import Channels
from receiver.forwarder.guard import Guard


def sent(folder: Path, body: bytes, *, is_guarded: bool = False, **target: object) -> Outcome:
    channels = Channels(Guard(), folder)
    said = Destination("file", {"path": "events.jsonl", **target}, {}, is_guarded)
    outcome = channels.send(Outgoing(said, body)).outcome
    channels.close()
    return outcome


def test_each_document_is_a_line(tmp_path: Path) -> None:
    for body in (b'{"a": 1}', b'[{"b": 2}, {"c": "\\u4f60\\n"}]', b"plain words\nof a template", b'"text"'):
        assert sent(tmp_path, body) is Outcome.DELIVERED
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == [
        {"a": 1}, {"b": 2}, {"c": "\u4f60\n"}, "plain words", "of a template", "text",
    ]  # fmt: skip
    assert (tmp_path / "events.jsonl").stat().st_mode & 0o077 == 0


def test_after_a_line_that_broke_off_a_new_one_begins(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"a": 1}\n{"half')
    sent(tmp_path, b'{"b": 2}')
    assert (tmp_path / "events.jsonl").read_bytes() == b'{"a": 1}\n{"half\n{"b":2}\n'


def test_full_files_make_way_and_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MIB", 10)
    for number in range(5):
        sent(tmp_path, b'{"number": %d}' % number, max_size=12, keep=2)
    found = {path.name: path.read_bytes() for path in tmp_path.glob("events.jsonl*") if path.suffix != ".lock"}
    assert found == {
        "events.jsonl": b'{"number":4}\n', "events.jsonl.1": b'{"number":3}\n', "events.jsonl.2": b'{"number":2}\n',
    }  # fmt: skip
    sent(tmp_path, b'{"number": 9}', max_size=12, keep=0)
    assert (tmp_path / "events.jsonl").read_bytes() == b'{"number":9}\n'


def test_a_disk_that_takes_nothing_is_an_answer(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").mkdir()
    assert sent(tmp_path, b"{}") is Outcome.UNREACHABLE


@pytest.mark.parametrize("path", ["/etc/passwd", "../events.jsonl", "a/b.jsonl", "..", ".", ".hidden", "", "a\x00b"])
def test_over_the_interface_only_plain_names_are_taken(tmp_path: Path, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        Channels(Guard(), tmp_path).check(Destination("file", {"path": path}, {}, is_guarded=True))
    assert refused.value.reason in {"forbidden_path", "bad_target"}


def test_the_machines_own_settings_may_name_any_path(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "events.jsonl"
    assert sent(tmp_path / "outgoing", b"{}", path=str(path)) is Outcome.DELIVERED
    assert path.read_bytes() == b"{}\n"


def test_a_channel_that_nobody_knows_is_refused_and_is_an_answer(tmp_path: Path) -> None:
    channels = Channels(Guard(), tmp_path)
    with pytest.raises(Invalid) as refused:
        channels.check(Destination("pigeon", {}))
    assert refused.value.reason == "unknown_channel"
    assert channels.send(Outgoing(Destination("pigeon", {}), b"{}")).outcome is Outcome.UNREACHABLE
