"""Whose an address is."""

import pytest

from receiver.domain.addresses import owner_of, plain_address


@pytest.mark.parametrize(
    ("text", "plain", "owner"),
    [
        ("10.0.0.9", "10.0.0.9", "10.0.0.9"), ("::ffff:10.0.0.9", "10.0.0.9", "10.0.0.9"), ("::FFFF:a00:9", "10.0.0.9", "10.0.0.9"),
        ("2001:db8::1", "2001:db8::1", "2001:db8::/64"), ("2001:db8:0:1::1", "2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::1%eth0", "fe80::/64"), ("::1", "::1", "::/64"), ("", "", "unknown"), ("::ffff:x", "::ffff:x", "unknown"),
    ],
)  # fmt: skip
def test_an_address_is_read_as_what_it_stands_for(text: str, plain: str, owner: str) -> None:
    assert (plain_address(text), owner_of(text)) == (plain, owner)
