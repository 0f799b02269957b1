"""Each generation's messages have exactly the documented keys, and what is in them is what a box would say."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from receiver.simulator.corruption import Corruption, corrupted
from receiver.simulator.devices import SimulatedDevice
from receiver.simulator.messages import real_time_event
from receiver.simulator.options import SimulationOptions
from receiver.simulator.photographs import read_subjects
from receiver.simulator.planning import Plan, make_plan
from schemas.sophon_writing import stretched

A_KEYS = {"identity_id", "identity_name", "group_name", "reg_pic", "timestamp", "score", "want_action", "ext_data"}
A_EXT_KEYS = {
    "device_ip",
    "ep_id",
    "dev_sno",
    "person_type",
    "device_type",
    "spot_pic",
    "recognize_face",
    "grab_fiqa_info",
    "box_fiqa_info",
    "info",
}
B_KEYS = {
    "api_version",
    "identity_id",
    "identity_name",
    "identity_info",
    "timestamp",
    "out_timestamp",
    "score",
    "want_action",
    "person_type",
    "reg_pic",
    "spot_pic",
    "ir_pic",
    "recognize_face",
    "ep_info",
    "dev_sno",
    "recognize_face_attr",
}
B_DEVICE_KEYS = {"ep_id", "ep_type", "ep_ip", "ep_name", "device_id"}
B_ATTRIBUTES = {"point", "box", "age", "gender", "glasses", "mask", "hat", "expression", "feature"}
C_KEYS = {
    "api_version",
    "identity_id",
    "identity_name",
    "timestamp",
    "in_timestamp",
    "out_timestamp",
    "score",
    "post_action",
    "user_type",
    "media_device_info",
    "mq_license_key",
    "reg_image",
    "spot_image",
    "ir_image",
    "recognize_face_image",
    "recognize_face_attr",
}
C_DEVICE_KEYS = {f"media_device_{name}" for name in ("id", "type", "ip", "name", "url")}
C_ATTRIBUTES = B_ATTRIBUTES - {"feature"} | {"feature_base64_str"}

# A one-pixel JPEG would do; the simulator never looks inside. Different bytes a picture, so that they can be told apart.
PICTURE = b"\xff\xd8\xff\xe0picture %d of %s\xff\xd9"
MakePlan = Callable[..., Plan]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Three people, the first with two pictures."""
    folder = tmp_path / "people"
    for name, number in (("Person_One", 2), ("Person_Two", 1), ("0012", 1)):
        (folder / name).mkdir(parents=True)
        for index in range(number):
            (folder / name / f"{index}.jpg").write_bytes(PICTURE % (index, name.encode()))
    return folder


@pytest.fixture
def plan(people: Path) -> MakePlan:
    def make(**changes: Any) -> Plan:
        options = SimulationOptions(url="http://127.0.0.1:1", folder=people, **{"seed": 7, "count": 12, **changes})
        return make_plan(options, read_subjects(people))

    return make


def read(plan_: Plan, turn: int = 0) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(plan_.body(plan_.messages[turn]))
    return message


def test_generation_a_has_exactly_the_documented_keys(plan: MakePlan) -> None:
    message = read(plan(generation="a"))
    assert set(message) == A_KEYS
    assert set(message["ext_data"]) == A_EXT_KEYS
    assert set(message["ext_data"]["info"]) == {"age", "gender", "glasses"}
    assert message["ext_data"]["person_type"] == 1
    assert message["ext_data"]["device_type"] == "0"


def test_generation_b_is_flat(plan: MakePlan) -> None:
    message = read(plan(generation="b"))
    assert set(message) == B_KEYS
    assert set(message["ep_info"]) == B_DEVICE_KEYS
    assert set(message["recognize_face_attr"]) == B_ATTRIBUTES
    assert message["out_timestamp"] > message["timestamp"]


def test_generation_c_has_its_own_words(plan: MakePlan) -> None:
    message = read(plan(generation="c", person_type=3))
    assert set(message) == C_KEYS
    assert set(message["media_device_info"]) == C_DEVICE_KEYS
    assert set(message["recognize_face_attr"]) == C_ATTRIBUTES
    assert message["user_type"] == "blacklist"
    assert len(base64.b64decode(message["recognize_face_attr"]["feature_base64_str"])) == 512 * 4


