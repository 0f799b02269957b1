"""Live streams of real processes: nothing is missed when something is killed, everybody else stays bounded."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.system.conftest import MakeSite
from tests.system.processes import ROOT, Site, eventually

# Commits an alert with its announcement, and is killed before it can wake anybody.
KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from receiver import bootstrap
from receiver.domain.alerts import NewAlert, Severity, Source
from receiver.services.alerting.alerting import Alerting
from receiver.settings import load
house = bootstrap.open_house(load())
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
Alerting(house.store, die).open(NewAlert("killed", Severity.CRITICAL, Source.PROGRAM, datetime.now(UTC)))
"""


class Stream:
    """An open stream; its events as they come."""

    def __init__(self, site: Site, **query: Any) -> None:
        self.answer = site.http.get(f"{site.url}/v1/live", params=query, stream=True, timeout=60)
        self.events: list[tuple[str, Any]] = []
        self.is_over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.answer.status_code == 200:
            self._thread.start()

    @property
    def alerts(self) -> list[int]:
        return [data["alert"]["id"] for name, data in self.events if name == "alert"]

    @property
    def position(self) -> int:
        return int(self.events[-1][1]["id"])

    def close(self) -> None:
        """Ends the reader too, which closing alone would wait for."""
        with contextlib.suppress(OSError, AttributeError):
            raw: Any = self.answer.raw
            raw._fp.fp.raw._sock.shutdown(socket.SHUT_RDWR)
        self.answer.close()

    def _read(self) -> None:
        name = ""
        with contextlib.suppress(requests.RequestException, OSError, AttributeError):
            for line in self.answer.iter_lines(chunk_size=1, decode_unicode=True):
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    self.events.append((name, json.loads(line[6:])))
        self.is_over = True


@contextlib.contextmanager
def listening(site: Site, **query: Any) -> Iterator[Stream]:
    stream = Stream(site, **query)
    eventually(lambda: stream.events)
    yield stream
    stream.close()


def open_alert(site: Site) -> int:
    alert = {"kind": "door_open", "severity": "warning", "title": "a door stands open"}
    answer = site.http.post(f"{site.url}/v1/alerts", json=alert, timeout=30)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


@pytest.mark.parametrize("processes", ["1", "3"])
def test_every_process_tells_of_every_alert_and_a_console_comes_back(
    make_site: MakeSite, database_url: str, processes: str
) -> None:
    site = make_site(database_url, RECOGNITION="off", WEB_PROCESSES=processes)
    site.start("serve")
    eventually(site.is_ready)
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(listening(site)) for _ in range(6)]
        opened = [open_alert(site) for _ in range(3)]
        for stream in streams:
            eventually(lambda each=stream: each.alerts == opened)  # type: ignore[misc]
        site.stop()
        for stream in streams:
            eventually(lambda each=stream: each.is_over)  # type: ignore[misc]
    site.start("serve")
    eventually(site.is_ready)
    missed = open_alert(site)
    with listening(site, last_event_id=streams[0].position) as again:
        eventually(lambda: again.alerts == [missed])


def test_an_announcement_comes_though_its_process_was_killed_before_it_could_wake_anybody(
    make_site: MakeSite, database_url: str
) -> None:
    site = make_site(database_url, RECOGNITION="off")
    site.start("web")
    eventually(site.is_ready)
    with listening(site) as stream:
        killed = subprocess.run([sys.executable, "-c", KILLED], env=site.environment, cwd=ROOT, check=False)
        assert killed.returncode == -9
        eventually(lambda: len(stream.alerts) == 1)
        assert stream.events[-1][1]["alert"]["kind"] == "killed"


def test_streams_of_accounts_take_no_place_from_anybody_and_are_bounded_themselves(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off", CONNECTIONS="24", LIVE_CONNECTIONS="20")
    site.start("web")
    eventually(site.is_ready)
    with contextlib.ExitStack() as stack:
        # One address may have six connections; one account may have ten streams.
        streams = [stack.enter_context(listening(site)) for _ in range(10)]
        refused = site.http.get(f"{site.url}/v1/live", timeout=30)
        assert (refused.status_code, refused.json()["reason"]) == (503, "too_many_live")
        alert = open_alert(site)
        for stream in streams:
            eventually(lambda each=stream: each.alerts == [alert])  # type: ignore[misc]
    eventually(lambda: site.http.get(f"{site.url}/v1/live", stream=True, timeout=30).status_code == 200)
