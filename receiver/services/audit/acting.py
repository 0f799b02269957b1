"""Who is acting just now: the web's guard and the command line say so, whatever is noted in the audit log takes it from here."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token

from receiver.domain.audit import Actor

NOBODY = Actor()
_actor: ContextVar[Actor] = ContextVar("actor", default=NOBODY)


def actor() -> Actor:
    """Who acts; nobody where nobody was named."""
    return _actor.get()


def name(new: Actor) -> Token[Actor]:
    """From here on this one acts in this thread; the token is for ``forget``."""
    return _actor.set(new)


def forget(token: Token[Actor]) -> None:
    """Back to who acted before."""
    _actor.reset(token)


@contextmanager
def acting_as(new: Actor) -> Iterator[None]:
    """Within the block this one acts."""
    token = name(new)
    try:
        yield
    finally:
        forget(token)
