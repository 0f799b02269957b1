"""The line that is printed for each event, whatever its fields hold."""

from pathlib import Path

import pytest

from receiver import bootstrap
from receiver.settings import Settings
from tests.made_stores import made_house
from tests.receiver.boxes import HISTORY, history

FORGED = "Ann\n12:00:00 history E1 Forged\r\x1b[31m\u2028\u202e\x85\x00\t"


@pytest.mark.parametrize("field", ["identity_name", "identity_id"])
def test_whatever_an_event_holds_is_echoed_as_one_printable_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    house = made_house(Settings(data_dir=tmp_path, recognition="off", device_trust="open", echo=True))
    bootstrap.make_intake(house).record([history() | {field: FORGED}], HISTORY)
    house.close()
    printed = capsys.readouterr().out
    assert printed.endswith("\n")
    assert printed[:-1].isprintable(), printed
    assert "Ann" in printed
    assert "Forged" in printed
    assert "want_action 0 at" in printed
