"""Messages of SOPHON boxes become events; traps by their numbers in our list of them."""

import base64
import hashlib
import io
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from receiver.domain.events import (
    TEXT_LIMIT,
    AccessEvent,
    Channel,
    Gate,
    ListName,
    PictureKind,
    RefusedPicture,
    WantAction,
)
from receiver.translation.sophon import LISTS, PERSON_TYPES, split_ep_id, to_event
from schemas import bodies, sophon
from schemas.errors import UnreadableBody, UnreadableItem

LICENCE = "ABCDEF000120240101000001"
PIXELS = 10_000


def jpeg(width: int = 40, height: int = 30) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "JPEG")
    return buffer.getvalue()


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def event_of(item: Any, channel: Channel = Channel.HISTORY) -> AccessEvent:
    return to_event(sophon.read(item), channel, PIXELS)


def item_with(**ext_data: Any) -> dict[str, Any]:
    return {"identity_id": "E1", "timestamp": 1700000000123, "ext_data": ext_data}


def test_a_message_of_generation_b_becomes_an_event_with_everything_in_it() -> None:
    item = {
        "api_version": "1.0", "identity_id": "E1", "identity_name": "Test Person", "identity_info": {"image_id": "7bab"},
        "timestamp": 1700000000123, "out_timestamp": 1700000002500, "score": 93.4, "want_action": "1002", "person_type": 5,
        "recognize_face": text_of(jpeg()), "dev_sno": LICENCE, "new": 1, "recognize_face_attr": {"box": [1, 2, 3, 4]},
        "ep_info": {"ep_id": f"{LICENCE}__rtsp://u:p@10.0.0.40:554/ch1", "ep_type": "rtsp", "ep_ip": "10.0.0.40",
                    "ep_name": "east door", "device_id": "3f09"},
    }  # fmt: skip
    event = event_of(item)
    assert (event.generation, event.channel, event.api_version) == ("B", Channel.HISTORY, "1.0")
    assert (event.identity_id, event.identity_name) == ("E1", "Test Person")
    assert (event.list, event.person_type, event.want_action) == (ListName.VIP, 5, WantAction.LIBRARY_UPDATE)
    assert event.score == pytest.approx(0.934)
    assert event.score_raw == 93.4
    assert event.occurred_at is not None
    assert event.left_at is not None
    assert (event.left_at - event.occurred_at).total_seconds() == pytest.approx(2.377)
    assert event.gate == Gate(
        ep_id=f"{LICENCE}__rtsp://10.0.0.40:554/ch1", owner=LICENCE, address="rtsp://10.0.0.40:554/ch1",
        name="east door", device_type="rtsp", ip="10.0.0.40", device_id="3f09",
    )  # fmt: skip
    assert (event.licence, event.extra, event.identity_info) == (LICENCE, {"new": 1}, {"image_id": "7bab"})
    assert event.attributes == {"box": [1, 2, 3, 4]}


def test_pictures_are_decoded_and_their_headers_looked_at() -> None:
    data = jpeg()
    event = event_of(
        {
            **item_with(recognize_face=text_of(data), spot_pic=f"b'{text_of(data)}'"),
            "reg_pic": "data:image/jpeg;base64," + text_of(data),
        }
    )
    face, scene, library = event.pictures
    assert (face.kind, face.path, face.data, face.prefix) == (
        PictureKind.FACE,
        ("ext_data", "recognize_face"),
        data,
        "",
    )
    assert (face.digest, face.media_type, face.width, face.height) == (
        hashlib.sha256(data).digest(),
        "image/jpeg",
        40,
        30,
    )
    assert (scene.data, scene.prefix) == (data, None)
    assert (library.path, library.prefix) == (("reg_pic",), "data:image/jpeg;base64,")
    assert event.refused == ()


