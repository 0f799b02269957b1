"""Slow, greedy and lying clients of a real server: they hold up nobody, and their word about themselves counts nowhere."""

import contextlib
import datetime as dt
import io
import os
import random
import select
import socket
import ssl
from base64 import b64encode
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

from tests.receiver.boxes import history
from tests.security.servers import MakeSite, make_site, server
from tests.system.processes import Site, eventually

__all__ = ["make_site", "server"]  # fixtures of another module

HALF_A_HEAD = b"GET /v1/health/live HTTP/1.1\r\nHost: gate\r\nX-Slow: "


def connected(site: Site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=60)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has ended the connection; waits for a byte or the end."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_a_drip_of_many_heads_holds_up_nobody_and_is_cut_off(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off")
    site.start("web")
    eventually(site.is_ready)
    slow = [connected(site) for _ in range(150)]
    for connection in slow:
        connection.sendall(HALF_A_HEAD)
    assert requests.post(f"{site.url}/HistoryEvent", json=history(1), timeout=30).status_code == 200
    assert site.get("/v1/events")["items"]
    # One more byte now and then does not keep it open.
    for connection in slow:
        with contextlib.suppress(ConnectionError):
            connection.sendall(b"a")
    assert all(is_closed(connection) for connection in slow)
    for connection in slow:
        connection.close()
    assert site.is_ready()


