"""Bodies as senders really send them."""

import gzip
import json
import math
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import bodies
from schemas.errors import UnreadableBody

EVENT = {"identity_id": "E1", "ext_data": {"a": 1}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def reason_of(body: bytes) -> str:
    with pytest.raises(UnreadableBody) as caught:
        bodies.read_json(body)
    return caught.value.reason


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": 1}\x00\x00', {"a": 1}),
        (b'{"a": -Infinity}', {"a": -math.inf}),
        (b'{"a": 1e999}', {"a": math.inf}),
        (b'{"a": "\\ud83d"}', {"a": "\ud83d"}),
        (b'{"a": "\xed\xa0\xbd"}', {"a": "\ud83d"}),
        (b'{"a": "x\x00\ny"}', {"a": "x\x00\ny"}),
        (b'{"a": "\\u0000"}', {"a": "\x00"}),
        (b'{"a": 18446744073709551617}', {"a": 18446744073709551617}),
        (b"[-9223372036854775809]", [-9223372036854775809]),
        ('{"a": "\u540d"}'.encode("gb18030"), {"a": "\u540d"}),
        ('{"a": "\u540d"}'.encode("utf-16"), {"a": "\u540d"}),
        ('{"a": "\u540d"}'.encode("utf-16-le"), {"a": "\u540d"}),
        ('{"a": "\u540d"}'.encode("utf-16-be"), {"a": "\u540d"}),
        (b'{"a": "caf\xe9"}', {"a": "caf\ufffd"}),
        (b"{'a': b'/9j/', 'b': (1, 2), 'c': nan}", {"a": "/9j/", "b": [1, 2], "c": math.nan}),
        (b"{'a': 'it\\'s', 'b': '\\x41\\u0042\\n\\\\', 'c': r'\\n', 'd': '\\q'}", {"a": "it's", "b": "AB\n\\", "c": "\\n", "d": "\\q"}),
        (b"{'a': '\\ud83d\\ude00\\101\\UFFFFFFFF'}", {"a": "\U0001f600A\ufffd"}),
        (b'"text"', "text"),
    ],
)  # fmt: skip
def test_what_is_no_strict_json_is_read_once_more_leniently(body: bytes, value: Any) -> None:
    assert repr(bodies.read_json(body)) == repr(value)


@pytest.mark.parametrize(
    "body", [b"", b" ", b"\x00", b"hello", b'{"a": ', b"{'a", b"{'a': 1 2}", b"\xff\xd8\xff", b"__import__('os')"]
)
def test_what_is_no_json_at_all_is_refused_with_a_word(body: bytes) -> None:
    assert reason_of(body) == "not_json"


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b"{'a':"])
@pytest.mark.parametrize("depth", [70, 500, 2000, 200_000])
def test_deep_nesting_is_refused_and_not_followed(opening: bytes, depth: int) -> None:
    closing = b"]" if opening == b"[" else b"}"
    assert reason_of(opening * depth + b"1" + closing * depth) in {"too_deep", "not_json"}


def test_the_allowed_depth_is_read() -> None:
    body = b"[" * bodies.DEPTH_LIMIT + b"1" + b"]" * bodies.DEPTH_LIMIT
    assert json.dumps(bodies.read_json(body)).encode() == body
    assert reason_of(b"[" + body + b"]") == "too_deep"


def test_more_values_than_any_batch_holds_are_refused() -> None:
    assert reason_of(b"[" + b"0," * (bodies.VALUES_LIMIT + 1) + b"0]") == "too_many_values"


def test_an_integer_of_many_thousand_digits_becomes_text() -> None:
    assert bodies.read_json(b"[" + b"9" * 5000 + b"]") == ["9" * 5000]


def test_an_unended_string_is_scanned_once() -> None:
    assert reason_of(b"{'" + b"\\'" * 200_000) == "not_json"
    assert reason_of(b"'\"" * 200_000) == "not_json"


def test_a_python_literal_may_not_be_huge() -> None:
    assert reason_of(b"['" + b"x" * bodies.LITERAL_LIMIT + b"']") == "not_json"


@settings(deadline=None)
@given(JSON)
def test_any_json_is_read_as_what_it_is(value: Any) -> None:
    assert bodies.read_json(json.dumps(value).encode()) == value


@settings(deadline=None)
@given(JSON)
def test_any_python_literal_is_read_as_what_it_is(value: Any) -> None:
    assert bodies.read_json(repr([value]).encode("utf-8", "surrogatepass")) == [value]


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text("{}[]()'\"\\,:/ub1eT\u201c\uff0c", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(UnreadableBody):
        bodies.read_json(body)


@pytest.mark.parametrize("wrap", [lambda e: e, lambda e: [e], lambda e: {"data": e}, lambda e: {"events": [e], "count": 1}, json.dumps,
                                  lambda e: [json.dumps(e)], lambda e: {"data": json.dumps(e)}])  # fmt: skip
def test_items_are_found_in_a_list_a_clear_wrapper_or_json_text(wrap: Any) -> None:
    assert bodies.items(wrap(EVENT)) == [EVENT]


@pytest.mark.parametrize("document", [{**EVENT, "data": [{"a": 1}]}, {"data": 1}, {"data": []}, {}, 5, "text", None])
def test_what_is_no_clear_wrapper_stays_one_item(document: Any) -> None:
    assert bodies.items(document) == [document]


def test_json_that_was_made_text_twice_is_found() -> None:
    assert bodies.items(bodies.read_json(repr(json.dumps(EVENT).encode()).encode())) == [EVENT]


def test_too_many_items_are_refused() -> None:
    assert len(bodies.items([EVENT] * bodies.ITEMS_LIMIT)) == bodies.ITEMS_LIMIT
    with pytest.raises(UnreadableBody) as caught:
        bodies.items([EVENT] * (bodies.ITEMS_LIMIT + 1))
    assert caught.value.reason == "too_many_items"


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(b"hello", mtime=0),
        zlib.compress(b"hello"),
        gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0),
        gzip.compress(b"hello", mtime=0) + b"\0\0",
    ],
)
def test_a_packed_body_is_unpacked(packed: bytes) -> None:
    assert bodies.gunzip(packed, 5) == b"hello"


@pytest.mark.parametrize(
    "packed", [b"", b"\0", b"hello", gzip.compress(b"hello", mtime=0)[:-4], gzip.compress(b"a", mtime=0) + b"junk"]
)
def test_a_body_that_does_not_unpack_is_refused(packed: bytes) -> None:
    with pytest.raises(UnreadableBody) as caught:
        bodies.gunzip(packed, 100)
    assert caught.value.reason == "bad_gzip"


@pytest.mark.parametrize("members", [1, 2])
def test_a_packed_body_may_not_swell_beyond_the_limit(members: int) -> None:
    with pytest.raises(UnreadableBody) as caught:
        bodies.gunzip(gzip.compress(bytes(60), mtime=0) * members, 100 // members - 1 if members == 2 else 59)
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize(
    ("body", "is_json"), [(b"{}", True), (b" \n[", True), (b"\xef\xbb\xbf{", True), (b"a=1", False), (b"", False)]
)
def test_json_shows_whatever_the_content_type_says(body: bytes, *, is_json: bool) -> None:
    assert bodies.looks_like_json(body) is is_json