def test_bad_pictures_are_refused_with_a_reason_and_the_event_is_kept() -> None:
    event = event_of(
        {
            **item_with(recognize_face="?!", spot_pic=text_of(jpeg(200, 200)), ir_pic=text_of(b"no picture here")),
            "reg_pic": "xxx",
        }
    )
    assert event.pictures == ()
    assert set(event.refused) == {
        RefusedPicture(PictureKind.FACE, ("ext_data", "recognize_face"), "bad_base64"),
        RefusedPicture(PictureKind.SCENE, ("ext_data", "spot_pic"), "too_many_pixels"),
        RefusedPicture(PictureKind.INFRARED, ("ext_data", "ir_pic"), "not_a_picture"),
    }


def test_t03_a_device_type_is_text_whatever_was_sent() -> None:
    assert event_of(item_with(device_type=0)).gate.device_type == "0"


def test_t08_a_box_that_names_itself_nowhere_leaves_licence_and_owner_empty() -> None:
    event = event_of(item_with(device_ip="10.0.0.2"))
    assert (event.licence, event.gate.owner, event.gate.address) == ("", "", "10.0.0.2")


def test_t08_the_owner_of_the_ep_id_is_there_where_the_licence_is_empty() -> None:
    event = event_of({"ep_info": {"ep_id": "0xe0a509261422__10.0.0.2"}, "dev_sno": "", "identity_id": "E1"})
    assert (event.licence, event.gate.owner) == ("", "0xe0a509261422")


@pytest.mark.parametrize(
    ("ep_id", "owner", "address"),
    [
        (f"{LICENCE}__10.0.0.21", LICENCE, "10.0.0.21"),
        ("3f09148d-0000__rtsp://10.0.0.1/a__b", "3f09148d-0000", "rtsp://10.0.0.1/a__b"),
        ("0xe0a5__", "0xe0a5", ""),
        ("no mark", "", ""),
        ("", "", ""),
    ],
)
def test_t09_the_ep_id_is_split_on_the_first_double_underscore(ep_id: str, owner: str, address: str) -> None:
    assert split_ep_id(ep_id) == (owner, address)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("rtsp://user:pass@10.0.0.1:554/ch1", "rtsp://10.0.0.1:554/ch1"),
        ("rtsp://user@10.0.0.1/1", "rtsp://10.0.0.1/1"),
        ("rtsp://user:p@ss@10.0.0.1/1", "rtsp://10.0.0.1/1"),
        ("rtsp://user:pa/ss@10.0.0.1/1", "rtsp://10.0.0.1/1"),
        ("rtsp://10.0.0.1:554/ch@1", "rtsp://10.0.0.1:554/ch@1"),
        ("rtsp://10.0.0.1/?user=a&password=secret&ch=1", "rtsp://10.0.0.1/?user=a&password=***&ch=1"),
    ],
)
def test_t09_credentials_in_an_address_are_removed(sent: str, kept: str) -> None:
    gate = event_of(item_with(ep_id=f"L__{sent}")).gate
    assert (gate.address, gate.ep_id) == (kept, f"L__{kept}")
    other = event_of({"media_device_info": {"media_device_url": sent}, "identity_id": "E1"})
    assert (other.gate.url, other.gate.address) == (kept, kept)
    assert event_of(item_with(where=sent)).extra == {"ext_data": {"where": kept}}


@pytest.mark.parametrize("sent", [0, 6, "car", [], True])
def test_t13_a_person_type_that_cannot_be_read_is_not_taken_for_absent(sent: Any) -> None:
    assert event_of(item_with(person_type=sent)).person_type is None
    assert event_of({"user_type": sent, "media_device_info": {}, "identity_id": "E1"}).person_type is None


@pytest.mark.parametrize(
    ("person_type", "name", "expected"),
    [
        (1, "stranger", ListName.STAFF),
        (4, "Test Person", ListName.STRANGER),
        (None, "stranger", ListName.STRANGER),
        ("car", "Stranger", ListName.STRANGER),
        (None, "Test Person", ListName.STAFF),
        (None, "", ListName.STAFF),
        (3, "", ListName.BLACKLIST),
    ],
)
def test_t12_the_person_type_decides_before_the_name(person_type: Any, name: str, expected: ListName) -> None:
    event = event_of({**item_with(person_type=person_type), "identity_name": name})
    assert event.list is expected


