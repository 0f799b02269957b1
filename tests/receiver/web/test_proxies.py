"""Whose word about a sender counts under a WSGI server, and how the settings name proxies and sites."""

from collections.abc import Callable, Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from receiver.settings import SettingError, load
from receiver.web.proxies import behind_proxies, is_within

PROXY, CLIENT, LIE = "10.0.0.1", "192.0.2.7", "198.51.100.9"


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']}".encode()]


@pytest.mark.parametrize(
    ("peer", "said", "expected"),
    [
        (PROXY, CLIENT, f"{CLIENT} https"),
        (PROXY, f"{LIE}, {CLIENT}", f"{CLIENT} https"),
        (CLIENT, LIE, f"{CLIENT} http"),
        ("", LIE, " http"),
        ("no address", LIE, "no address http"),
    ],
)
def test_a_listed_proxy_is_believed_and_nobody_else(peer: str, said: str, expected: str) -> None:
    app = behind_proxies(echo, (ip_network("10.0.0.0/24"),))
    headers = {"X-Forwarded-For": said, "X-Forwarded-Proto": "https"}
    answer = Client(app).get("/", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    assert answer.get_data(as_text=True) == expected


def test_an_address_is_held_against_networks_of_its_own_kind() -> None:
    networks = (ip_network("10.0.0.0/24"), ip_network("fd00::/8"))
    assert [is_within(each, networks) for each in ("10.0.0.9", "10.0.1.9", "fd00::1", "fe80::1", "x", "")] == [
        True, False, True, False, False, False,
    ]  # fmt: skip


def settings(folder: Path, **given: str) -> Any:
    return load({f"GATEHOUSE_{name.upper()}": value for name, value in given.items()}, folder=folder)


def test_proxies_and_sites_are_read_from_lists(tmp_path: Path) -> None:
    found = settings(
        tmp_path, trusted_proxies="127.0.0.1, 10.0.0.0/24", cors_origins="https://a.example/ http://b.example:8080"
    )
    assert list(map(str, found.trusted_proxies)) == ["127.0.0.1/32", "10.0.0.0/24"]
    assert found.cors_origins == ("https://a.example", "http://b.example:8080")
    assert found.is_https
    assert not settings(tmp_path).is_https


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trusted_proxies", "0.0.0.0/0"),
        ("trusted_proxies", "::/0"),
        ("trusted_proxies", "10.0.0.1/24"),
        ("trusted_proxies", "proxy.example"),
        ("cors_origins", "*"),
        ("cors_origins", "https://a.example/path"),
        ("cors_origins", "https://user@a.example"),
        ("connections", "0"),
    ],
)
def test_what_would_let_in_anybody_is_refused(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"GATEHOUSE_{name.upper()}"):
        settings(tmp_path, **{name: value})
