"""Templates of other people's words: Jinja in a sandbox, in a process of its own that ends when one takes too long or too much.

A sandbox alone does not bound time or memory: loops within loops and ``"x"|center(9999999999)`` are allowed words.
"""

import json
import resource
import signal
from collections.abc import Iterator
from functools import lru_cache
from multiprocessing.connection import Connection
from typing import Any

from jinja2 import ChainableUndefined, Template, TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

SECONDS = 2.0
MEMORY = 512 * 1024 * 1024
LONGEST = 16 * 1024 * 1024
IDLE_SECONDS = 60.0
DETAIL = 300
# What a template's own mistakes raise besides Jinja's errors.
MISTAKES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    MemoryError,
)


class TooLong(ValueError):
    """More text than may be sent."""


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    # What is missing is empty, at any depth: a message that waits for months must not fail for a word that it has not.
    environment = ImmutableSandboxedEnvironment(autoescape=False, undefined=ChainableUndefined)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "default": _null}
    return environment


def _null(value: Any) -> None:
    """What is missing, as JSON."""
    if not isinstance(value, Undefined):
        raise TypeError(f"{type(value).__name__} is no value of JSON")


@lru_cache(maxsize=64)
def compiled(text: str) -> Template:
    """A template, ready to be rendered.

    Raises:
        TemplateError: it is none.
    """
    return _environment().from_string(text)


def rendered(text: str, context: dict[str, Any]) -> str:
    """What a template makes of its words, bounded in length alone."""
    return "".join(_bounded(compiled(text).generate(context)))


def _bounded(parts: Iterator[str]) -> Iterator[str]:
    length = 0
    for part in parts:
        length += len(part)
        if length > LONGEST:
            raise TooLong(f"more than {LONGEST} characters")
        yield part


def serve(connection: Connection) -> None:
    """The process: answers ``(text, context)``; without a context it only compiles.

    The answer is ``(text, None)`` or ``(None, what is wrong)``; both ways as JSON, for whoever broke out of the sandbox could
    pickle whatever he likes. It ends when nobody asks for a while or the asker is gone.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # By itself, so that it ends also where nobody is left to end it.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    while connection.poll(IDLE_SECONDS):
        try:
            text, context = json.loads(connection.recv_bytes())
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        answer = _answer(text, context)
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send_bytes(json.dumps(answer).encode())


def _answer(text: str, context: dict[str, Any] | None) -> tuple[str | None, str | None]:
    try:
        if context is None:
            compiled(text)
            return "", None
        return rendered(text, context), None
    except MISTAKES as error:
        line = getattr(error, "lineno", None)
        where = f"line {line}: " if line else ""
        return None, f"{where}{type(error).__name__}: {error}"[:DETAIL]