def test_a_dripped_body_is_answered_408(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off", BODY_SECONDS="1")
    site.start("web")
    eventually(site.is_ready)
    with connected(site) as slow:
        slow.sendall(b"POST /HistoryEvent HTTP/1.1\r\nHost: gate\r\nContent-Length: 1000\r\n\r\n{")
        answer = slow.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_too_slow" in answer
    assert site.get("/v1/events")["items"] == []


def test_a_reader_that_takes_nothing_of_its_answer_is_cut_off(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off")
    site.start("web")
    eventually(site.is_ready)
    # More than the sockets between them hold.
    noise = io.BytesIO()
    Image.frombytes("RGB", (2400, 1800), random.Random(1).randbytes(2400 * 1800 * 3)).save(noise, "BMP")
    event = history(1, ext_data={"recognize_face": b64encode(noise.getvalue()).decode()})
    requests.post(f"{site.url}/HistoryEvent", json=event, timeout=60).raise_for_status()
    digest = site.get("/v1/events")["items"][0]["pictures"]["face"]["digest"]
    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect(("127.0.0.1", site.port))
        login = f"Authorization: {site.http.headers['Authorization']!s}"
        idle.sendall(f"GET /v1/pictures/{digest} HTTP/1.1\r\nHost: gate\r\n{login}\r\n\r\n".encode())
        watch = select.poll()
        watch.register(idle, select.POLLHUP | select.POLLERR)
        eventually(lambda: watch.poll(100))
    # Whoever takes it gets it.
    assert len(site.http.get(f"{site.url}/v1/pictures/{digest}", timeout=60).content) == len(noise.getvalue())


def answer_to(site: Site, raw: bytes) -> bytes:
    """What the server says until it ends the connection."""
    with connected(site) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(raw)
        return connection.makefile("rb").read()
    return b""


CHUNKED = b"POST /HistoryEvent HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n"
POSTED = b"POST /HistoryEvent HTTP/1.1\r\nHost: gate\r\n"
SMUGGLED = b"GET /v1/health/live HTTP/1.1\r\nHost: gate\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        POSTED + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POSTED + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n[]" + SMUGGLED,
        POSTED + b"Content-Length: +2\r\n\r\n[]" + SMUGGLED, POSTED + b"Content-Length: 2, 2\r\n\r\n[]" + SMUGGLED,
        POSTED + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n", POSTED + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        POSTED + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", POSTED + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"\r\n-2\r\n[]\r\n0\r\n\r\n", CHUNKED + b"\r\n0x2\r\n[]\r\n0\r\n\r\n", CHUNKED + b"\r\n2\n[]\n0\n\n",
        CHUNKED + b"\r\n" + b"f" * 18 + b"\r\n[]\r\n", CHUNKED + b"\r\n2\r\n[]" + SMUGGLED, CHUNKED + b"\r\n0\r\nContent-Length: 9\r\n\r\n",
        b"GET /v1/health/live HTTP/1.1\nHost: gate\n\n", b"GET /v1/health/live HTTP/1.1\r\nHost: gate\rX: y\r\n\r\n",
        b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)  # fmt: skip
def test_what_another_server_could_read_otherwise_is_refused_and_ends_the_connection(server: Site, raw: bytes) -> None:
    """Where a proxy and we disagree about the end of a request, somebody could put one of his own behind another's."""
    answer = answer_to(server, raw)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"application/problem+json" in answer
    assert b'"reason":"bad_http"' in answer


@pytest.mark.parametrize(
    "lines",
    [b"X: " + b"a" * 70_000, b"".join(b"X%d: a\r\n" % number for number in range(200)), b"X: " + b"a" * 5_000_000],
)
def test_a_head_is_bounded(server: Site, lines: bytes) -> None:
    answer = answer_to(server, b"GET /v1/health/live HTTP/1.1\r\nHost: gate\r\n" + lines + b"\r\n\r\n")
    # Whoever still sends when the connection ends may meet that before the answer.
    assert answer.startswith(b"HTTP/1.1 431 ") or (answer == b"" and len(lines) > 1_000_000)
    assert answer == b"" or b'"reason":"head_too_large"' in answer
    assert server.is_ready()


def test_a_head_as_browsers_send_it_has_room(server: Site) -> None:
    cookies = "; ".join(f"c{number}={'x' * 200}" for number in range(40))
    answer = requests.get(f"{server.url}/v1/health/live", headers={"Cookie": cookies}, timeout=30)
    assert answer.status_code == 200


def test_blank_lines_do_not_keep_a_connection(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off")
    site.start("web")
    eventually(site.is_ready)
    with connected(site) as connection:
        connection.sendall(SMUGGLED)
        assert connection.recv(10) == b"HTTP/1.1 2"

        def is_over() -> bool:
            try:
                connection.sendall(b"\r\n")
            except ConnectionError:
                return True
            return False

        eventually(is_over)


def test_one_address_has_its_share_of_the_connections_and_no_more(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off", CONNECTIONS="40")
    site.start("web")
    eventually(site.is_ready)
    held = [connected(site) for _ in range(40)]
    for connection in held:
        connection.settimeout(60)
        with contextlib.suppress(ConnectionError):
            connection.sendall(HALF_A_HEAD)
    # Those beyond the share are closed at once, the others when their head has taken too long; then there is room again.
    assert all(is_closed(connection) for connection in held)
    metrics = eventually(lambda: site.is_ready() and site.http.get(f"{site.url}/metrics", timeout=30).text)
    refused = [line for line in metrics.splitlines() if line.startswith("gatehouse_connections_refused_total")]
    assert sum(float(line.rpartition(" ")[2]) for line in refused) >= 30
    for connection in held:
        connection.close()


def test_a_proxy_is_believed_where_it_is_trusted_and_nobody_else(make_site: MakeSite) -> None:
    lie = {"X-Forwarded-For": "192.0.2.77", "X-Forwarded-Proto": "https"}
    for proxies, expected in (("", "127.0.0.1"), ("10.1.0.0/16", "127.0.0.1"), ("127.0.0.0/8", "192.0.2.77")):
        site = make_site(RECOGNITION="off", TRUSTED_PROXIES=proxies)
        site.start("web")
        eventually(site.is_ready)
        site.http.get(f"{site.url}/v1/people", headers=lie, timeout=30)
        (row,) = site.get("/v1/audit", action="people.listed")["items"]
        assert row["actor"]["address"] == expected
        # The intake line reads the sender by itself.
        requests.post(f"{site.url}/HistoryEvent", json=history(1), headers=lie, timeout=30)
        requests.post(f"{site.url}/HistoryEvent", data=b"{nothing", headers=lie, timeout=30)
        requests.post(f"{site.url}/HistoryEvent", data=b"{nothing", headers=lie, timeout=30)
        event = site.get("/v1/events")["items"][0]["id"]
        (message,) = site.get(f"/v1/events/{event}/messages")["items"]
        assert message["peer"] == expected
        assert {each["peer"] for each in site.get("/v1/quarantine")["items"]} == {expected}
        site.stop()


def test_who_comes_over_a_socket_for_both_kinds_of_addresses_has_his_own(make_site: MakeSite) -> None:
    """Else all of IPv4 would be one network, and whoever fails to log in would lock everybody out."""
    site = make_site(RECOGNITION="off", HOST="::", TRUSTED_PROXIES="10.0.0.0/8", DEVICE_TRUST="adopt")
    site.start("web")
    eventually(site.is_ready)
    requests.post(f"{site.url}/HistoryEvent", json=history(1), timeout=30).raise_for_status()
    requests.post(f"http://[::1]:{site.port}/HistoryEvent", json=history(2), timeout=30).raise_for_status()
    assert {each["address"] for each in site.get("/v1/devices")["items"]} == {"127.0.0.1", "::1"}
    assert {each["actor"]["address"] for each in site.get("/v1/audit")["items"]} == {"127.0.0.1"}


def test_what_a_client_says_in_front_of_a_trusted_proxy_is_not_believed(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off", TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8")
    site.start("web")
    eventually(site.is_ready)
    forged = {"X-Forwarded-For": "198.51.100.1, 192.0.2.77, 10.0.0.3"}
    site.http.get(f"{site.url}/v1/people", headers=forged, timeout=30)
    (row,) = site.get("/v1/audit", action="people.listed")["items"]
    assert row["actor"]["address"] == "192.0.2.77"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "gate.example")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file.write_bytes(key.private_bytes(*form))
    return cert_file, key_file


def test_a_certificate_by_file_makes_it_https(make_site: MakeSite, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    site = make_site(RECOGNITION="off", TLS_CERT=str(cert), TLS_KEY=str(key))
    site.start("web")

    def answer() -> requests.Response | None:
        try:
            return requests.get(f"https://127.0.0.1:{site.port}/v1/health/ready", verify=str(cert), timeout=5)
        except requests.ConnectionError:
            return None

    found = eventually(answer)
    assert (found.status_code, "Strict-Transport-Security" in found.headers) == (200, True)
    event = requests.post(f"https://127.0.0.1:{site.port}/HistoryEvent", json=history(1), verify=str(cert), timeout=30)
    assert event.json()["data"]["items"][0]["result"] == "new"
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{site.url}/v1/health/ready", timeout=5)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with connected(site) as plain, pytest.raises((ssl.SSLError, ConnectionError)):
        old.wrap_socket(plain)


def test_a_certificate_that_cannot_be_used_is_told(make_site: MakeSite, certificate: tuple[Path, Path]) -> None:
    cert, key = certificate
    for given in (
        {"TLS_CERT": str(cert)},
        {"TLS_CERT": str(cert), "TLS_KEY": str(cert)},
        {"TLS_CERT": "/nowhere", "TLS_KEY": str(key)},
    ):
        told = make_site(RECOGNITION="off", **given).run("web")
        assert told.returncode == os.EX_CONFIG
        assert "TLS" in told.stderr or "cannot be used" in told.stderr
        assert "Traceback" not in told.stderr
