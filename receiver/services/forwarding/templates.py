"""Renders templates in a process of their own, started when the first is needed, and ended when one takes too long."""

import json
import multiprocessing
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from receiver.domain.errors import Invalid
from receiver.translation import templates

# Not forked: the threads and connections of this process must not come along.
CONTEXT = multiprocessing.get_context("spawn")
# The start of the process is part of the first answer.
PATIENCE = 15.0
# What is made, as JSON writes it at the longest.
LONGEST_ANSWER = 6 * templates.LONGEST + 1024
# It may have gone to rest just when it was asked.
TRIES = 2


class Templates:
    """Asks the process; called by several threads, which take turns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None

    def check(self, text: str) -> None:
        """Whether a template may be saved.

        Raises:
            Invalid: ``bad_template``.
        """
        _, wrong = self._ask(text, None)
        if wrong is not None:
            raise Invalid("bad_template", wrong)

    def render(self, text: str, document: dict[str, Any]) -> str:
        """What a template makes of an envelope; ``event`` is another word for its ``data``.

        Raises:
            Invalid: ``template_failed``.
        """
        made, wrong = self._ask(text, {**document, "event": document.get("data")})
        if made is None:
            raise Invalid("template_failed", wrong or "")
        return made

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            self._end()

    def _ask(self, text: str, context: dict[str, Any] | None) -> tuple[str | None, str | None]:
        with self._lock:
            for _ in range(TRIES):
                with suppress(EOFError, OSError):
                    connection = self._open()
                    connection.send_bytes(json.dumps((text, context)).encode())
                    if connection.poll(PATIENCE):
                        made, wrong = json.loads(connection.recv_bytes(LONGEST_ANSWER))
                        return made, wrong
                self._end()
        return None, f"it takes longer than {templates.SECONDS:g} s, or too much memory"

    def _open(self) -> Connection:
        if self._process is None or not self._process.is_alive() or self._connection is None:
            self._end()
            ours, theirs = CONTEXT.Pipe()
            self._process = CONTEXT.Process(target=templates.serve, args=(theirs,), name="templates", daemon=True)
            self._process.start()
            theirs.close()
            self._connection = ours
        return self._connection

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        self._connection = self._process = None
