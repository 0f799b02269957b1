"""The way out by HTTP to real servers: signed as others verify it, over TLS, guarded, in time, and never telling secrets."""

import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from receiver.domain import signatures
from receiver.domain.errors import Invalid
from receiver.forwarder import connections, http
from receiver.forwarder.channel import Answer, Destination, Outcome, Outgoing
from receiver.forwarder.guard import Guard
from receiver.forwarder.http import HttpChannel
from tests.receiver.forwarder.certificates import Made

NEW, OLD = (signatures.secret_text(bytes([number]) * 32) for number in (1, 2))
BODY = b'{"type":"event","data":{"id":7}}'


class Platform:
    """A server that keeps what it was sent and answers as it is told."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.status, self.said, self.answer = 200, {}, b"ok"  # type: tuple[int, dict[str, str], bytes]
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                platform.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                platform.headers.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(platform.status)
                for name, value in {**platform.said, "Content-Length": str(len(platform.answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(platform.answer)

            def log_message(self, *_arguments: Any) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_arguments: Any) -> None:
                """Whoever breaks off while greeting is no matter of ours."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.server.server_address[1]}/in"


@contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[Platform]:
    platform = Platform(context)
    thread = threading.Thread(target=platform.server.serve_forever, args=(0.01,))
    thread.start()
    yield platform
    platform.server.shutdown()
    thread.join()
    platform.server.server_close()


@pytest.fixture
def platform() -> Iterator[Platform]:
    with running() as started:
        yield started


@pytest.fixture
def channel() -> Iterator[HttpChannel]:
    made = HttpChannel()
    yield made
    made.close()


def sent(channel: HttpChannel, url: str, secrets: dict[str, object] | None = None, **target: object) -> Answer:
    destination = Destination("http", {"url": url, **target}, secrets or {})
    return channel.send(Outgoing(destination, BODY, delivery_ids=(5, 6), event_ids=(7, 8), key="msg_5-6-2"))


def test_the_ids_of_deliveries_and_events_go_along(channel: HttpChannel, platform: Platform) -> None:
    answer = sent(channel, platform.url, headers={"X-Site": "north"})
    assert (answer.outcome, answer.status, answer.detail) == (Outcome.DELIVERED, 200, "ok")
    (headers,) = platform.headers
    assert platform.bodies == [BODY]
    shown = ("x-gatehouse-event", "x-gatehouse-delivery", "webhook-id", "x-site", "content-type")
    assert [headers[name] for name in shown] == ["7,8", "5,6", "msg_5-6-2", "north", "application/json"]
    assert "webhook-signature" not in headers


def test_others_verify_the_signature(channel: HttpChannel, platform: Platform) -> None:
    sent(channel, platform.url, {"signing_secret": NEW})
    (headers,) = platform.headers
    assert Webhook(NEW).verify(platform.bodies[0], headers) == {"type": "event", "data": {"id": 7}}
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(platform.bodies[0] + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(platform.bodies[0], headers)


def test_while_a_secret_changes_whoever_has_the_old_or_the_new_one_verifies(
    channel: HttpChannel, platform: Platform
) -> None:
    changing: dict[str, object] = {"signing_secret": NEW, "previous_signing_secret": OLD}
    sent(channel, platform.url, {**changing, "previous_until": str(int(time.time()) + 3600)})
    sent(channel, platform.url, {**changing, "previous_until": str(int(time.time()) - 1)})
    for secret in (NEW, OLD):
        Webhook(secret).verify(BODY, platform.headers[0])
    Webhook(NEW).verify(BODY, platform.headers[1])
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(BODY, platform.headers[1])


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        ({"token": "s3cret"}, "Bearer s3cret"),
        ({"username": "bo\u00e9", "password": "s3:cret"}, "Basic " + b64encode("bo\u00e9:s3:cret".encode()).decode()),
        ({"headers": "Authorization: Custom s3cret\nX-Other: 1"}, "Custom s3cret"),
    ],
)
def test_who_we_are_is_shown(
    channel: HttpChannel, platform: Platform, secrets: dict[str, object], expected: str
) -> None:
    sent(channel, platform.url, secrets)
    assert platform.headers[0]["authorization"] == expected


