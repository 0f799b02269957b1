"""Who listens over Socket.IO: guests until they have said who they are, then accounts that are told of each new alert.

Both versions of the protocol bring their connections here, as lines over which something can be said.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog

from receiver import metrics
from receiver.domain.accounts import Caller
from receiver.domain.alerts import Change
from receiver.domain.errors import Busy, Forbidden, NotLoggedIn, Unavailable
from receiver.services.alerting.announcing import Announcement
from receiver.web.hub import Hub
from receiver.web.live import HEARTBEAT_SECONDS, ConnectionHandle
from receiver.web.seats import Seats

NAMESPACE = "/alert"
# A guest says who it is within this time, and is wrong a few times at most.
GUEST_SECONDS = 30.0
TRIES = 5
# Of an outage of the database.
PAUSE_SECONDS = 1.0

log = structlog.get_logger("live")


class Line(Protocol):
    """One connection of one client."""

    kind: str

    @property
    def peer(self) -> str:
        """The client's address."""

    @property
    def handle(self) -> ConnectionHandle | None:
        """What lets the connection last; None where each question is a connection of its own."""

    async def say(self, name: str, data: Mapping[str, Any]) -> None:
        """Sends an event."""

    async def close(self) -> None:
        """Ends the connection."""


@dataclass(slots=True)
class _Listener:
    line: Line
    deadline: asyncio.TimerHandle | None = None
    caller: Caller | None = None
    tries: int = 0
    is_asking: bool = False


@dataclass(frozen=True, slots=True)
class Doors:
    """Who is let in.

    Attributes:
        admit: whose token it is; NotLoggedIn if nobody's.
        again: whoever was let in a while ago, as he would be let in now.
        seats: places of accounts.
        guests: places of those who have not said who they are.
    """

    admit: Callable[[str], Caller]
    again: Callable[[Caller], Caller]
    seats: Seats
    guests: Seats


class Audience:
    """All listeners of this process; belongs to the event loop."""

    def __init__(self, hub: Hub, doors: Doors) -> None:
        self._hub = hub
        self._doors = doors
        self._listeners: dict[str, _Listener] = {}
        self._teller: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def check_room(self, peer: str) -> None:
        """Whether somebody from that address may come in.

        Raises:
            Busy: ``too_many_live``.
        """
        self._doors.guests.check(peer)

    def arrive(self, key: str, line: Line) -> None:
        """A connection is there, a guest as yet."""
        self._doors.guests.take(line.peer)
        loop = asyncio.get_running_loop()
        self._listeners[key] = _Listener(line, loop.call_later(GUEST_SECONDS, self._close, key))

    def move(self, key: str) -> None:
        """A connection goes on over another one, that lasts."""
        listener = self._listeners.get(key)
        if listener is not None and listener.caller is not None and listener.line.handle is not None:
            listener.line.handle.hold()

    def leave(self, key: str) -> None:
        """A connection is gone."""
        listener = self._listeners.pop(key, None)
        if listener is None:
            return
        if listener.deadline is not None:
            listener.deadline.cancel()
        if listener.caller is None:
            self._doors.guests.give_back(listener.line.peer)
        else:
            self._doors.seats.give_back(listener.caller.account_id)

    async def hear(self, key: str, name: str, arguments: Sequence[Any]) -> None:
        """A client says something; whatever it is but ``get_alert`` with a good token, it is told nothing."""
        listener = self._listeners.get(key)
        said = arguments[0] if arguments else None
        if name != "get_alert" or listener is None or listener.is_asking or not isinstance(said, dict):
            return
        token = said.get("token")
        if not isinstance(said.get("username"), str) or not isinstance(token, str):
            return
        listener.is_asking = True
        try:
            await self._ask(key, listener, token)
        finally:
            listener.is_asking = False

    async def end(self) -> None:
        """Ends all connections: the server stops."""
        if self._teller is not None:
            self._teller.cancel()
        for listener in list(self._listeners.values()):
            await listener.line.close()

    async def _ask(self, key: str, listener: _Listener, token: str) -> None:
        try:
            caller = await self._hub.look_up(lambda: self._admitted(token))
            await self._hub.start()
            if self._listeners.get(key) is not listener:
                return  # it went away meanwhile
            if listener.caller is None:
                self._doors.seats.check(caller.account_id)
        except (NotLoggedIn, Forbidden, Busy, Unavailable):
            listener.tries += 1
            if listener.tries >= TRIES and listener.caller is None:
                self._close(key)
            return
        # From the look whether it is still there up to here nothing else has happened: its place is given back once.
        self._seat(listener, caller)
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell(self._hub.newest))
        await listener.line.say("my_response", {"data": "Added!"})

    def _admitted(self, token: str) -> Caller:
        caller = self._doors.admit(token)
        if caller.must_change:
            raise Forbidden("password_must_change", "set another password first: POST /v1/accounts/me/password")
        return caller

    def _seat(self, listener: _Listener, caller: Caller) -> None:
        """From a guest's place to one of the account; an account's connection may also become another account's."""
        if listener.caller is None:
            self._doors.guests.give_back(listener.line.peer)
            metrics.LIVE.labels(listener.line.kind).inc()
        else:
            self._doors.seats.give_back(listener.caller.account_id)
        self._doors.seats.take(caller.account_id)
        listener.caller = caller
        if listener.deadline is not None:
            listener.deadline.cancel()
            listener.deadline = None
        if listener.line.handle is not None:
            listener.line.handle.hold()

    async def _tell(self, position: int) -> None:
        """Follows the announcements for all listeners together."""
        loop = asyncio.get_running_loop()
        look_at = loop.time() + HEARTBEAT_SECONDS
        while True:
            changed = self._hub.changed()
            try:
                found = await self._hub.after(position)
                if found:
                    await self._pass_on([each for each in found if each.change == Change.OPENED])
                    position = found[-1].id
                else:
                    await asyncio.wait({changed}, timeout=max(0.0, look_at - loop.time()))
                if loop.time() >= look_at:
                    look_at = loop.time() + HEARTBEAT_SECONDS
                    await self._look_again()
            except Unavailable as error:
                log.warning("cannot_follow", why=error.detail)
                await asyncio.sleep(PAUSE_SECONDS)

    async def _pass_on(self, opened: Sequence[Announcement]) -> None:
        """Tells everybody, or nobody: if it cannot be said who may see what, it is tried once more.

        Raises:
            Unavailable: the database is away; nobody has been told anything.
        """
        if not opened:
            return
        told = [(each, each.caller.limits) for each in self._listeners.values() if each.caller is not None]
        limiting = {limits for _, limits in told if limits.is_limiting}
        sights = {limits: await self._hub.in_sight(opened, limits) for limits in limiting}
        for listener, limits in told:
            for each in opened:
                if limits not in sights or each.alert_id in sights[limits]:
                    await listener.line.say("an_alert", {"data": "new_alert"})

    async def _look_again(self) -> None:
        """Ends the connections of those who would not be let in now, or would see something else."""
        for key, listener in list(self._listeners.items()):
            caller = listener.caller
            if caller is not None and not await self._hub.look_up(partial(self._is_still, caller)):
                self._close(key)

    def _is_still(self, caller: Caller) -> bool:
        with contextlib.suppress(NotLoggedIn):
            return self._doors.again(caller) == caller
        return False

    def _close(self, key: str) -> None:
        listener = self._listeners.get(key)
        if listener is not None:
            self._do(listener.line.close())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """In the background, and not forgotten before it has ended."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
