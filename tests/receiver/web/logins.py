"""How tests ask an application: at one place, for those who must log in first."""

from flask import Flask
from flask.testing import FlaskClient


def client_of(app: Flask) -> FlaskClient:
    """A client that may do everything."""
    return app.test_client()
