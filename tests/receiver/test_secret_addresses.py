"""Addresses hold passwords and tokens: neither a shown setting nor an error tells them."""

import pytest

from receiver.forwarder.channel import Destination, Outcome, Outgoing
from receiver.forwarder.http import HttpChannel
from receiver.settings import without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a.example/x?token=s3cret", "http://a.example/x?***"),
        ("http://user:s3cret@a.example:8/x?key=s3cret&b=1", "http://user:***@a.example:8/x?***"),
        ("postgresql://host/db?password=s3cret", "postgresql://host/db?***"),
        ("http://[::1?token=s3cret", "http://***"),
        ("http://a.example/x", "http://a.example/x"),
    ],
)
def test_password_and_query_are_starred(url: str, shown: str) -> None:
    assert without_password(url) == shown


# Nothing listens on port 1.
HOST = "127.0.0.1:1"


@pytest.mark.parametrize(
    "rest", ["/s3cret", "/path?token=s3cret", "?token=s3cret", "#s3cret", "/?a=s3cret@b/s3cret", ""]
)
@pytest.mark.parametrize("user", ["", "user:s3cret@", "s3cret@"])
def test_an_error_names_the_host_and_nothing_more(user: str, rest: str) -> None:
    channel = HttpChannel()
    answer = channel.send(Outgoing(Destination("http", {"url": f"http://{user}{HOST}{rest}"}), b"{}"))
    channel.close()
    assert (answer.outcome, answer.detail) == (Outcome.UNREACHABLE, f"ConnectionError at {HOST}")
