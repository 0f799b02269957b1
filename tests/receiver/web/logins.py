"""Accounts of tests, logged in without a password: hashing one takes longer than most tests do."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from receiver.domain.accounts import NO_LIMITS, Limits, Role
from receiver.services.accounts.signing import Claims
from receiver.store import accounts
from receiver.web.app import Services


def token_of(services: Services, role: str = Role.ADMIN, limits: Limits = NO_LIMITS, **values: Any) -> str:
    """An access token of a new account of that role."""
    now = datetime.now(UTC)
    login = {"kind": "program", "secret_hash": bytes(32), "token_hash": bytes(32), "created_at": now, "used_at": now}
    new = {
        "name": f"{role}-{secrets.token_hex(4)}", "role": role, "password_hash": "none", "limits": limits.as_json(),
        "created_at": now, "updated_at": now, **values,
    }  # fmt: skip
    with services.asking._store.write() as tx:
        account_id = accounts.add(tx, new)
        session_id = accounts.add_login(tx, login | {"account_id": account_id, "expires_at": now + timedelta(days=1)})
    return services.signer.access_token(Claims(session_id, account_id))


def headers_of(app: Flask, role: str = Role.ADMIN, limits: Limits = NO_LIMITS) -> dict[str, str]:
    """What a request of that role sends; one account of each role for an application."""
    known: dict[Any, str] = app.extensions.setdefault("test logins", {})
    if (role, limits) not in known:
        known[role, limits] = token_of(app.extensions["gatehouse"], role, limits)
    return {"Authorization": f"Bearer {known[role, limits]}"}


def client_of(app: Flask, role: str = Role.ADMIN, limits: Limits = NO_LIMITS) -> FlaskClient:
    """A client that is logged in with that role."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = headers_of(app, role, limits)["Authorization"]
    return client