def test_what_the_other_side_says_back_of_secrets_is_starred(channel: HttpChannel, platform: Platform) -> None:
    platform.status, platform.answer = 401, b"token s3cret-token is wrong, and so is Custom, sign with " + NEW.encode()
    answer = sent(channel, platform.url, {"token": "s3cret-token", "signing_secret": NEW})
    assert answer.outcome is Outcome.UNREACHABLE
    assert answer.detail == "HTTP 401: token *** is wrong, and so is Custom, sign with ***"
    assert "s3cret" not in repr(Destination("http", {}, {"token": "s3cret"}))


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (204, {}, (Outcome.DELIVERED, None)),
        (301, {"Location": "http://127.0.0.1:1/"}, (Outcome.UNREACHABLE, None)),
        (400, {}, (Outcome.REFUSED, None)),
        (404, {}, (Outcome.UNREACHABLE, None)),
        (410, {}, (Outcome.GONE, None)),
        (413, {}, (Outcome.REFUSED, None)),
        (422, {}, (Outcome.REFUSED, None)),
        (429, {"Retry-After": "7"}, (Outcome.THROTTLED, 7.0)),
        (429, {"Retry-After": "soon"}, (Outcome.UNREACHABLE, None)),
        (429, {"Retry-After": "999999999999"}, (Outcome.THROTTLED, 86_400.0)),
        (500, {"Retry-After": "7"}, (Outcome.UNREACHABLE, None)),
        (503, {}, (Outcome.UNREACHABLE, None)),
        (503, {"Retry-After": formatdate(0, usegmt=True)}, (Outcome.THROTTLED, 0.0)),
    ],
)
def test_what_an_answer_means(
    channel: HttpChannel, platform: Platform, status: int, said: dict[str, str], expected: tuple[Outcome, float | None]
) -> None:
    platform.status, platform.said, platform.answer = status, said, b"" if status == 204 else b"no"
    answer = sent(channel, platform.url)
    assert ((answer.outcome, answer.retry_after), answer.status) == (expected, status)


def test_cookies_are_not_kept(channel: HttpChannel, platform: Platform) -> None:
    platform.said = {"Set-Cookie": "mine=1; Path=/"}
    sent(channel, platform.url)
    sent(channel, platform.url)
    assert "cookie" not in platform.headers[1]


def context_of(folder: Path, made: Made, clients: Made | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = folder / "server.pem"
    path.write_text(made.pem + made.key_pem)
    context.load_cert_chain(path)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.pem)
    return context


def test_a_certificate_is_verified_by_the_authority_that_is_given(channel: HttpChannel, tmp_path: Path) -> None:
    authority, other = Made.authority(), Made.authority()
    with running(context_of(tmp_path, authority.signed("platform"))) as platform:
        assert sent(channel, platform.url).outcome is Outcome.UNREACHABLE
        assert sent(channel, platform.url, ca_certificate=other.pem).outcome is Outcome.UNREACHABLE
        assert sent(channel, platform.url, ca_certificate=authority.pem).outcome is Outcome.DELIVERED
        assert sent(channel, platform.url).outcome is Outcome.UNREACHABLE, "one destination's authority is no other's"
    with running(context_of(tmp_path, authority.signed("platform", "10.0.0.1"))) as platform:
        assert sent(channel, platform.url, ca_certificate=authority.pem).outcome is Outcome.UNREACHABLE, (
            "another's name"
        )


def test_we_show_a_client_certificate(channel: HttpChannel, tmp_path: Path) -> None:
    authority, clients = Made.authority(), Made.authority()
    us = clients.signed("us")
    with running(context_of(tmp_path, authority.signed("platform"), clients)) as platform:
        assert sent(channel, platform.url, ca_certificate=authority.pem).outcome is Outcome.UNREACHABLE
        shown: dict[str, object] = {"client_certificate": us.pem, "client_key": us.key_pem}
        assert sent(channel, platform.url, shown, ca_certificate=authority.pem).outcome is Outcome.DELIVERED


def guarded(channel: HttpChannel, url: str) -> Answer:
    return channel.send(Outgoing(Destination("http", {"url": url}, {}, is_guarded=True), BODY, key="msg_1"))


def test_a_guarded_message_goes_to_no_private_address(platform: Platform) -> None:
    channel = HttpChannel(Guard())
    answer = guarded(channel, platform.url)
    assert answer.outcome is Outcome.UNREACHABLE
    assert answer.detail.startswith("forbidden_address: 127.0.0.1 is a private address")
    assert sent(channel, platform.url).outcome is Outcome.DELIVERED, "what the machine's settings say may"
    assert guarded(channel, platform.url).outcome is Outcome.UNREACHABLE, "and that connection is not shared"
    assert len(platform.bodies) == 1
    channel.close()


def test_a_guarded_message_goes_to_a_network_of_the_settings(platform: Platform) -> None:
    channel = HttpChannel(Guard([ip_network("127.0.0.0/8")]))
    assert guarded(channel, platform.url).outcome is Outcome.DELIVERED
    channel.close()


