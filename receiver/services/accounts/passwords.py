"""Passwords as argon2id hashes; few are worked on at a time, since each takes much memory for a moment."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from receiver.domain.errors import Busy

# RFC 9106's second choice, for machines with little memory, on one lane: a login has one core at most.
TIME_COST, MEMORY_KIB, LANES = 3, 65_536, 1
# 64 MiB each.
AT_ONCE = 2
# Who waits for a turn holds a thread; the others are told to come back, so that guessers cannot hold all of them.
WAITING = 4
TURN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of holding a password against a hash; ``is_outdated``: the hash was made with other parameters."""

    is_right: bool
    is_outdated: bool = False


@dataclass(frozen=True, slots=True)
class HashParameters:
    """How dear a hash is."""

    time_cost: int = TIME_COST
    memory_kib: int = MEMORY_KIB
    lanes: int = LANES


class Passwords:
    """Makes and checks hashes; one for a process."""

    def __init__(self, parameters: HashParameters | None = None, *, at_once: int = AT_ONCE) -> None:
        wanted = parameters or HashParameters()
        self._hasher = PasswordHasher(wanted.time_cost, wanted.memory_kib, wanted.lanes, type=Type.ID)
        self._seats = threading.BoundedSemaphore(at_once)
        self._line = threading.BoundedSemaphore(at_once + WAITING)
        self._nobody = _Once()

    def hashed(self, password: str) -> str:
        """The hash to keep.

        Raises:
            Busy: others are being worked on.
        """
        with self._seat():
            return self._hasher.hash(password)

    def verify(self, kept: str | None, password: str) -> Verified:
        """Whether it is the password of that hash; without a hash (nobody has that name) it takes as long, and is wrong.

        Raises:
            Busy: others are being worked on.
        """
        dummy = self._dummy()
        with self._seat():
            try:
                self._hasher.verify(kept or dummy, password)
            except (VerificationError, InvalidHashError):
                return Verified(is_right=False)
        # Nobody knows the password of the dummy; and if somebody did, there would be no account to it.
        return Verified(is_right=kept is not None, is_outdated=self._hasher.check_needs_rehash(kept or dummy))

    def _dummy(self) -> str:
        """A hash of what nobody knows, made when it is first needed."""
        with self._nobody.lock:
            if not self._nobody.made:
                self._nobody.made = self.hashed(secrets.token_urlsafe())
            return self._nobody.made

    @contextmanager
    def _seat(self) -> Iterator[None]:
        with _held(self._line, 0.0), _held(self._seats, TURN_SECONDS):
            yield


@contextmanager
def _held(places: threading.Semaphore, seconds: float) -> Iterator[None]:
    if not places.acquire(timeout=seconds):
        raise Busy("busy", "other passwords are being checked; send it again in a few seconds")
    try:
        yield
    finally:
        places.release()


@dataclass(slots=True)
class _Once:
    lock: threading.Lock = field(default_factory=threading.Lock)
    made: str = ""
