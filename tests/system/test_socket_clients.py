"""The clients of npm against the real server: of today and of ServerAPI's README, by polling, by WebSocket, and from one to the other."""

import contextlib

import pytest
import requests

from tests.clients import Client, running
from tests.system.conftest import MakeSite
from tests.system.processes import PASSWORD, Site, eventually

WAYS = [(version, transports) for version in "42" for transports in ("polling", "websocket", "polling,websocket")]
TOLD = {"data": "new_alert"}


def user_token(site: Site) -> str:
    answer = requests.post(f"{site.url}/api/v1/login/", json={"username": "admin", "password": PASSWORD}, timeout=30)
    return str(answer.json()["data"]["token"])


def open_alert(site: Site) -> None:
    alert = {"kind": "door_open", "severity": "warning", "title": "a door stands open"}
    answer = site.http.post(f"{site.url}/v1/alerts", json=alert, timeout=30)
    assert answer.status_code == 201, answer.text


def has_heard(client: Client, name: str, *expected: object) -> None:
    """Waits until the client has been told just that under a name."""
    eventually(lambda: client.heard(name) == list(expected))


@pytest.mark.npm
@pytest.mark.parametrize("processes", ["1", "3"])
def test_each_client_is_told_of_each_alert_over_each_transport(make_site: MakeSite, processes: str) -> None:
    site = make_site(RECOGNITION="off", WEB_PROCESSES=processes)
    site.start("serve")
    eventually(site.is_ready)
    token = user_token(site)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(running(version, site.url, ways, token)) for version, ways in WAYS]
        for client in clients:
            has_heard(client, "my_response", {"data": "Added!"})
        open_alert(site)
        for client in clients:
            has_heard(client, "an_alert", TOLD)
        open_alert(site)
        for client, (_, transports) in zip(clients, WAYS, strict=True):
            has_heard(client, "an_alert", TOLD, TOLD)
            assert client.transport() == transports.rpartition(",")[2]
        assert not any(client.heard("disconnect") for client in clients)


@pytest.mark.npm
@pytest.mark.parametrize("version", ["4", "2"])
def test_a_bad_token_is_answered_with_silence_and_hears_nothing(make_site: MakeSite, version: str) -> None:
    site = make_site(RECOGNITION="off")
    site.start("web")
    eventually(site.is_ready)
    with (
        running(version, site.url, "websocket", "nobody's") as nobody,
        running(version, site.url, "websocket", user_token(site)) as somebody,
    ):
        has_heard(somebody, "my_response", {"data": "Added!"})
        has_heard(nobody, "connect", None)
        open_alert(site)
        has_heard(somebody, "an_alert", TOLD)
        assert {name for name, _, _ in nobody.lines} == {"connect"}


@pytest.mark.npm
@pytest.mark.parametrize("version", ["4", "2"])
def test_a_client_comes_back_after_the_server_was_killed(make_site: MakeSite, version: str) -> None:
    site = make_site(RECOGNITION="off")
    site.start("web")
    eventually(site.is_ready)
    with running(version, site.url, "polling,websocket", user_token(site)) as client:
        has_heard(client, "my_response", {"data": "Added!"})
        site.kill("web")
        site.start("web")
        eventually(site.is_ready)
        has_heard(client, "my_response", {"data": "Added!"}, {"data": "Added!"})
        open_alert(site)
        has_heard(client, "an_alert", TOLD)
