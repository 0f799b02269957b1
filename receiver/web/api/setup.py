"""Registers the interface: every blueprint, the OpenAPI document at /v1/openapi.json and the page at /docs."""

from importlib.metadata import PackageNotFoundError, version

from flask import Flask
from flask_smorest import Api
from flask_swagger_ui import get_swaggerui_blueprint

from receiver.web.api import (
    corrections,
    devices,
    erasures,
    events,
    faces,
    health,
    identities,
    imports,
    library,
    library_faces,
    people,
    pictures,
    quarantine,
    reviews,
    strangers,
)

DESCRIPTION = """Events of face-recognition gates, the people they show, and what could not be read.

Lists answer `{"items": [...], "next": cursor or null}`, newest first; give `next` as `cursor` for the next page.
Errors are `application/problem+json` with `reason`, a machine word, and `detail`, a sentence."""


def register(app: Flask) -> Api:
    """Adds everything under /v1 and /docs to the application."""
    app.config.update(
        API_TITLE="Gatehouse",
        API_VERSION=_version(),
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/v1",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={"info": {"description": DESCRIPTION}},
    )
    api = Api(app)
    # problems.py answers errors, for all routes alike.
    for handled in (
        events,
        pictures,
        people,
        strangers,
        corrections,
        library_faces,
        library,
        erasures,
        imports,
        identities,
        faces,
        devices,
        quarantine,
        reviews,
        health,
    ):
        api.register_blueprint(handled.blueprint, url_prefix="/v1")
    app.register_blueprint(get_swaggerui_blueprint("/docs", "/v1/openapi.json", config={"app_name": "Gatehouse"}))
    return api


def _version() -> str:
    try:
        return version("gatehouse")
    except PackageNotFoundError:
        return "0.1.0"