def test_it_connects_to_the_address_that_was_judged(monkeypatch: pytest.MonkeyPatch, platform: Platform) -> None:
    """A name that means a public address when it is asked for and a private one a moment later."""
    port = platform.server.server_address[1]
    meanings = iter(["127.0.0.2", "127.0.0.1"])
    asked: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        if host != "rebinding.example":
            return real(host, *arguments, **options)
        asked.append(host)
        return real(next(meanings), *arguments, **options)

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    channel = HttpChannel(Guard([ip_network("127.0.0.2/32")]))
    answer = guarded(channel, f"http://rebinding.example:{port}/")
    channel.close()
    assert asked == ["rebinding.example"]
    assert answer.outcome is Outcome.UNREACHABLE, "nobody listens at the address that was judged"
    assert platform.bodies == []


def test_a_redirect_is_followed_nowhere(channel: HttpChannel, platform: Platform) -> None:
    with running() as other:
        platform.status, platform.said = 307, {"Location": other.url}
        assert sent(channel, platform.url).outcome is Outcome.UNREACHABLE
        assert other.bodies == []


def test_an_answer_that_drips_ends_in_time(channel: HttpChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "READ_SECONDS", 0.3)
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                for letter in b"HTTP/1.1 200 " + b"x" * 10_000:
                    if stop.wait(0.02):
                        return
                    try:
                        connection.send(bytes([letter]))
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        answer = sent(channel, f"http://127.0.0.1:{server.getsockname()[1]}/")
        stop.set()
        thread.join()
    assert answer.outcome is Outcome.UNREACHABLE


def test_the_beginning_of_an_endless_answer_is_enough(channel: HttpChannel, platform: Platform) -> None:
    platform.answer = b"y" * 5_000_000
    answer = sent(channel, platform.url)
    assert (answer.outcome, len(answer.detail)) == (Outcome.DELIVERED, http.SHOWN_BYTES)


@pytest.mark.parametrize(
    ("target", "secrets", "reason"),
    [
        ({}, {}, "bad_target"),
        ({"url": 7}, {}, "bad_target"),
        ({"url": "ftp://a.example/"}, {}, "bad_target"),
        ({"url": "http://"}, {}, "bad_target"),
        ({"url": "http://[::1"}, {}, "bad_target"),
        ({"url": "http://a.example:99999/"}, {}, "bad_target"),
        ({"url": "http://a.example/\r\nX: 1"}, {}, "bad_target"),
        ({"url": "http://a.example/", "unheard_of": 1}, {}, "bad_target"),
        ({"url": "http://a.example/", "headers": ["X"]}, {}, "bad_target"),
        ({"url": "http://a.example/", "headers": {"Host": "b"}}, {}, "bad_target"),
        ({"url": "http://a.example/", "headers": {"webhook-id": "b"}}, {}, "bad_target"),
        ({"url": "http://a.example/", "headers": {"X": "a\r\nY: 1"}}, {}, "bad_target"),
        ({"url": "http://a.example/", "headers": {"X Y": "1"}}, {}, "bad_target"),
        ({"url": "http://a.example/"}, {"headers": "no colon here at all: \u4f60"}, "bad_secret"),
        ({"url": "http://a.example/"}, {"signing_secret": "whsec_short"}, "bad_secret"),
        ({"url": "http://a.example/"}, {"unheard_of": "x"}, "bad_secret"),
        ({"url": "http://a.example/"}, {"token": "a\nb"}, "bad_secret"),
        ({"url": "http://a.example/"}, {"client_certificate": "no PEM"}, "bad_pem"),
        ({"url": "https://a.example/", "ca_certificate": "no PEM"}, {}, "bad_pem"),
        ({"url": "http://user:s3cret@a.example/"}, {}, "secret_in_address"),
        ({"url": "http://127.0.0.1/"}, {}, "forbidden_address"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, {}, "forbidden_address"),
    ],
)
def test_what_cannot_be_sent_to_is_not_saved(
    channel: HttpChannel, target: dict[str, object], secrets: dict[str, object], reason: str
) -> None:
    with pytest.raises(Invalid) as refused:
        channel.check(Destination("http", target, secrets, is_guarded=True))
    assert refused.value.reason == reason
    assert "s3cret" not in refused.value.detail


def test_what_was_saved_wrongly_is_an_answer(channel: HttpChannel) -> None:
    answer = channel.send(Outgoing(Destination("http", {"address": "http://a.example/"}), BODY))
    assert (answer.outcome, answer.detail.partition(":")[0]) == (Outcome.UNREACHABLE, "bad_target")