def test_mixed_uses_every_generation(plan: MakePlan) -> None:
    run = plan(generation="mixed", count=40)
    markers = {"ext_data", "ep_info", "media_device_info"}
    assert {marker for turn in range(40) for marker in markers if marker in read(run, turn)} == markers


def test_a_real_time_event_names_neither_box_nor_wish(plan: MakePlan) -> None:
    run = plan(generation="b", real_time=1.0)
    message = json.loads(run.real_time_body(run.messages[3]))
    assert set(message) == A_KEYS - {"want_action"}
    assert set(message["ext_data"]) == A_EXT_KEYS - {"ep_id", "dev_sno", "info"}
    history = read(run, 3)
    assert message["timestamp"] == history["timestamp"]
    assert message["identity_id"] == history["identity_id"]
    assert message["ext_data"]["recognize_face"] == history["recognize_face"]


@pytest.mark.parametrize("generation", ["a", "b", "c"])
def test_a_real_time_event_is_about_the_same_stranger(plan: MakePlan, generation: str) -> None:
    run = plan(generation=generation, person_type=4)
    message = json.loads(run.real_time_body(run.messages[5]))
    assert message["identity_id"] == read(run, 5)["identity_id"]


def test_timestamps_are_13_digits_unique_and_increasing(plan: MakePlan) -> None:
    for rate in (0, 3, 5000):
        run = plan(rate=rate, count=50)
        times = [read(run, turn)["timestamp"] for turn in range(50)]
        assert times == sorted(set(times))
        assert all(len(str(time)) == 13 for time in times)


def test_a_run_at_a_rate_spans_its_time(plan: MakePlan) -> None:
    run = plan(rate=4, count=9, start=datetime(2030, 1, 1, tzinfo=UTC))
    assert read(run, 8)["timestamp"] - read(run, 0)["timestamp"] == 2000
    assert read(run, 0)["timestamp"] == 1_893_456_000_000


def test_devices_take_turns_and_name_their_licence(plan: MakePlan) -> None:
    run = plan(devices=3)
    ids = [read(run, turn)["ext_data"]["ep_id"] for turn in range(6)]
    assert len(set(ids)) == 3
    assert ids[:3] == ids[3:]
    ext_data = read(run)["ext_data"]
    assert ext_data["ep_id"] == f"{ext_data['dev_sno']}__{ext_data['device_ip']}"


def test_many_devices_have_different_addresses() -> None:
    devices = [SimulatedDevice(number) for number in range(9999)]
    assert len({device.ip for device in devices}) == 9999
    assert all(max(int(part) for part in device.ip.split(".")) < 256 for device in devices)


def test_a_person_is_the_folder_and_the_library_picture_is_its_first(plan: MakePlan, people: Path) -> None:
    run = plan(count=60)
    seen = [message for turn in range(60) if (message := read(run, turn))["identity_id"] == "Person_One"]
    first = base64.b64encode((people / "Person_One" / "0.jpg").read_bytes()).decode()
    assert {message["identity_name"] for message in seen} == {"Person One"}
    assert {message["reg_pic"] for message in seen} == {first}
    assert len({message["ext_data"]["recognize_face"] for message in seen}) == 2
    assert all(message["ext_data"]["spot_pic"] == message["ext_data"]["recognize_face"] for message in seen)


def test_a_library_update_brings_the_new_picture_as_library_picture(plan: MakePlan) -> None:
    run = plan(want_action="1002", count=30)
    for turn in range(30):
        message = read(run, turn)
        assert message["want_action"] == "1002"
        assert message["reg_pic"] == message["ext_data"]["recognize_face"]


def test_a_new_stranger_keeps_its_id_and_passes_the_quality_check(plan: MakePlan) -> None:
    run = plan(want_action="1001", count=60, generation="a")
    messages = [read(run, turn) for turn in range(60)]
    assert {message["identity_name"] for message in messages} == {"stranger"}
    assert {message["ext_data"]["person_type"] for message in messages} == {4}
    assert {message["reg_pic"] for message in messages} == {""}
    assert all(message["ext_data"]["box_fiqa_info"]["fiqa_result"] is True for message in messages)
    assert len({message["identity_id"] for message in messages}) == 3
    assert max(message["score"] for message in messages) < 0.5