def test_t13_an_absent_person_type_is_one() -> None:
    assert event_of(item_with()).person_type == event_of(item_with(person_type=None)).person_type == 1
    assert {LISTS[number] for number in PERSON_TYPES.values()} == set(ListName)


@pytest.mark.parametrize(
    ("raw", "score"), [(0.81, 0.81), (93.4, 0.934), (1, 1.0), (100, 1.0), (250, 1.0), (-3, 0.0), (0, 0.0), (None, None)]
)
def test_t14_the_scale_of_a_score_is_guessed_and_the_raw_kept(raw: float | None, score: float | None) -> None:
    event = event_of({**item_with(), "score": raw})
    assert event.score == (None if score is None else pytest.approx(score))
    assert event.score_raw == raw


def test_t23_an_event_without_a_readable_time_is_kept_without_one() -> None:
    event = event_of({"identity_id": "E1", "timestamp": "?", "ext_data": {}})
    assert (event.occurred_at, event.notes) == (None, ("unreadable:timestamp",))


def test_texts_are_safe_for_a_database_and_not_too_long() -> None:
    event = event_of(
        {**item_with(ep_id="L__" + "x" * 9000), "identity_id": "a\x00b\ud800" + "x" * 300, "group_name": "g" * 256}
    )
    assert event.identity_id.startswith("a\\u0000b\ufffdx")
    assert len(event.identity_id) == TEXT_LIMIT
    assert len(event.gate.address) <= len(event.gate.ep_id) <= 512
    assert event.notes == ("cut:identity_id", "cut:group")


def test_mappings_are_safe_for_a_database_and_not_too_large() -> None:
    odd = {"nul\x00": "\x00", "lone": "\udfff", "huge": 2**70, "nan": float("nan"), "deep": [{"a": (1, None, True)}]}
    event = event_of(item_with(info=odd, large="x" * 70_000, small=1))
    assert event.attributes == {
        "nul\\u0000": "\\u0000",
        "lone": "\ufffd",
        "huge": str(2**70),
        "nan": None,
        "deep": [{"a": [1, None, True]}],
    }
    assert orjson.loads(orjson.dumps(dict(event.extra))) == event.extra
    assert len(orjson.dumps(dict(event.extra))) < 70_000


KEYS = st.sampled_from(
    [
        "identity_id",
        "identity_name",
        "timestamp",
        "score",
        "want_action",
        "post_action",
        "person_type",
        "user_type",
        "ext_data",
        "ep_info",
        "media_device_info",
        "reg_pic",
        "spot_pic",
        "recognize_face",
        "dev_sno",
        "ep_id",
        "device_ip",
        "box_fiqa_info",
        "info",
        "fiqa_result",
        "recognize_face_attr",
        "identity_info",
        "group_name",
        "event_id",
        "out_timestamp",
        "new_key",
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20)
    | st.sampled_from(["1001", "stranger", 1700000000123, "xxx", text_of(jpeg()), "b'QUJD'", "{'a': 1}", "L__rtsp://u:p@h/1", 4])
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=8),
    max_leaves=30,
)


@settings(deadline=None)
@given(JSON | st.dictionaries(KEYS, JSON, min_size=2))
def test_any_json_is_an_event_or_one_of_the_stated_errors(value: Any) -> None:
    try:
        read = [
            sophon.read(item) for item in bodies.items(bodies.read_json(repr(value).encode("utf-8", "surrogatepass")))
        ]
    except (UnreadableBody, UnreadableItem):
        return
    for message in read:
        event = to_event(message, Channel.HISTORY, PIXELS)
        assert "\x00" not in event.identity_id + event.identity_name + event.gate.ep_id
        for mapping in (event.extra, event.attributes, event.identity_info, event.box_quality):
            packed = orjson.dumps(dict(mapping))
            assert orjson.loads(packed) == mapping
        event.identity_name.encode()
