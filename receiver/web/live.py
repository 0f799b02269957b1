"""Server-sent events: what is announced, told to each open stream as it may be seen, for as long as its login holds.

A view has let the stream in and answered its headers, as it would any request; from there the front goes on here, without a thread.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Protocol

import orjson

from receiver import metrics
from receiver.domain.accounts import Caller
from receiver.domain.errors import NotLoggedIn, Unavailable
from receiver.services.alerting.announcing import Announcement
from receiver.web.arrivals import CONNECTION_HANDLE, Scope
from receiver.web.calling import Headers
from receiver.web.hub import Hub
from receiver.web.seats import Seats

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# So often something is sent, whatever happens: proxies and browsers take a silent connection for a dead one. At the same
# moment it is looked whether the login still holds.
HEARTBEAT_SECONDS = 15.0
# Whoever takes longer to take one page is behind for good; he comes back and goes on where he was.
SEND_SECONDS = 60.0
RETRY_MILLISECONDS = 2000
# Dropped by the front, which says something of its own.
OWN_HEADERS = frozenset({b"content-length", b"connection"})


class ConnectionHandle(Protocol):
    """What the protocol lets the front do with a connection."""

    def hold(self) -> None:
        """It is counted among the live ones from now on, and no longer among its address's."""

    def drop(self) -> None:
        """Ends it at once, whatever is still to be sent."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one stream wants to be told.

    Attributes:
        caller: who is told; nothing that is out of its sight.
        last_id: the last number that it has seen; None: it begins now.
        only: fact -> the values that are told; a fact that is not in it may have any. ``change`` is one of them.
    """

    caller: Caller
    last_id: int | None = None
    only: dict[str, frozenset[Any]] = field(default_factory=dict)

    def takes(self, said: Announcement) -> bool:
        """Whether the stream wants it."""
        facts = {**said.facts, "change": said.change, "alert": said.alert_id}
        return all(facts.get(name) in values for name, values in self.only.items())


class LiveStreams:
    """The open streams of this process."""

    def __init__(self, hub: Hub, seats: Seats, again: Callable[[Caller], Caller]) -> None:
        self._hub = hub
        self._seats = seats
        self._again = again
        self._ending: asyncio.Future[None] | None = None

    def end(self) -> None:
        """Ends all streams: the server stops."""
        ending = self._end()
        if not ending.done():
            ending.set_result(None)

    def _end(self) -> "asyncio.Future[None]":
        """Done when the server stops; one for all streams."""
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_future()
        return self._ending

    async def run(self, wanted: Wanted, headers: Headers, connection: tuple[Scope, Receive, Send]) -> None:
        """Answers with a stream until the client goes, its login ends, or the server stops."""
        scope, receive, send = connection
        handle: ConnectionHandle | None = scope.get(CONNECTION_HANDLE)
        metrics.LIVE.labels("sse").inc()
        with self._seats.taken(wanted.caller.account_id):
            if handle is not None:
                handle.hold()
            gone = asyncio.ensure_future(_until_gone(receive))
            try:
                await self._stream(wanted, headers, send, (gone, self._end()))
            except TimeoutError:
                metrics.CONNECTIONS_REFUSED.labels("reader").inc()
                if handle is not None:
                    handle.drop()
            finally:
                gone.cancel()

    async def _stream(self, wanted: Wanted, headers: Headers, send: Send, ends: Sequence[asyncio.Future[Any]]) -> None:
        kept = [(name, value) for name, value in headers if name not in OWN_HEADERS]
        await send({"type": "http.response.start", "status": 200, "headers": [*kept, (b"connection", b"close")]})
        with contextlib.suppress(NotLoggedIn, Unavailable):
            await self._tell(wanted, lambda text: _write(send, text), ends)
        if not ends[0].done():
            await _write(send, b"", has_more=False)

    async def _tell(
        self, wanted: Wanted, write: Callable[[bytes], Awaitable[None]], ends: Sequence[asyncio.Future[Any]]
    ) -> None:
        """Until one of ``ends`` is done.

        Raises:
            NotLoggedIn: the login has ended, or whoever it is may see something else now.
        """
        await self._hub.start()
        position, is_missing = await self._hub.resume(wanted.last_id)
        await write(_opening(position, is_missing=is_missing))
        loop = asyncio.get_running_loop()
        look_at = loop.time() + HEARTBEAT_SECONDS
        while not any(each.done() for each in ends):
            # Asked for before what there is, so that nothing can come in between.
            changed = self._hub.changed()
            found = await self._hub.after(position)
            if found:
                position = found[-1].id
                await write(await self._text(wanted, found))
            else:
                await asyncio.wait({*ends, changed}, timeout=look_at - loop.time(), return_when=asyncio.FIRST_COMPLETED)
            if loop.time() >= look_at:
                await self._look_at(wanted.caller)
                await write(b":\n\n")
                look_at = loop.time() + HEARTBEAT_SECONDS

    async def _look_at(self, caller: Caller) -> None:
        if await self._hub.look_up(lambda: self._again(caller)) != caller:
            raise NotLoggedIn("login_ended", "what the account may see has changed; open the stream anew")

    async def _text(self, wanted: Wanted, found: Sequence[Announcement]) -> bytes:
        """What is told of some announcements: perhaps nothing but how far the stream is."""
        told = [each for each in found if wanted.takes(each)]
        if told and wanted.caller.limits.is_limiting:
            sight = await self._hub.in_sight(found, wanted.caller.limits)
            told = [each for each in told if each.alert_id in sight]
        text = b"".join(map(event_text, told))
        # A number without data moves the browser's own position, and tells the page nothing.
        return text if told and told[-1] is found[-1] else text + b"id: %d\n\n" % found[-1].id


def event_text(said: Announcement) -> bytes:
    """One announcement as an event of the stream."""
    document = {
        "id": said.id,
        "change": said.change,
        "at": said.at.astimezone(UTC),
        "alert": {"id": said.alert_id, **said.facts},
    }
    return b"id: %d\nevent: alert\ndata: %s\n\n" % (said.id, orjson.dumps(document, option=orjson.OPT_UTC_Z))


def _opening(position: int, *, is_missing: bool) -> bytes:
    """Where the stream begins, so that a client that loses it before anything happens comes back to the same place."""
    event = b"missed" if is_missing else b"ready"
    return b'retry: %d\nid: %d\nevent: %s\ndata: {"id":%d}\n\n' % (RETRY_MILLISECONDS, position, event, position)


async def _write(send: Send, text: bytes, *, has_more: bool = True) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": text, "more_body": has_more})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
