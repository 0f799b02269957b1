"""The blueprint that all parts of the interface use, and what their views share."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser

from receiver.services.asking import Page

if TYPE_CHECKING:
    from receiver.web.app import Services


class StrictParser(FlaskParser):
    """Leaves it to the schemas what to do with names that they do not know: they refuse them."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}  # noqa: RUF012 - webargs declares it so


class ApiBlueprint(Blueprint):
    """A flask-smorest blueprint that is strict about names."""

    ARGUMENTS_PARSER = StrictParser()


def services() -> "Services":
    """What the views may call."""
    found: Services = current_app.extensions["gatehouse"]
    return found


def shown(page: Page) -> dict[str, Any]:
    """A page as an answer."""
    return asdict(page)
