"""Nothing that a client sends is fetched: no address of a message, a form, a person or a table is ever asked."""

import ast
import csv
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.receiver.archives import packed
from tests.receiver.boxes import history, jpeg, real_time
from tests.security.servers import MakeSite, make_site
from tests.source import imports_of, product
from tests.system.processes import eventually

__all__ = ["make_site"]  # fixtures of another module

# Who opens connections at all, and to whom.
SPEAKERS = {
    "receiver/forwarder/http.py": "the servers above, which the administrator names, and within the guard those of the interface",
    "receiver/forwarder/connections.py": "the same: asks the guard for every connection",
    "receiver/forwarder/mqtt.py": "message brokers: asks the guard for every connection",
    "receiver/forwarder/amqp.py": "the same",
    "receiver/cli/checking.py": "the same, from the command line",
    "receiver/simulator/posting.py": "a server, from the command line",
}
NETWORK = {"requests", "urllib3", "httpx", "aiohttp", "ftplib", "smtplib", "telnetlib", "paho", "pika"}
PICTURE_KEYS = (
    "recognize_face",
    "face_scene",
    "library_face",
    "scene_image",
    "face_image",
    "picture",
    "image",
    "photo",
    "pic_url",
)


class Bait:
    """A server on this machine that must never be asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        bait = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                bait.asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(jpeg(1))

            do_HEAD = do_POST = do_GET  # noqa: N815 - http.server names them

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def addresses(self) -> list[str]:
        """The bait under every name that leads to it: loopback, a name, another notation, a user before it."""
        hosts = ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "user:secret@127.0.0.1")
        return [f"http://{host}:{self.port}/bait.jpg" for host in hosts]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def bait() -> Iterator[Bait]:
    server = Bait()
    yield server
    server.close()


def test_only_who_is_listed_speaks_to_other_machines() -> None:
    speaking = {
        name
        for name, tree in product().items()
        if name.startswith("receiver/") and (NETWORK & set(imports_of(tree)) or speaks_http(tree))
    }
    assert speaking == SPEAKERS.keys(), "whoever fetches for a client needs a guard against addresses within"


def speaks_http(tree: ast.AST) -> bool:
    """Whether it imports the standard library's client or server; the words for statuses open no connection."""
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    origins = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return any(name.startswith("http.") for name in plain | origins)


def test_no_address_that_a_client_sends_is_asked(make_site: MakeSite, bait: Bait) -> None:
    site = make_site()
    site.start("serve")
    eventually(site.is_ready)
    for number, address in enumerate(bait.addresses()):
        inner = dict.fromkeys(PICTURE_KEYS, address) | {"media_device_url": address, "stream_url": address}
        wants = {"want_action": "1001", "identity_id": address, "identity_name": address}
        for path, event in (
            ("/HistoryEvent", history(number, ext_data=inner, **wants)),
            ("/RealTimeEvent", real_time(number, ext_data=inner)),
        ):
            assert requests.post(f"{site.url}{path}", json=event, timeout=30).status_code == 200
        requests.post(f"{site.url}/HistoryEvent", data={"data": address, "recognize_face": address}, timeout=30)
        status = {"dev_sno": "B1", "url": address, "sub_devices": [{"url": address, "ip": address}]}
        requests.post(f"{site.url}/DeviceStatus", json=status, timeout=30)
        for body in ({"picture": address}, {"picture": address, "other": address}):
            for path in ("/v1/detect", "/v1/search", "/v1/verify"):
                assert site.http.post(f"{site.url}{path}", json=body, timeout=60).status_code == 422
        refused = site.http.post(f"{site.url}/v1/people", json={"name": address, "pictures": [address]}, timeout=60)
        assert refused.status_code == 422
    imported = site.http.post(
        f"{site.url}/v1/imports", files={"file": ("people.zip", archive(bait.addresses()))}, timeout=60
    )
    assert imported.status_code == 202
    number = imported.json()["id"]
    eventually(lambda: site.get(f"/v1/imports/{number}")["state"] in {"done", "failed"})
    eventually(lambda: all(event["recognition"] != "pending" for event in site.every("/v1/events")))
    assert len(site.every("/v1/events")) >= len(bait.addresses())
    assert bait.asked == []


def archive(addresses: list[str]) -> bytes:
    """A table whose pictures are addresses."""
    table = io.StringIO()
    csv.writer(table).writerows(
        [("id", "name", "picture"), *((str(n), f"P{n}", each) for n, each in enumerate(addresses))]
    )
    return packed({"people.csv": table.getvalue().encode(), "one.jpg": jpeg(1)})
