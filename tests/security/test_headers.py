"""What every answer tells a browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import Client

from tests.receiver.web.site import Site, open_site

PORTAL = "https://portal.example"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, cors_origins=PORTAL) as opened:
        yield opened


@pytest.mark.parametrize(
    "path", ["/v1/people", "/v1/people/77", "/nowhere", "/docs/", "/metrics", "/v1/people?limit=x"]
)
def test_every_answer_forbids_frames_foreign_scripts_and_guessing(site: Site, path: str) -> None:
    headers = site.client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["script-src"] == policy["default-src"] == "'self'"
    assert (policy["frame-ancestors"], policy["object-src"], policy["base-uri"]) == ("'none'",) * 3
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_hsts_is_told_over_tls_only(site: Site) -> None:
    assert "Strict-Transport-Security" not in site.client.get("/v1/people").headers
    assert (
        "max-age" in site.client.get("/v1/people", base_url="https://gate.example").headers["Strict-Transport-Security"]
    )


def test_the_page_of_the_interface_has_no_script_of_its_own(site: Site) -> None:
    page = site.client.get("/docs/").get_data(as_text=True)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 3
    for attributes, text in scripts:
        source = re.fullmatch(r' src="(/docs/[\w.-]+)"', attributes)
        assert source
        assert not text.strip()
        with site.client.get(source[1]) as script:
            assert script.mimetype in {"text/javascript", "application/javascript"}
    assert not re.search(r"\son\w+=|javascript:", page)
    assert "/v1/openapi.json" in page


def test_no_other_site_may_ask_unless_it_is_listed(site: Site) -> None:
    for origin in (
        "https://evil.example",
        "null",
        f"{PORTAL}.evil.example",
        "http://portal.example",
        "https://portal.example:1",
    ):
        answer = site.client.get("/v1/people", headers={"Origin": origin})
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]
        assert "Origin" in answer.vary
    answer = site.client.get("/v1/people", headers={"Origin": PORTAL})
    assert answer.headers["Access-Control-Allow-Origin"] == PORTAL
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_listed_site_may_ask_beforehand(site: Site) -> None:
    wanted = {"Origin": PORTAL, "Access-Control-Request-Method": "PATCH"}
    answer = site.client.options("/v1/people/1", headers=wanted)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, PORTAL)
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    foreign = site.client.options("/v1/people/1", headers=wanted | {"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in foreign.headers


@pytest.mark.parametrize(("proxies", "is_secure"), [("", False), ("127.0.0.1", True)])
def test_cookies_of_a_site_with_https_go_over_https_only(tmp_path: Path, proxies: str, is_secure: bool) -> None:  # noqa: FBT001
    with open_site(tmp_path, trusted_proxies=proxies) as site:
        site.get("/v1/people")
        found = [site.app.config[f"SESSION_COOKIE_{name}"] for name in ("SECURE", "HTTPONLY", "SAMESITE")]
    assert found == [is_secure, True, "Strict"]


@pytest.mark.parametrize("name", ["Origin", "Host", "X-Forwarded-For", "If-None-Match", "Accept-Language"])
def test_nothing_that_is_sent_becomes_a_header_of_the_answer(site: Site, name: str) -> None:
    """WSGI servers forbid line ends; what a lenient one lets through is met here."""
    environ = {f"HTTP_{name.upper().replace('-', '_')}": "x\r\nX-Injected: 1"}
    client = Client(site.app)
    for path in (
        "/v1/people?q=a%0d%0aX-Injected:%201",
        "/v1/people/9?x=%0d%0aX-Injected:1",
        "/v1/%0d%0aX-Injected:%201",
    ):
        answer = client.get(path, environ_overrides=environ)
        assert "X-Injected" not in answer.headers
        assert answer.status_code < 500
        assert not [value for value in answer.headers.values() if "\n" in value or "\r" in value]
