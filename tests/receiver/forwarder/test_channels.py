"""All ways out behind one: a further one is a few lines, and no words in a target can do more than be refused."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.domain.errors import Invalid
from receiver.forwarder import channels
from receiver.forwarder.channel import Answer, Destination, Outcome, Outgoing
from receiver.forwarder.channels import Channels
from receiver.forwarder.guard import Guard
from receiver.forwarder.targets import Words, filled, starred

REASONS = {"bad_target", "bad_secret", "bad_pem", "forbidden_path", "secret_in_address", "forbidden_address"}
WORDS = (
    "url", "host", "port", "tls", "path", "topic", "headers", "exchange", "keep", "max_size", "client_id", "version",
    "ca_certificate", "home_assistant", "discovery_prefix", "routing_key", "vhost", "retain", "content_type", "other",
)  # fmt: skip
SECRETS = ("token", "username", "password", "headers", "signing_secret", "previous_until", "client_key", "other")
TEXTS = st.text(max_size=20) | st.sampled_from(["http://127.0.0.1:1/", "{device}", "whsec_", "a: b", "-----BEGIN", "1"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.dictionaries(TEXTS, TEXTS, max_size=2)


class DatagramChannel:
    """A way out that nobody has asked for: what a further channel is at the least."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def check(self, destination: Destination) -> None:
        words = Words(destination.target)
        host, port = words.text("host", is_required=True), words.whole("port", 514, 1, 65535)
        words.end()
        if destination.is_guarded:
            self._guard.check(host, port)

    def send(self, outgoing: Outgoing) -> Answer:
        target = outgoing.destination.target
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.sendto(outgoing.body, (str(target["host"]), int(str(target["port"]))))
        return Answer(Outcome.DELIVERED)

    def close(self) -> None:
        """Nothing stays open."""


def test_a_further_channel_is_one_small_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(channels.MAKERS, "datagram", lambda guard, _folder: DatagramChannel(guard))
    ways = Channels(Guard(), tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        there = {"host": "127.0.0.1", "port": wire.getsockname()[1]}
        ways.check(Destination("datagram", there))
        with pytest.raises(Invalid, match="private address"):
            ways.check(Destination("datagram", there, is_guarded=True))
        assert ways.send(Outgoing(Destination("datagram", there), b"hello")).outcome is Outcome.DELIVERED
        assert wire.recv(100) == b"hello"
    ways.close()


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Channels]:
    made = Channels(Guard(), tmp_path_factory.mktemp("ways"))
    yield made
    made.close()


@pytest.mark.parametrize("channel", list(channels.MAKERS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    target=st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=5),
    secrets=st.dictionaries(st.sampled_from(SECRETS), VALUES, max_size=3),
)
def test_any_target_is_taken_or_refused_with_a_word(
    ways: Channels, channel: str, target: dict[str, Any], secrets: dict[str, Any]
) -> None:
    try:
        ways.check(Destination(channel, target, secrets))
    except Invalid as refused:
        assert refused.reason in REASONS  # noqa: PT017 - it may be taken as well


@given(pattern=st.text(max_size=30) | st.just("{device}/{list}"), device=TEXTS | st.integers() | st.none())
def test_no_word_about_a_message_reaches_beyond_its_place(pattern: str, device: object) -> None:
    outgoing = Outgoing(Destination("mqtt", {}), b"", facts={"device": device, "list": "a/+#\x00\n b"})
    made = filled(pattern, outgoing, "+#/")
    if pattern == "{device}/{list}":
        one, other = made.split("/")
        assert one
        assert other == "a______b"
        assert not set(one) & set("+#/\x00\n ")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bearer t0ken and p4ss", "Bearer *** and ***"),
        ("whsec_abcd", "***"),
        ("X-Key v4lue", "X-Key ***"),
        ("nothing of it", "nothing of it"),
    ],
)
def test_secrets_are_starred_in_what_is_told(text: str, shown: str) -> None:
    secrets = {"token": "t0ken", "password": "p4ss", "signing_secret": "whsec_abcd", "headers": "X-Key: v4lue", "x": ""}
    assert starred(text, secrets) == shown
