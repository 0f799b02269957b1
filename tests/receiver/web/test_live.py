"""The live stream: everything once and in order, after a while away too; nothing out of sight; ended with its login."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from receiver.domain.accounts import Limits, Role
from receiver.domain.alerts import Severity
from receiver.domain.errors import Busy
from receiver.store import announcements
from receiver.web import hub, live
from receiver.web.arrivals import CONNECTION_HANDLE
from receiver.web.seats import Seats
from tests.receiver.web.asgi import Message, chunks_of, run, scope_of, talk
from tests.receiver.web.live_front import Listener, LiveSite, live_site
from tests.receiver.web.logins import client_of
from tests.receiver.web.site import is_problem


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[LiveSite]:
    with live_site(tmp_path, database_url) as opened:
        yield opened


@pytest.fixture
def small(tmp_path: Path) -> Iterator[LiveSite]:
    """One where one kind of database is enough."""
    with live_site(tmp_path, live_connections="4") as opened:
        yield opened


def test_a_listener_is_told_of_each_change_once_and_in_order(site: LiveSite) -> None:
    async def told() -> None:
        async with site.listener(site.token()) as listener:
            assert listener.status == 200
            assert listener.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
            await listener.until(lambda: listener.events != [])
            first, second = site.opened(), site.opened()
            site.alerting.acknowledge(first, "account 1")
            site.alerting.comment(second, "account 1", "looked at")
            await listener.until(lambda: len(listener.alerts) == 4)
            assert listener.alerts == [first, second, first, second]
            assert listener.events[0] == ("ready", {"id": 0})
            changes = [data["change"] for name, data in listener.events if name == "alert"]
            assert changes == ["opened", "opened", "acknowledged", "commented"]
            assert listener.events[1][1]["alert"]["kind"] == "test"

    run(site.front, told())


def test_who_comes_back_is_told_what_happened_meanwhile(site: LiveSite, monkeypatch: pytest.MonkeyPatch) -> None:
    # Further back than what is in memory, and more than one page of it.
    monkeypatch.setattr(hub, "KEPT", 3)
    monkeypatch.setattr("receiver.services.alerting.announcing.PAGE", 4)

    async def told() -> None:
        token = site.token()
        async with site.listener(token) as listener:
            await listener.until(lambda: listener.events != [])
            seen = site.opened()
            await listener.until(lambda: listener.alerts == [seen])
        missed = [site.opened() for _ in range(11)]
        last = (b"last-event-id", str(listener.position).encode())
        async with site.listener(token, (last,)) as again:
            await again.until(lambda: len(again.alerts) == 11)
            present = site.opened()
            await again.until(lambda: len(again.alerts) == 12)
            assert again.alerts == [*missed, present]
            assert again.events[0] == ("ready", {"id": listener.position})
        async with site.listener(token, last_event_id=listener.position) as asked:
            await asked.until(lambda: len(asked.alerts) == 12)

    run(site.front, told())


def test_who_comes_back_before_anything_has_happened_misses_nothing(site: LiveSite) -> None:
    async def told() -> None:
        token = site.token()
        async with site.listener(token) as listener:
            await listener.until(lambda: listener.events != [])
        missed = site.opened()
        async with site.listener(token, last_event_id=listener.position) as again:
            await again.until(lambda: again.alerts == [missed])

    run(site.front, told())


def test_who_was_away_too_long_is_told_so(site: LiveSite) -> None:
    async def told() -> None:
        for _ in range(5):
            site.opened()
        with site.house.store.write() as tx:
            newest = announcements.after(tx, 0, 9)[-1]
            assert announcements.drop_before(tx, newest.at, 9) == 4
        for last in (1, 99):
            async with site.listener(site.token(), last_event_id=last) as listener:
                await listener.until(lambda: listener.events != [])
                assert listener.events == [("missed", {"id": 5})]

    run(site.front, told())


def test_only_what_is_asked_for_is_told_and_the_position_moves_all_the_same(small: LiveSite) -> None:
    async def told() -> None:
        async with small.listener(small.token(), severity="critical,warning", kind="door", change="opened") as listener:
            await listener.until(lambda: listener.events != [])
            small.opened("door", severity=Severity.INFO)
            small.opened("other")
            wanted = small.opened("door", severity=Severity.CRITICAL)
            small.alerting.acknowledge(wanted, "account 1")
            last = small.opened("door")
            small.opened("other")
            await listener.until(lambda: listener.position == 6)
            assert listener.alerts == [wanted, last]

    run(small.front, told())


def reached(listener: Listener, position: int) -> bool:
    return listener.position == position


def test_a_limited_account_is_told_what_it_may_see_alone(site: LiveSite) -> None:
    async def told() -> None:
        limits = Limits(gates=frozenset({7}))
        async with (
            site.listener(site.token(limits=limits)) as listener,
            site.listener(site.token(limits=limits)) as another,
            site.listener(site.token()) as all_of_it,
        ):
            for each in (listener, another, all_of_it):
                await each.until(each.has_begun)
            elsewhere, here, nowhere = site.opened(gate_id=8), site.opened(gate_id=7), site.opened()
            await all_of_it.until(lambda: all_of_it.alerts == [elsewhere, here, nowhere])
            for each in (listener, another):
                await each.until(partial(reached, each, 3))
                assert each.alerts == [here]

    run(site.front, told())


def test_a_stream_ends_with_its_login_and_when_its_rights_change(
    small: LiveSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)

    async def told() -> None:
        token, other = small.token(Role.GUARD), small.token(Role.GUARD)
        caller = small.services.admitting.by_access_token(token)
        changed = small.services.admitting.by_access_token(other)
        async with small.listener(token) as listener, small.listener(other) as lowered:
            await listener.until(lambda: b":\n\n" in listener.text)
            small.services.logging_in.logout(caller)
            small.services.accounts.change(changed.account_id, {"role": Role.VIEWER})
            await listener.until(lambda: listener.is_over)
            await lowered.until(lambda: lowered.is_over)

    run(small.front, told())


def test_streams_end_when_the_server_does(small: LiveSite) -> None:
    async def told() -> None:
        async with small.listener(small.token()) as listener:
            await listener.until(lambda: listener.events != [])
            await small.front.end_live()
            await listener.until(lambda: listener.is_over)

    run(small.front, told())


class Handle:
    """A connection as the protocol hands it to the front."""

    def __init__(self) -> None:
        self.deeds: list[str] = []

    def hold(self) -> None:
        self.deeds.append("held")

    def drop(self) -> None:
        self.deeds.append("dropped")


def test_who_does_not_take_what_is_told_is_dropped_and_the_place_is_free(
    small: LiveSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SEND_SECONDS", 0.05)
    handle = Handle()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def told() -> None:
        bearer = [(b"authorization", f"Bearer {small.token()}".encode())]
        scope = scope_of("/v1/live", bearer, method="GET", **{CONNECTION_HANDLE: handle})
        queue: asyncio.Queue[Message] = asyncio.Queue()
        queue.put_nowait({"type": "http.request", "body": b"", "more_body": False})
        await small.front(scope, queue.get, send)

    run(small.front, told())
    assert handle.deeds == ["held", "dropped"]
    assert small.services.live_seats.number() == 0


def test_there_is_a_place_for_so_many_and_for_half_of_them_of_one_account(small: LiveSite) -> None:
    async def told() -> None:
        token = small.token()
        bearer = [(b"authorization", f"Bearer {token}".encode())]
        async with small.listener(token), small.listener(token):
            refused = await talk(small.front, scope_of("/v1/live", bearer, method="GET"), chunks_of(b""))
            assert (refused.status, refused.json["reason"]) == (503, "too_many_live")
            assert b"retry-after" in refused.headers
            async with small.listener(small.token()):
                pass
        # Places come back.
        async with small.listener(token) as listener:
            assert listener.status == 200

    run(small.front, told())


def test_places_are_counted_by_holder_and_in_all() -> None:
    seats = Seats(4, 2)
    seats.take("a")
    seats.take("a")
    with pytest.raises(Busy):
        seats.check("a")
    seats.check("b")
    seats.take("b")
    seats.take("c")
    with pytest.raises(Busy):
        seats.check("d")
    seats.give_back("a")
    seats.check("d")
    assert (seats.number(), seats.number("a"), seats.number("d")) == (3, 1, 0)


@pytest.mark.parametrize("query", ["severity=huge", "device=x", "kind=", "last_event_id=-1", "colour=red", "gate=1,,x"])
def test_what_cannot_be_asked_for_is_refused(small: LiveSite, query: str) -> None:
    bearer = [(b"authorization", f"Bearer {small.token()}".encode())]
    scope = scope_of("/v1/live", bearer, method="GET", query_string=query.encode())
    answer = run(small.front, talk(small.front, scope, chunks_of(b"")))
    assert (answer.status, answer.json["reason"]) == (422, "invalid_arguments")


def test_a_stream_needs_a_login(small: LiveSite) -> None:
    answer = run(small.front, talk(small.front, scope_of("/v1/live", method="GET"), chunks_of(b"")))
    assert (answer.status, answer.json["reason"]) == (401, "login_needed")


def test_a_foreign_server_says_that_it_has_no_streams(small: LiveSite) -> None:
    assert is_problem(client_of(small.app, Role.VIEWER).get("/v1/live"), 503, "no_live_streams")


def test_who_follows_is_in_the_audit_log(small: LiveSite) -> None:
    async def told() -> None:
        async with small.listener(small.token(), severity="critical"):
            pass

    run(small.front, told())
    (row,) = client_of(small.app).get("/v1/audit?action=alerts.followed").get_json()["items"]
    assert row["detail"]["parameters"] == ["severity"]
