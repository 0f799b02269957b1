"""Registers the interface: every blueprint, the OpenAPI document at /v1/openapi.json and the page at /docs."""

from importlib.metadata import PackageNotFoundError, version

from flask import Flask
from flask_smorest import Api

from receiver.web import docs
from receiver.web.api import (
    accounts,
    alerts,
    audit,
    corrections,
    deliveries,
    devices,
    erasures,
    events,
    faces,
    health,
    identities,
    imports,
    keys,
    library,
    library_faces,
    live,
    logins,
    people,
    pictures,
    quarantine,
    reviews,
    rules,
    strangers,
    subscriptions,
)
from receiver.web.api.blueprint import BEARER, SESSION
from receiver.web.auth import COOKIE
from schemas import answers

DESCRIPTION = """Events of face-recognition gates, the people they show, and what could not be read.

Log in with `POST /v1/login` and send `Authorization: Bearer <access_token>` with everything else; `POST /v1/refresh` gives the
next token. Programs may have an API key instead, sent in the same way (`POST /v1/keys`). Every operation says which role it needs:
each of viewer, guard, registrar and admin may do what those before it may.

Lists answer `{"items": [...], "next": cursor or null}`, newest first; give `next` as `cursor` for the next page.
Errors are `application/problem+json` with `reason`, a machine word, and `detail`, a sentence."""

SCHEMES = {
    BEARER: {"type": "http", "scheme": "bearer", "description": "an access token of `POST /v1/login`, or an API key"},
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "the console's; what changes something needs the header `X-CSRF-Token` too",
    },
}


class ProblemApi(Api):
    """Documents errors as problems.py answers them."""

    ERROR_SCHEMA = answers.Problem

    def _register_responses(self) -> None:
        usual = Api.DEFAULT_RESPONSE_CONTENT_TYPE
        self.DEFAULT_RESPONSE_CONTENT_TYPE = "application/problem+json"
        super()._register_responses()
        self.DEFAULT_RESPONSE_CONTENT_TYPE = usual


def register(app: Flask) -> Api:
    """Adds everything under /v1 and /docs to the application."""
    app.config.update(
        API_TITLE="Gatehouse",
        API_VERSION=_version(),
        OPENAPI_VERSION="3.0.3",
        OPENAPI_URL_PREFIX="/v1",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={"info": {"description": DESCRIPTION}, "components": {"securitySchemes": SCHEMES}},
    )
    api = ProblemApi(app)
    # problems.py answers errors, for all routes alike.
    for handled in (
        logins,
        accounts,
        keys,
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
        alerts,
        rules,
        live,
        subscriptions,
        deliveries,
        audit,
        health,
    ):
        api.register_blueprint(handled.blueprint, url_prefix="/v1")
    docs.register(app)
    return api


def _version() -> str:
    try:
        return version("gatehouse")
    except PackageNotFoundError:
        return "0.1.0"
