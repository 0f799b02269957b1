"""What commands leave in the audit log."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from receiver.cli import cli
from receiver.cli.audited import COMMANDS, Audited, NotDelicate
from receiver.services.audit.auditing import Audit
from receiver.store.audit import AuditFilter, open_audit


def commands(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


def test_every_command_is_audited_or_says_why_not() -> None:
    found = dict(commands(cli))
    assert found.keys() == COMMANDS.keys(), "put the command into receiver/cli/audited.py, or take it out"
    for words, about in COMMANDS.items():
        if isinstance(about, Audited) and about.argument:
            assert about.argument in {each.name for each in found[words].params}, words
        if isinstance(about, NotDelicate):
            assert about.why


def run(folder: Path, *words: str) -> Result:
    environment = {"GATEHOUSE_DATA_DIR": str(folder), "GATEHOUSE_RECOGNITION": "off"}
    return CliRunner().invoke(cli, [*words], env=environment)


def rows(folder: Path) -> list[dict[str, Any]]:
    audit = Audit(open_audit("", folder))
    found = audit.listed(AuditFilter(limit=500)).items[::-1]
    audit.close()
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_a_command_is_noted_with_the_systems_account(folder: Path) -> None:
    assert run(folder, "people", "add", "Zebedee Quux").exit_code == 0
    assert run(folder, "people", "show", "1").exit_code == 0
    assert run(folder, "people", "change", "7", "--name", "Nobody").exit_code == 1
    assert run(folder, "tasks", "list").exit_code == 0
    told = [(row["action"], row["subject"], row["outcome"]) for row in rows(folder)]
    assert told == [("person.enrolled", "1", "ok"), ("person.read", "1", "ok"), ("person.changed", "7", "refused")]
    assert {(row["actor"]["kind"], row["actor"]["id"]) for row in rows(folder)} == {("command", str(os.getuid()))}
    assert "Quux" not in str(rows(folder))


def test_the_log_is_listed_and_exported(folder: Path, tmp_path: Path) -> None:
    run(folder, "people", "add", "Ann Example")
    listed = run(folder, "audit", "list", "--action", "person.enrolled")
    assert (listed.exit_code, "person.enrolled" in listed.output) == (0, True)
    assert "Nothing of that kind" in run(folder, "audit", "list", "--kind", "nothing").output
    file = tmp_path / "log.jsonl"
    assert run(folder, "audit", "export", "--to", str(file)).exit_code == 0
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["action"] for line in lines] == ["person.enrolled", "audit.listed", "audit.listed"]
    later = run(folder, "audit", "export", "--after", str(lines[-1]["id"]))
    assert [json.loads(line)["action"] for line in later.output.splitlines()] == ["audit.exported"]
