"""Finds text inside a message that takes long to read: what is no strict JSON is read token by token."""

from typing import Any

from schemas.bodies import opens_literal, read_plain
from schemas.errors import UnreadableBody
from schemas.sophon_shapes import PICTURE_KINDS

# In all; about ten milliseconds of work. A container that a program in Python has written as text has one or two thousand.
SLOW_LETTERS = 8 * 1024


def has_slow_text(document: Any) -> bool:
    """Whether the texts inside a document that open an object or the like, and are no strict JSON, are long in all.

    Text that is strict JSON is looked into: it may hold text in its turn. A picture's text is never read in that way.
    """
    slow = 0
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(inner for key, inner in value.items() if key not in PICTURE_KINDS)
        elif isinstance(value, list):
            waiting.extend([inner for inner in value if isinstance(inner, str | dict | list)])  # not a face's numbers
        elif isinstance(value, str) and opens_literal(value):
            try:
                waiting.append(read_plain(value.encode("utf-8", "surrogatepass")))
            except UnreadableBody:
                slow += len(value)
                if slow > SLOW_LETTERS:
                    return True
    return False
