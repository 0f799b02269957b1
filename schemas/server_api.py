"""Messages of ServerAPI: what its clients send, read with the sentences that they know, and the envelope of its answers."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from schemas.base64_text import decode_picture_text
from schemas.errors import BadBase64, WireError

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
BEHAVIORS = ("Safe", "Unsafe", "Eating/Drinking", "Single Hand", "Tamper")
ROLES = ("Admin", "Full", "Limited")
ACTIVE, INACTIVE = "Active", "Inactive"
MAC = re.compile(r"<?(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}>?")
# Where they are not those of HTTP.
STATUS_TEXTS = {
    200: "Success",
    400: "Bad Requests",
    404: "Not found",
    413: "Payload Too Large",
    500: "Internal error",
}
# What its framework answers, and not its code: without the envelope.
OF_FRAMEWORK = frozenset({405, 500})
# Nobody was there before, and close to the last year a zone has no room.
YEARS = range(1970, 9000)
LONGEST_PASSWORD = 254
LONGEST_NAME = 255
LARGEST = 2**63 - 1
MOST_ROWS = 500
# What in the order of a page of the database would take for ever to pass over.
LAST_PAGE = 100_000


class Refused(WireError):
    """Something in a message that is refused; ``detail`` is what its clients are told, ``status`` goes with it."""

    def __init__(self, reason: str, detail: str, status: int = 400) -> None:
        super().__init__(reason, detail)
        self.status = status


def envelope(status: int, **more: Any) -> dict[str, Any]:
    """An answer: ``data`` of a good one, ``error`` of another."""
    return {"code": status, "status_code": STATUS_TEXTS.get(status) or HTTPStatus(status).phrase, **more}


def failure(status: int, error: str) -> dict[str, Any]:
    """What is answered where no view of its own does."""
    return {"message": error} if status in OF_FRAMEWORK else envelope(status, error=error)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a message, or of a query.

    Attributes:
        values: as they came.
    """

    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A text; numbers are taken as one."""
        return checked_text(self.values.get(name), name)

    def optional(self, name: str) -> str | None:
        """A text, None where it is not there or empty."""
        return self.text(name) if self.values.get(name) not in (None, "") else None

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number; as text too."""
        value: Any = self.values.get(name)
        if value in (None, "") and default is not None:
            return default
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if not is_number and not (isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip())):
            raise Refused("bad_number", f"{name} must be a whole number.")
        found = int(value)
        if abs(found) > LARGEST:
            raise Refused("bad_number", f"{name} must be a smaller number.")
        return found

    def optional_whole(self, name: str) -> int | None:
        """A whole number, None where there is none."""
        return None if self.values.get(name) in (None, "") else self.whole(name)

    def moment(self, name: str) -> datetime:
        """A time without a zone."""
        refused = Refused("bad_time", f"date fields must be in '{TIME_FORMAT}' format.")
        try:
            found = datetime.strptime(self.text(name), TIME_FORMAT)  # noqa: DTZ007 - its times have none
        except ValueError as error:
            raise refused from error
        if found.year not in YEARS:
            raise refused
        return found

    def optional_moment(self, name: str) -> datetime | None:
        """A time without a zone, None where there is none."""
        return None if self.values.get(name) in (None, "") else self.moment(name)

    def choice(self, name: str, known: Collection[str], default: str) -> str:
        """One of some words."""
        found = self.optional(name) or default
        if found not in known:
            raise Refused("bad_choice", f"{name} must be one of {', '.join(sorted(known))}.")
        return found

    def switch(self, name: str) -> bool | None:
        """True, False, 1 or 0, however they are written; None where there is none."""
        found = self.optional(name)
        if found is None:
            return None
        if found.lower() not in {"true", "false", "1", "0"}:
            raise Refused("bad_choice", f"{name} must be True or False.")
        return found.lower() in {"true", "1"}

    def behavior(self) -> str:
        """What a driver does."""
        found = self.text("behavior")
        if found not in BEHAVIORS:
            raise Refused("unknown_behavior", "Behavior Unknow.")
        return found

    def picture(self) -> bytes:
        """The frame: clean base64, a data URL, or what Python writes around bytes."""
        try:
            found = decode_picture_text(self.values.get("frame"))
        except BadBase64 as error:
            raise Refused("bad_base64", "frame must be the base64 text of a picture.") from error
        if found is None:
            raise Refused("not_a_picture", "frame must be a picture.")
        return found.data

    def password(self) -> str:
        """A password of a length that it may have."""
        found = self.text("password")
        if len(found) > LONGEST_PASSWORD:
            raise Refused("password_too_large", "Password is too large.", 413)
        return found

    def mac(self) -> str:
        """The MAC address of a box, as it came."""
        found = self.text("mac").strip()
        if not MAC.fullmatch(found):
            raise Refused("bad_mac", "Mac doesn't has correct format.")
        return found

    def page(self, size: int) -> tuple[int, int]:
        """(rows of a page, which page)."""
        rows, page = self.whole("limit", size), self.whole("page", 1)
        if not 1 <= rows <= MOST_ROWS or not 1 <= page <= LAST_PAGE:
            raise Refused("bad_page", f"limit must be 1 to {MOST_ROWS}, page 1 or more.")
        return rows, page


def message(document: Any, *needed: str) -> Fields:
    """The fields of a message that must have some.

    Raises:
        Refused: ``no_data``, ``missing_field``, ``empty_field``.
    """
    if not isinstance(document, dict) or not document:
        raise Refused("no_data", "No input data provided")
    for name in needed:
        if name not in document:
            raise Refused("missing_field", f'Missing "{name}" field in payload')
        if document[name] in (None, "", [], {}):
            raise Refused("empty_field", f'Missing value for "{name}" field in payload')
    return Fields(document)


def registration(document: Any) -> tuple[Fields, Fields]:
    """Who asks and the new account: the token at the top, as its code has it, or within ``cur_user``, as its README has it."""
    fields = message(document)
    asker = document.get("cur_user")
    if "token" not in document and isinstance(asker, dict):
        document = {**document, "token": asker.get("token")}
    fields = message(document, "token", "new_user")
    return fields, message(fields.values["new_user"], "username", "password", "role", "email")


def checked_text(value: Any, name: str) -> str:
    """A text that every database takes."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or "\x00" in value or any("\ud800" <= each <= "\udfff" for each in value):
        raise Refused("bad_text", f"{name} must be text.")
    return value
