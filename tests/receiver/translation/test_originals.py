"""What is stored of a message gives it back; what goes upstream is strict JSON."""

import base64
import copy
import io
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from receiver.domain.events import Channel
from receiver.translation import originals
from receiver.translation.sophon import to_event
from schemas import sophon


def jpeg(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), shade).save(buffer, "JPEG")
    return buffer.getvalue()


TEXTS = [base64.b64encode(jpeg(shade)).decode() for shade in (0, 200)]
PICTURE_TEXT = st.sampled_from(
    [*TEXTS, *(f"data:image/jpeg;base64,{text}" for text in TEXTS), *(f"b'{text}'" for text in TEXTS),
     base64.encodebytes(jpeg(7)).decode(), TEXTS[0].rstrip("=") + "=", "", "xxx", None, "bad!", 5, TEXTS[0].replace("/", "_")]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PICTURES = st.dictionaries(
    st.sampled_from(["spot_pic", "recognize_face", "ir_pic", "reg_pic", "reg_image"]), PICTURE_TEXT
)
ITEMS = st.builds(
    lambda rest, top, inner, ext: {**rest, "identity_id": "E1", **top, "ext_data": {**ext, **inner}},
    st.dictionaries(st.text(), JSON, max_size=3), PICTURES, PICTURES, st.dictionaries(st.text(), JSON, max_size=3),
)  # fmt: skip


@settings(deadline=None)
@given(ITEMS)
def test_what_is_stripped_stored_and_restored_has_equal_values(item: dict[str, Any]) -> None:
    before = copy.deepcopy(item)
    event = to_event(sophon.read(item), Channel.HISTORY, 10_000)
    document, slots = originals.strip_pictures(item, event)
    assert item == before
    assert len(slots) == len(event.pictures)
    kept = [slot for slot in slots if slot is not None]
    pictures = {picture.digest: picture.data for picture in event.pictures}
    assert originals.restore(originals.loads(originals.dumps(document)), kept, pictures.__getitem__) == before


def test_a_canonical_text_is_taken_out_and_any_other_stays() -> None:
    item = {"identity_id": "E1", "reg_pic": f"b'{TEXTS[0]}'", "ext_data": {"spot_pic": TEXTS[0], "a": 1}}
    event = to_event(sophon.read(item), Channel.HISTORY, 10_000)
    document, slots = originals.strip_pictures(item, event)
    assert document == {**item, "ext_data": {"spot_pic": None, "a": 1}}
    assert slots == [originals.PictureSlot(("ext_data", "spot_pic"), "", event.pictures[0].digest), None]


def test_a_picture_inside_nested_text_stays_where_it_is() -> None:
    item = {"identity_id": "E1", "ext_data": json.dumps({"spot_pic": TEXTS[0]})}
    event = to_event(sophon.read(item), Channel.HISTORY, 10_000)
    assert originals.strip_pictures(item, event) == (item, [None])


def test_a_picture_that_is_no_longer_kept_stays_null() -> None:
    slot = originals.PictureSlot(("ext_data", "spot_pic"), "", bytes(32))
    assert originals.restore({"ext_data": {"spot_pic": None}}, [slot], lambda _: None) == {
        "ext_data": {"spot_pic": None}
    }


@pytest.mark.parametrize(
    "value",
    [
        {"a": math.nan},
        [math.inf, None],
        "\ud800",
        {"\udfff": 2**70},
        [-(2**64)],
        "\x00",
        {"a": None},
        1.0,
        [1e300],
        -0.0,
    ],
)
def test_what_strict_json_cannot_hold_is_packed_and_unpacked_unchanged(value: Any) -> None:
    assert repr(originals.loads(originals.dumps(value))) == repr(value)


@settings(deadline=None)
@given(st.dictionaries(st.text(st.characters()), JSON))
def test_canonical_bytes_do_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    assert originals.canonical(dict(reversed(value.items()))) == originals.canonical(value)


@pytest.mark.parametrize(
    ("item", "regular"),
    [
        ({"score": math.nan, "a": [math.inf]}, {"score": None, "a": [None]}),
        ({"\ud800": "x\udc00y", "b": math.nan}, {"\ufffd": "x\ufffdy", "b": None}),
        ({"a": 2**70, "b": [math.nan]}, {"a": 2**70, "b": [None]}),
        ({"reg_pic": "b'QUJD'", "ext_data": {"spot_pic": 'b"QUJD"', "x": "b'QUJD'"}}, {"reg_pic": "QUJD", "ext_data": {"spot_pic": "QUJD", "x": "b'QUJD'"}}),
        ({"ext_data": "{'a': None, 'spot_pic': b'QUJD'}"}, {"ext_data": {"a": None, "spot_pic": "QUJD"}}),
        ({"ext_data": "junk", "ep_info": "[1]", "identity_name": "{}"}, {"ext_data": "junk", "ep_info": "[1]", "identity_name": "{}"}),
        ([1], [1]),
    ],
)  # fmt: skip
def test_what_goes_upstream_is_regular(item: Any, regular: Any) -> None:
    assert json.loads(originals.regular(item), parse_constant=pytest.fail) == regular


@settings(deadline=None)
@given(
    st.dictionaries(st.text(), st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text())
)
def test_a_regular_item_is_left_as_it_is(item: dict[str, Any]) -> None:
    assert json.loads(originals.regular({"a": [item]})) == {"a": [item]}
