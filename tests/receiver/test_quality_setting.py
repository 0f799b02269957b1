"""Limits of picture quality are a setting: read once, shown as they were typed, and a slip stops the start."""

from pathlib import Path

import pytest

from receiver.settings import SettingError, load, shown
from recognition.gates import SHIPPED, judge

NAME = "GATEHOUSE_QUALITY_LIMITS"


def test_without_it_the_shipped_limits_are_in_force(tmp_path: Path) -> None:
    assert load({}, folder=tmp_path).quality_limits == SHIPPED


def test_a_site_sets_its_own(tmp_path: Path) -> None:
    settings = load({NAME: "enrol.blur>0.4, register.luminance_mean<90 warn"}, folder=tmp_path)
    (finding,) = judge({"blur": 0.5}, "enrol", settings.quality_limits)
    assert (finding.reason, finding.level, finding.limit) == ("too_blurred", "refuse", 0.4)
    (row,) = [row for row in shown(settings) if row.name == NAME]
    assert row.value == "register.luminance_mean<90 warn, enrol.blur>0.4"


def test_the_file_may_have_a_list(tmp_path: Path) -> None:
    (tmp_path / "gatehouse.toml").write_text(
        'quality_limits = ["enrol.blur>0.4", "enrol.sharpness<1"]', encoding="utf-8"
    )
    assert str(load({}, folder=tmp_path).quality_limits) == "enrol.blur>0.4, enrol.sharpness<1"


@pytest.mark.parametrize("text", ["enrol.blurr>0.4", "enrol.head_pose_yaw>0.3", "enrol.blur"])
def test_a_slip_stops_the_start(text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=f"^{NAME}="):
        load({NAME: text}, folder=tmp_path)
