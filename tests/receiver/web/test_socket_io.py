"""Socket.IO of today, packet by packet: whoever goes away without a word holds up nobody, and leaves nothing behind."""

import asyncio
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

import orjson
import pytest

from receiver.domain.accounts import NO_LIMITS, Limits, Role
from receiver.domain.errors import Unavailable
from receiver.services.accounts.accounts import NewAccount
from receiver.services.accounts.logging_in import Login
from receiver.services.alerting.announcing import Announcing
from receiver.web import audience, socket_io
from tests.receiver.web.asgi import Answered, chunks_of, run, scope_of, talk
from tests.receiver.web.live_front import PATIENCE, LiveSite, live_site

PASSWORD = "a long password"
ADDED = '42/alert,["my_response",{"data":"Added!"}]'
TOLD = '42/alert,["an_alert",{"data":"new_alert"}]'
CLOSED = "1"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LiveSite]:
    with live_site(tmp_path, connections="16") as opened:
        yield opened


class Polling:
    """A client that polls."""

    def __init__(self, site: LiveSite) -> None:
        self._site = site
        self._query = "EIO=4&transport=polling"

    async def ask(self, method: str = "GET", body: bytes = b"") -> Answered:
        length = (b"content-length", str(len(body)).encode())
        scope = scope_of("/socket.io/", [length], method=method, query_string=self._query.encode())
        async with asyncio.timeout(PATIENCE):
            return await talk(self._site.front, scope, chunks_of(body))

    async def begin(self) -> "Polling":
        (opening,) = packets(await self.ask())
        self._query += f"&sid={orjson.loads(opening[1:])['sid']}"
        return self

    async def say(self, packet: str) -> Answered:
        return await self.ask("POST", packet.encode())

    async def told(self) -> list[str]:
        return packets(await self.ask())

    async def join(self, token: str) -> "Polling":
        """As somebody who is told of alerts."""
        await self.show(token)
        assert await self.told() == [ADDED]
        return self

    async def show(self, token: str) -> None:
        """Joins, and says who it is."""
        await self.say("40/alert,")
        (joined,) = await self.told()
        assert joined.startswith("40/alert,")
        await self.say(f"42/alert,{orjson.dumps(['get_alert', {'username': 'x', 'token': token}]).decode()}")


def packets(answer: Answered) -> list[str]:
    assert answer.status == 200, answer.body
    return answer.body.decode().split("\x1e")


def token(site: LiveSite, name: str = "somebody", limits: Limits = NO_LIMITS, *, must_change: bool = False) -> str:
    site.services.accounts.add(NewAccount(name, PASSWORD, Role.VIEWER, limits, must_change=must_change))
    return site.services.logging_in.login(Login(name, PASSWORD, "", None, "server_api")).secret


def sockets_of(site: LiveSite) -> socket_io.SocketIo:
    found = site.front._hooks.sockets
    assert isinstance(found, socket_io.SocketIo)
    return found


def ways_to_end() -> list[str]:
    """What is still busy with the end of a connection."""
    names = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return [name for name in names if name.endswith("close")]


def test_a_guest_that_went_away_leaves_nothing_behind(site: LiveSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "GUEST_SECONDS", 0.01)

    async def conversation() -> None:
        gone = await Polling(site).begin()
        # Its time is over later; perhaps it is so before the poll comes.
        await (await Polling(site).begin()).ask()
        assert ways_to_end() == []
        assert (await gone.ask()).status == 400

    run(site.front, conversation())


def test_what_is_no_packet_ends_its_session_and_is_answered(site: LiveSite) -> None:
    async def conversation() -> None:
        client = await Polling(site).begin()
        assert (await client.say("6")).status == 400
        assert (await client.ask()).status == 400

    run(site.front, conversation())


def test_whoever_waits_is_told_that_it_is_over(site: LiveSite) -> None:
    async def conversation() -> None:
        client = await Polling(site).begin()
        waiting = asyncio.create_task(client.told())
        await asyncio.sleep(0)
        await site.front.end_live()
        assert await waiting == [CLOSED]

    run(site.front, conversation())


def test_the_server_stops_though_a_client_is_between_two_polls(site: LiveSite) -> None:
    async def conversation() -> None:
        for _ in range(2):
            await Polling(site).begin()
        async with asyncio.timeout(PATIENCE):
            await site.front.end_live()

    run(site.front, conversation())


def test_whoever_takes_nothing_is_sent_away_and_the_others_are_told(
    site: LiveSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_io, "QUEUE_LENGTH", 3)

    async def conversation() -> None:
        secret = token(site)
        silent = await (await Polling(site).begin()).join(secret)
        client = await (await Polling(site).begin()).join(secret)
        for _ in range(5):
            site.opened()
            assert await client.told() == [TOLD]
        assert (await silent.ask()).status == 400
        assert site.services.live_seats.number() == 1

    run(site.front, conversation())


def test_what_is_said_after_the_end_is_not_heard(site: LiveSite) -> None:
    async def conversation() -> None:
        client = await Polling(site).begin()
        await client.say("1\x1e40/alert,")
        await asyncio.sleep(0)  # what it said is heard in the background
        assert list(sockets_of(site)._server.manager.get_namespaces()) == []

    run(site.front, conversation())


def test_an_outage_while_it_is_looked_who_may_see_an_alert_keeps_it_from_nobody(
    site: LiveSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audience, "PAUSE_SECONDS", 0.01)
    asked = Announcing.in_sight
    outages = [Unavailable("storage_unavailable", "the database is away")]

    def in_sight(self: Announcing, alert_ids: Collection[int], limits: Limits) -> set[int]:
        if outages:
            raise outages.pop()
        return asked(self, alert_ids, limits)

    async def conversation() -> None:
        limited = token(site, "limited", Limits(gates=frozenset({7})))
        everything = token(site)
        clients = [await (await Polling(site).begin()).join(each) for each in (everything, limited)]
        clients.append(await (await Polling(site).begin()).join(everything))
        monkeypatch.setattr(Announcing, "in_sight", in_sight)
        for _ in range(2):
            site.opened(gate_id=7)
            for client in clients:
                assert await client.told() == [TOLD]
        assert outages == []

    run(site.front, conversation())


def test_who_leaves_while_the_hub_starts_gives_its_place_back_once(
    site: LiveSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked, may_go_on = threading.Event(), threading.Event()
    bounds = Announcing.bounds

    def slowly(self: Announcing) -> tuple[int, int]:
        is_asked.set()
        may_go_on.wait(PATIENCE)
        return bounds(self)

    monkeypatch.setattr(Announcing, "bounds", slowly)

    async def conversation() -> None:
        secret = token(site)
        leaving, staying = await Polling(site).begin(), await Polling(site).begin()
        await leaving.show(secret)
        await asyncio.to_thread(is_asked.wait, PATIENCE)
        await leaving.say("1")
        await staying.show(secret)
        may_go_on.set()
        assert await staying.told() == [ADDED]
        assert site.services.live_seats.number() == 1
        await Polling(site).begin()
        assert sockets_of(site)._audience._doors.guests.number() == 1

    run(site.front, conversation())


def test_who_must_set_another_password_first_is_told_nothing(site: LiveSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "TRIES", 1)

    async def conversation() -> None:
        client = await Polling(site).begin()
        await client.show(token(site, must_change=True))
        answer = await client.ask()
        # It may be gone before the poll comes.
        assert answer.status == 400 or packets(answer) == [CLOSED]
        assert site.services.live_seats.number() == 0

    run(site.front, conversation())
