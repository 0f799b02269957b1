"""The blueprint that all parts of the interface use, and what their views share."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from flask import Request, current_app
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser

from receiver.services.asking import Page
from schemas.api import InvalidArguments

if TYPE_CHECKING:
    from receiver.web.app import Services


# Of a row, in an address: what no database can hold is not there.
ID = "int(max=9223372036854775807)"


class StrictParser(FlaskParser):
    """Leaves it to the schemas what to do with names that they do not know: they refuse them."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}  # noqa: RUF012 - webargs declares it so

    def handle_error(self, error: Any, *_request: Any, **_status: Any) -> NoReturn:
        """As the views themselves say that a document does not fit."""
        raise InvalidArguments(error.messages) from error

    def load_json(self, req: Request, schema: Any) -> Any:  # noqa: ARG002 - webargs' signature
        """The body as JSON, by the application's own reader, which bounds depth and digits; nothing is an empty object."""
        return req.get_json(force=True) if req.get_data(cache=True) else {}


class ApiBlueprint(Blueprint):
    """A flask-smorest blueprint that is strict about names."""

    ARGUMENTS_PARSER = StrictParser()


def services() -> "Services":
    """What the views may call."""
    found: Services = current_app.extensions["gatehouse"]
    return found


def shown(page: Page) -> dict[str, Any]:
    """A page as an answer; ``asdict`` would copy every row of it, which takes longer than finding them."""
    return {"items": page.items, "next": page.next}


def aware(moment: datetime | None) -> datetime | None:
    """A time without a zone is one of the site."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=services().settings.timezone)
