"""How much the bodies of requests that are still coming in, or being answered, may take: in all, and of one address."""

from collections import Counter

from receiver.settings import MIB

# Larger bodies go to a file, and few of them are held at the same time.
LARGE_HELD = 20
# What the others may take of the memory together.
MEMORY_HELD = 256 * MIB
# Of both one address may take three quarters: whoever holds what he can holds up nobody else.
SHARE = (3, 4)


class BodyRoom:
    """Asked by one thread alone."""

    def __init__(self) -> None:
        self._large = _Held(LARGE_HELD)
        self._memory = _Held(MEMORY_HELD)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held."""
        return not (self._large.by_owner or self._memory.by_owner)

    def take_large(self, owner: str) -> bool:
        """A place for one more large body of an address; False if there is none."""
        return self._large.take(owner, 1)

    def take_memory(self, owner: str, size: int) -> bool:
        """Room for so many more bytes; False if there is none."""
        return self._memory.take(owner, size)

    def leave(self, owner: str, *, large: int = 0, memory: int = 0) -> None:
        """What was taken is free again."""
        self._large.leave(owner, large)
        self._memory.leave(owner, memory)


class _Held:
    def __init__(self, most: int) -> None:
        self._most = most
        self._total = 0
        self.by_owner: Counter[str] = Counter()

    def take(self, owner: str, amount: int) -> bool:
        own, of = SHARE
        if self._total + amount > self._most or (self.by_owner[owner] + amount) * of > self._most * own:
            return False
        self._total += amount
        self.by_owner[owner] += amount
        return True

    def leave(self, owner: str, amount: int) -> None:
        self._total -= amount
        self.by_owner[owner] -= amount
        if self.by_owner[owner] <= 0:
            del self.by_owner[owner]
