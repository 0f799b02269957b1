"""Retention by hand: every kind that goes, or would go, is told in words."""

import re
from pathlib import Path

import pytest

from receiver.cli.erasing import KINDS
from tests.receiver.command_line import Commands, work_in


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_every_kind_is_told(options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work_in(tmp_path, monkeypatch, recognition="off", retention="events=30, alerts=30, frames=7")
    lines = Commands("retention").said(*options).splitlines()
    told = [re.sub(r"^ +0  ", "", line) for line in lines[:-1]]
    assert set(told) == set(KINDS.values())
    assert ("nothing was changed" in lines[-1]) is bool(options)
