"""A front with live streams over a site of its own, and listeners that are told as browsers are."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

import orjson
from flask import Flask

from receiver import bootstrap
from receiver.assembly import live
from receiver.assembly.house import House
from receiver.domain.accounts import NO_LIMITS, Limits, Role
from receiver.domain.alerts import NewAlert, Severity, Source
from receiver.services.alerting.alerting import Alerting
from receiver.settings import load
from receiver.web.app import Services
from receiver.web.front import Front, FrontHooks, FrontLimits
from tests.receiver.web.asgi import Message, scope_of
from tests.receiver.web.logins import token_of

PATIENCE = 30.0


@dataclass(frozen=True)
class LiveSite:
    """What a test has: one web process, and whatever opens alerts."""

    house: House
    app: Flask
    front: Front
    alerting: Alerting

    @property
    def services(self) -> Services:
        found: Services = self.app.extensions["gatehouse"]
        return found

    def token(self, role: str = Role.VIEWER, limits: Limits = NO_LIMITS) -> str:
        return token_of(self.services, role, limits)

    def opened(self, kind: str = "test", **values: Any) -> int:
        severity = values.pop("severity", Severity.WARNING)
        return self.alerting.open(NewAlert(kind, severity, Source.PROGRAM, datetime.now(UTC), **values))

    def listener(self, token: str, headers: tuple[tuple[bytes, bytes], ...] = (), **query: Any) -> "Listener":
        bearer = (b"authorization", f"Bearer {token}".encode())
        scope = scope_of("/v1/live", [bearer, *headers], method="GET", query_string=urlencode(query).encode())
        return Listener(self.front, scope)


@contextmanager
def live_site(folder: Path, database_url: str = "", **environ: str) -> Iterator[LiveSite]:
    given = {f"GATEHOUSE_{name.upper()}": value for name, value in environ.items()}
    known = {"GATEHOUSE_DATA_DIR": str(folder), "GATEHOUSE_DATABASE_URL": database_url, "GATEHOUSE_RECOGNITION": "off"}
    house = bootstrap.open_house(load(known | given, folder=folder / "none"))
    app = bootstrap.make_app(house)
    hooks = FrontHooks(**live.hooks_of(house, app.extensions["gatehouse"]))
    front = Front(app.wsgi_app, FrontLimits(1_000_000, 30, 4, folder), hooks)
    yield LiveSite(house, app, front, Alerting(house.store, house.announced.ring))
    house.close()


class Listener:
    """One stream; used as ``async with``, it begins and ends."""

    def __init__(self, front: Front, scope: Message) -> None:
        self._front = front
        self._scope = scope
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.text = b""
        self.is_over = False

    async def __aenter__(self) -> Self:
        self._told.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        self._task = asyncio.create_task(self._front(self._scope, self._told.get, self._take))
        await self.until(lambda: self.status != 0)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._told.put_nowait({"type": "http.disconnect"})
        assert self._task is not None
        async with asyncio.timeout(PATIENCE):
            await self._task

    @property
    def events(self) -> list[tuple[str, Any]]:
        """(name, data) of everything that was told."""
        found = []
        for part in self.text.decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in part.split("\n") if ": " in line)
            if "event" in fields:
                found.append((fields["event"], orjson.loads(fields["data"])))
        return found

    def has_begun(self) -> bool:
        return self.events != []

    @property
    def alerts(self) -> list[int]:
        """The alerts that were told of, in order."""
        return [data["alert"]["id"] for name, data in self.events if name == "alert"]

    @property
    def position(self) -> int:
        """The last number that a browser would come back with."""
        return max(int(line[4:]) for line in self.text.decode().split("\n") if line.startswith("id: "))

    async def until(self, check: Callable[[], bool]) -> None:
        """Waits until something is so."""
        async with asyncio.timeout(PATIENCE):
            while not check():
                self._news.clear()
                await self._news.wait()

    async def _take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.text += message.get("body", b"")
            self.is_over = not message.get("more_body", False)
        self._news.set()
