"""The blueprint that all parts of the interface use, and what their views share."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from flask import Request, current_app
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser

from receiver.services.asking.asking import Page
from receiver.web import auditing
from receiver.web.auth import DECLARED, Access
from schemas.api import InvalidArguments

if TYPE_CHECKING:
    from receiver.web.app import Services


# How one logs in, as the interface's description calls it.
BEARER, SESSION = "bearer", "session"
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
    """A flask-smorest blueprint that is strict about names, and says of each operation who may ask for it."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._prepare_doc_cbks.append(_describe_access)


def _describe_access(doc: dict[str, Any], info: dict[str, Any], **_rest: Any) -> dict[str, Any]:
    """The role and the ways to log in, as the view declares them."""
    access: Access | None = info.get(DECLARED)
    if access is None:
        return doc
    told = info["docstring"]
    sentence = "Needs no login." if access.role is None else f"Needs the role {access.role}."
    told["description"] = "\n\n".join(each for each in (told.get("description"), sentence) if each)
    if access.role is None:
        return {**doc, "security": []}
    refused = {
        "401": {"description": "login_needed, token_expired, token_invalid, login_ended"},
        "403": {"description": "role_too_low, scope_missing, limited_account, password_must_change, csrf_missing"},
    }
    return {**doc, "security": [{BEARER: []}, {SESSION: []}], "responses": {**refused, **doc.get("responses", {})}}


def services() -> "Services":
    """What the views may call."""
    found: Services = current_app.extensions["gatehouse"]
    return found


def shown(page: Page) -> dict[str, Any]:
    """A page as an answer; the audit log is told how many rows it has, and between which ids.

    ``asdict`` would copy every row of it, which takes longer than finding them.
    """
    ids = [each["id"] for each in page.items if "id" in each]
    auditing.tell(rows=len(page.items), **({"first": ids[0], "last": ids[-1]} if ids else {}))
    return {"items": page.items, "next": page.next}


def aware(moment: datetime | None) -> datetime | None:
    """A time without a zone is one of the site."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=services().settings.timezone)