def test_a_stranger_that_was_not_filed_is_named_after_the_moment_in_generation_b(plan: MakePlan) -> None:
    run = plan(person_type=4, generation="b")
    messages = [read(run, turn) for turn in range(12)]
    assert len({message["identity_id"] for message in messages}) == 12
    assert all(message["identity_info"] == {} for message in messages)
    assert float(messages[0]["identity_id"]) == messages[0]["timestamp"] / 1000


def test_scores_are_similarities_first_and_percent_later(plan: MakePlan) -> None:
    assert stretched(0.55) == pytest.approx(82, abs=0.01)
    assert stretched(1.0) == 100
    assert all(0.6 < read(plan(generation="a"), turn)["score"] < 1 for turn in range(12))
    assert all(82 < read(plan(generation="b"), turn)["score"] < 100 for turn in range(12))


def test_the_prefix_makes_other_people(plan: MakePlan) -> None:
    assert read(plan(identity_prefix="x-"))["identity_id"].startswith("x-")


@pytest.mark.parametrize("generation", ["a", "b", "c", "mixed"])
def test_the_same_seed_gives_the_same_bytes(plan: MakePlan, generation: str) -> None:
    def bodies(seed: int) -> list[bytes]:
        run = plan(generation=generation, seed=seed, count=30, duplicates=0.2, corrupt=0.2)
        return [run.body(planned) for planned in run.messages]

    assert bodies(1) == bodies(1)
    assert bodies(1) != bodies(2)


def test_two_seeds_do_not_tell_of_the_same_moments(plan: MakePlan) -> None:
    def times(seed: int) -> set[int]:
        return {read(plan(seed=seed, count=100), turn)["timestamp"] for turn in range(100)}

    assert times(10).isdisjoint(times(11))


def test_without_a_seed_every_run_is_another_one_and_happens_now(plan: MakePlan) -> None:
    before = int(datetime.now(UTC).timestamp() * 1000)
    assert read(plan(seed=None))["timestamp"] >= before
    assert plan(seed=None).seed != plan(seed=None).seed


def test_every_kind_of_damage_is_what_it_says(plan: MakePlan) -> None:
    for generation in "abc":
        message = read(plan(generation=generation))
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
            json.loads(corrupted(message, Corruption.TRUNCATED_JSON))
        not_an_event = json.loads(corrupted(message, Corruption.NOT_AN_EVENT))
        assert not set(not_an_event) & set(message)
        face = _face(json.loads(corrupted(message, Corruption.BAD_BASE64)))
        assert "<" in face
        text = base64.b64decode(_face(json.loads(corrupted(message, Corruption.NOT_A_PICTURE))), validate=True)
        assert text.startswith(b"This is")
        traded = json.loads(corrupted(message, Corruption.WRONG_TYPES))
        assert traded["timestamp"] == str(message["timestamp"])
        assert traded["score"] == str(message["score"])
        assert traded.get("want_action", traded.get("post_action")) == 0


def test_trading_types_never_changes_an_identity_with_leading_zeros(plan: MakePlan) -> None:
    message = {**read(plan()), "identity_id": "0012"}
    assert json.loads(corrupted(message, Corruption.WRONG_TYPES))["identity_id"] == "0012"


def test_no_two_truncated_messages_are_the_same(plan: MakePlan) -> None:
    run = plan(count=40)
    cut = [corrupted(read(run, turn), Corruption.TRUNCATED_JSON) for turn in range(40)]
    assert len(set(cut)) == 40


def test_a_real_time_event_leaves_the_passage_as_it_is(plan: MakePlan) -> None:
    run = plan()
    passage = run._passage(0)
    real_time_event(passage)
    assert read(run)["ext_data"]["ep_id"] == passage.device.ep_id


def _face(message: dict[str, Any]) -> str:
    found = message.get("recognize_face") or message.get("recognize_face_image")
    face: str = found or message["ext_data"]["recognize_face"]
    return face
