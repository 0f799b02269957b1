"""HTTP/1.1 with a deadline for a request's head: a client that drips it would keep its connection for ever."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from receiver.web.arrivals import CONNECTION

HEAD_SECONDS = 15.0


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol; from the first byte of a request its head must be whole within ``HEAD_SECONDS``."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Starts the clock: a connection over which nothing comes is closed too."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def on_message_begin(self) -> None:
        """A further request on a connection that was kept."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._too_slow)
        super().on_message_begin()
        self.scope[CONNECTION] = self.client[0] if self.client else ""  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        """The head is whole; from here the front's deadline for the body holds."""
        self._stop_clock()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went away."""
        self._stop_clock()
        super().connection_lost(exc)

    def _too_slow(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
