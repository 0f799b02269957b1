"""Engine.IO 3 packet by packet: what a client of that age sends is understood, and what is no packet ends its session alone."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from receiver.domain.accounts import Role
from receiver.services.accounts.accounts import NewAccount
from receiver.services.accounts.logging_in import Login
from receiver.web import audience, engine_io_3, socket_io
from tests.receiver.web.asgi import Answered, Message, chunks_of, run, scope_of, talk
from tests.receiver.web.live_front import LiveSite, live_site

PASSWORD = "a long password"
ADDED = '42/alert,["my_response",{"data":"Added!"}]'
TOLD = '42/alert,["an_alert",{"data":"new_alert"}]'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[LiveSite]:
    with live_site(tmp_path, connections="16") as opened:
        yield opened


def scope(method: str, query: str, peer: str = "10.0.0.9") -> Message:
    return scope_of("/socket.io/", method=method, query_string=query.encode(), client=(peer, 4711))


class Polling:
    """A client that polls."""

    def __init__(self, site: LiveSite, peer: str = "10.0.0.9") -> None:
        self._site = site
        self._query = "EIO=3&transport=polling"
        self._peer = peer

    async def ask(self, method: str = "GET", body: bytes = b"") -> Answered:
        return await talk(self._site.front, scope(method, self._query, self._peer), chunks_of(body))

    async def begin(self) -> "Polling":
        opening, joined = packets(await self.ask())
        facts = orjson.loads(opening[1:])
        assert (facts["upgrades"], facts["pingInterval"], joined) == (["websocket"], 25_000, "40")
        self._query += f"&sid={facts['sid']}"
        return self

    async def say(self, *said: str) -> Answered:
        return await self.ask("POST", "".join(f"{length(packet)}:{packet}" for packet in said).encode())

    async def told(self) -> list[str]:
        return packets(await self.ask())


def length(packet: str) -> int:
    """In the units of JavaScript."""
    return len(packet.encode("utf-16-le")) // 2


def packets(answer: Answered) -> list[str]:
    assert answer.status == 200, answer.body
    found, text = [], answer.body.decode()
    while match := re.match(r"(\d+):", text):
        end = match.end() + int(match[1])
        found.append(text[match.end() : end])
        text = text[end:]
    assert text == ""
    return found


def token(site: LiveSite) -> str:
    site.services.accounts.add(NewAccount("somebody", PASSWORD, Role.VIEWER, must_change=False))
    return site.services.logging_in.login(Login("somebody", PASSWORD, "", None, "server_api")).secret


def test_a_client_joins_says_who_it_is_and_is_told(site: LiveSite) -> None:
    async def conversation() -> None:
        client = await Polling(site).begin()
        secret = token(site)
        ask = orjson.dumps(["get_alert", {"username": "José 🚚", "token": secret}]).decode()
        answer = await client.say("40/alert,", f"42/alert,7{ask}", "2")
        assert answer.body == b"ok"
        assert await client.told() == ["40/alert,", ADDED, "43/alert,7[]", "3"]
        site.opened()
        assert await client.told() == [TOLD]
        await client.say("41/alert,", f"42/alert,{ask}")
        await client.say("1")
        gone = await client.ask()
        assert (gone.status, gone.json) == (400, {"code": 1, "message": "Session ID unknown"})

    run(site.front, conversation())


def test_what_is_no_packet_is_refused_and_the_others_go_on(site: LiveSite) -> None:
    wrong = (
        b"nonsense", b"5:40", b"-1:4", b"1:9", b"1:b", b"0:", b"99999999:4", b"2:4x", b"\xff\xfe", b"9:42/alert,", b"1:4" * 17,
        b"4:451-[", b"12:42/alert,[17]", b"3:4\xf0\x9f\x9a\x9a",
    )  # fmt: skip

    async def conversation() -> None:
        client = await Polling(site).begin()
        await client.say("40/alert,")
        for body in wrong:
            answer = await client.ask("POST", body)
            assert (answer.status, answer.json["code"]) == (400, 3), body
        assert await client.told() == ["40/alert,"]
        await client.say("40/elsewhere,")
        assert await client.told() == ['44/elsewhere,"Invalid namespace"']

    run(site.front, conversation())


@pytest.mark.parametrize(
    ("query", "method", "code"),
    [
        ("EIO=3&transport=carrier", "GET", 0), ("EIO=3&transport=polling&j=0", "GET", 0), ("EIO=3&transport=polling", "POST", 2),
        ("EIO=3&transport=polling&sid=1-x", "GET", 1), ("EIO=3&transport=polling&sid=x", "POST", 1), ("EIO=3", "GET", 0),
    ],
)  # fmt: skip
def test_what_cannot_be_begun_is_refused(site: LiveSite, query: str, method: str, code: int) -> None:
    answer = run(site.front, talk(site.front, scope(method, query), chunks_of(b"1:2")))
    assert (answer.status, answer.json["code"]) == (400, code)


def test_two_polls_at_once_end_a_session(site: LiveSite) -> None:
    async def conversation() -> None:
        client = await Polling(site).begin()
        first = asyncio.create_task(client.ask())
        await asyncio.sleep(0)
        second = await client.ask()
        assert second.status == 400
        assert packets(await first) == ["6"]
        assert (await client.ask()).json["code"] == 1

    run(site.front, conversation())


def test_a_large_message_is_refused(site: LiveSite) -> None:
    async def conversation() -> None:
        client = await Polling(site).begin()
        answer = await client.ask("POST", b"4" * (socket_io.MESSAGE_BYTES + 1))
        assert answer.status == 413

    run(site.front, conversation())


def test_guests_have_so_many_places(site: LiveSite) -> None:
    async def conversation() -> None:
        # Of 16 connections half may be guests, of one address a quarter of these.
        guests = [await Polling(site).begin() for _ in range(2)]
        for query in ("EIO=3&transport=polling", "EIO=4&transport=polling"):
            refused = await talk(site.front, scope("GET", query), chunks_of(b""))
            assert refused.status == 503
        await Polling(site, "10.0.0.10").begin()
        await guests[0].say("1")
        await Polling(site).begin()

    run(site.front, conversation())


def test_who_never_says_who_it_is_is_sent_away(site: LiveSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "GUEST_SECONDS", 0.05)

    async def conversation() -> None:
        client = await Polling(site).begin()
        # It may be gone before the poll comes.
        await client.ask()
        assert (await client.ask()).json["code"] == 1
        await Polling(site).begin()

    run(site.front, conversation())


def test_who_shows_wrong_tokens_is_sent_away(site: LiveSite) -> None:
    async def conversation() -> None:
        client = await Polling(site).begin()
        await client.say("40/alert,")
        assert await client.told() == ["40/alert,"]
        for _ in range(audience.TRIES):
            await client.say('42/alert,["get_alert",{"username":"x","token":"wrong"}]')
        assert await client.told() == ["1"]

    run(site.front, conversation())


def test_a_client_that_pings_no_longer_is_gone(site: LiveSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_io_3, "TIMEOUT_SECONDS", -24.9)

    async def conversation() -> None:
        client = await Polling(site).begin()
        assert await client.told() == ["6"]
        assert (await client.ask()).json["code"] == 1

    run(site.front, conversation())


def test_a_listener_is_sent_away_when_its_login_ends(site: LiveSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "HEARTBEAT_SECONDS", 0.1)

    async def conversation() -> None:
        client = await Polling(site).begin()
        secret = token(site)
        ask: Any = orjson.dumps(["get_alert", {"username": "x", "token": secret}]).decode()
        await client.say("40/alert,", f"42/alert,{ask}")
        assert await client.told() == ["40/alert,", ADDED]
        site.services.logging_in.logout(site.services.admitting.by_user_token(secret))
        assert await client.told() == ["1"]
        assert site.services.live_seats.number() == 0

    run(site.front, conversation())
