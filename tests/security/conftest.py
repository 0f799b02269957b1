"""Sites with accounts whose passwords are hashed cheaply: what is tested here is who may come in, not how dear a hash is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from receiver.domain.accounts import NO_LIMITS, Limits, Role
from receiver.services.accounts.accounts import Accounts, NewAccount
from receiver.services.accounts.logging_in import LoggingIn
from receiver.services.accounts.passwords import HashParameters, Passwords
from receiver.web.auth import CSRF_HEADER
from tests.receiver.web.logins import client_of
from tests.receiver.web.site import Site, open_site

PASSWORD = "correct horse battery"
CHEAP = HashParameters(time_cost=1, memory_kib=64, lanes=1)


@dataclass(frozen=True)
class Door:
    """A site and the people before its door."""

    site: Site
    passwords: Passwords

    @property
    def stranger(self) -> FlaskClient:
        """Nobody who is known."""
        return self.site.app.test_client()

    def client(self, role: str = Role.ADMIN, limits: Limits = NO_LIMITS) -> FlaskClient:
        return client_of(self.site.app, role, limits)

    def account(self, name: str, role: Role = Role.ADMIN, **values: Any) -> int:
        """An account with PASSWORD; its id."""
        return self.site.services.accounts.add(NewAccount(name, PASSWORD, role, **{"must_change": False} | values))

    def login(
        self, name: str, password: str = PASSWORD, address: str = "10.0.0.1", path: str = "/v1/login", **more: Any
    ) -> TestResponse:
        """An attempt to log in from an address."""
        document = {"username": name, "password": password, **more}
        return self.stranger.post(path, json=document, environ_overrides={"REMOTE_ADDR": address})

    def tokens(self, name: str) -> dict[str, Any]:
        answer = self.login(name)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        found: dict[str, Any] = answer.get_json()
        return found

    def asked(self, token: str | None, path: str = "/v1/accounts/me", method: str = "GET", **more: Any) -> TestResponse:
        """A request with that token, or with none."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.stranger.open(path, method=method, headers=headers, **more)

    def browser(self, name: str) -> tuple[FlaskClient, dict[str, str]]:
        """A browser that is logged in, and the header that its page sends."""
        browser = self.stranger
        answer = browser.post("/v1/session", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return browser, {CSRF_HEADER: answer.get_json()["csrf_token"]}


def cheapened(site: Site) -> Door:
    """The same site with cheap hashes."""
    passwords, services = Passwords(CHEAP), site.services
    forget = services.admitting.forget
    site.app.extensions["gatehouse"] = replace(
        services,
        logging_in=LoggingIn(site.store, passwords, services.signer, forget),
        accounts=Accounts(site.store, passwords, forget),
    )
    return Door(site, passwords)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_site(tmp_path) as site:
        yield cheapened(site)


@pytest.fixture
def any_door(tmp_path: Path, database_url: str) -> Iterator[Door]:
    """On each kind of database."""
    folder = tmp_path / "any"
    folder.mkdir()
    with open_site(folder, database_url) as site:
        yield cheapened(site)


@pytest.fixture(scope="module")
def shared_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """For a module whose tests change nothing that others read."""
    with open_site(tmp_path_factory.mktemp("door")) as site:
        yield cheapened(site)
