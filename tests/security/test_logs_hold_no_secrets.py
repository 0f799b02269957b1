"""A whole run of the server, with everything in it that must not be in a log; then every log is searched."""

import base64
import re
import sqlite3
import struct
from pathlib import Path

import requests

from tests.photos import ONE_MAN, photo
from tests.receiver.archives import packed
from tests.receiver.bad_receiver import BadReceiver, Behaviour
from tests.receiver.boxes import history
from tests.security.servers import MakeSite, make_site
from tests.system.processes import PASSWORD, Site, eventually, free_port

__all__ = ["make_site"]  # fixtures of another module

SECRETS = {
    "upstream password": "upStr3am-pa55",
    "upstream token": "upStr3am-t0ken",
    "stream password": "c4mera-pa55",
    "bearer token": "b3arer-t0ken",
    "basic password": "b4sic-pa55",
    "key in a query": "qu3ry-k3y",
    "cookie": "c00kie-jar",
    "form password": "f0rm-pa55",
    "database password": "d4tabase-pa55",
    "first password": "f1rst-passw0rd",
    "new password": "n3w-passw0rd",
    "subscription token": "subscr1ption-t0ken",
    "subscription header": "subscr1ption-h3ader",
    "header of one's own": "0wn-h3ader",
}


def test_no_log_of_a_whole_run_holds_a_secret_a_face_or_a_picture(make_site: MakeSite) -> None:
    address = f"http://relay:{SECRETS['upstream password']}@127.0.0.1:{free_port()}/HistoryEvent?token={SECRETS['upstream token']}"
    site = make_site(
        UPSTREAM_URL=address, UPSTREAM_EVERY="1", BODY_LIMIT="3MiB", ECHO="1", DESTINATION_NETWORKS="127.0.0.0/8"
    )
    site.start("serve")
    eventually(site.is_ready)
    with BadReceiver(usual=Behaviour.ECHOES) as receiver:
        searched, secrets = whole_run(site, receiver)
    assert "request" in searched
    assert "/HistoryEvent" in searched
    assert "not_delivered" in searched
    assert min(map(len, secrets.values())) >= 8
    assert not [name for name, secret in secrets.items() if secret in searched]
    assert not re.search(r"[A-Za-z0-9+/]{160,}", searched), "base64"
    assert not re.search(r"(?:-?0\.\d{3,}[,\s]+){8}", searched), "a row of numbers, as embeddings are"
    faces = embeddings(site.data_dir / "gatehouse.sqlite")
    assert faces
    for face in faces:
        numbers = struct.unpack(f"<{len(face) // 4}f", face)[:3]
        assert base64.b64encode(face).decode()[:60] not in searched
        assert face.hex()[:60] not in searched
        assert not any(f"{number:.6f}" in searched for number in numbers)


def whole_run(site: Site, receiver: BadReceiver) -> tuple[str, dict[str, str]]:
    """Everything that was said, in logs and by commands; and what must not be in it."""
    subscribe(site, receiver)
    first, second = (photo(name).read_bytes() for name in ONE_MAN[:2])
    post_events(site, first)
    ask(site, first, second)
    secrets = SECRETS | log_in(site) | post_with_keys(site)
    eventually(lambda: all(event["recognition"] != "pending" for event in site.every("/v1/events")))
    eventually(lambda: "audit_sealed" in logs_of(site))
    eventually(lambda: "X-Api-Key" in str(receiver.arrivals) or "x-api-key" in str(receiver.arrivals))
    eventually(lambda: "not_delivered" in logs_of(site))
    site.stop()
    keys = [site.data_dir / "audit.key", *(site.data_dir / "secrets").iterdir()]
    secrets |= {path.name: path.read_bytes().hex() for path in keys}
    told = "".join(
        site.run(*command).stdout
        for command in (
            ("settings",),
            ("audit", "list"),
            ("subscriptions", "show", "2"),
            ("deliveries", "list"),
            ("deliveries", "show", "2"),
        )
    )
    # A database that does not answer is named without its password.
    site.environment["GATEHOUSE_DATABASE_URL"] = f"postgresql://u:{SECRETS['database password']}@127.0.0.1:1/none"
    failed = site.run("db", "upgrade")
    assert failed.returncode != 0
    return logs_of(site) + told + failed.stdout + failed.stderr, secrets


def subscribe(site: Site, receiver: BadReceiver) -> None:
    """To somebody who says back in the answer everything that was said."""
    headers = f"X-Api-Key: {SECRETS['subscription header']}"
    document = {
        "name": "echo",
        "channel": "http",
        "target": {"url": receiver.url, "headers": {"X-Own": SECRETS["header of one's own"]}},
        "secrets": {"token": SECRETS["subscription token"], "headers": headers},
        "signed": True,
    }
    site.http.post(f"{site.url}/v1/subscriptions", json=document, timeout=30).raise_for_status()


def logs_of(site: Site) -> str:
    return "".join(
        path.read_text(errors="replace") for path in site.data_dir.parent.glob(f"{site.data_dir.name}-*.log")
    )


def post_events(site: Site, picture: bytes) -> None:
    """Of every kind that is met: kept, refused, unreadable, too large."""
    text = base64.b64encode(picture).decode()
    stream = f"rtsp://admin:{SECRETS['stream password']}@10.0.0.7/1?password={SECRETS['stream password']}"
    for number in range(3):
        inner = {"recognize_face": text, "media_device_url": stream, "stream_url": stream}
        event = history(number, ext_data=inner, want_action="1001")
        key = {"key": SECRETS["key in a query"]}
        requests.post(
            f"{site.url}/HistoryEvent", json=event, params=key, auth=("box", SECRETS["basic password"]), timeout=30
        )
    damaged = history(9, ext_data={"recognize_face": text[: len(text) // 2], "face_scene": "!!" + text})
    requests.post(f"{site.url}/HistoryEvent", json=damaged, timeout=30)
    for _ in range(2):
        requests.post(
            f"{site.url}/HistoryEvent", data=b"{" + text.encode() + SECRETS["form password"].encode(), timeout=30
        )
    requests.post(f"{site.url}/HistoryEvent", data=text.encode() * 40, timeout=60)
    requests.post(
        f"{site.url}/DeviceStatus",
        json={"dev_sno": "B1", "url": stream, "password": SECRETS["form password"]},
        timeout=30,
    )


def ask(site: Site, first: bytes, second: bytes) -> None:
    """As programs do, with whatever they send along."""
    session = site.http
    requests.get(f"{site.url}/v1/people", headers={"Authorization": f"Bearer {SECRETS['bearer token']}"}, timeout=30)
    session.cookies.set("session", SECRETS["cookie"])
    text, other = (base64.b64encode(each).decode() for each in (first, second))
    session.post(f"{site.url}/v1/people", json={"name": "Ann", "pictures": [text]}, timeout=120).raise_for_status()
    session.post(f"{site.url}/v1/people", data={"name": "Bea", "password": SECRETS["form password"]}, timeout=60)
    session.post(f"{site.url}/v1/people", json={"name": "Cid", "pictures": [text[:-40]]}, timeout=60)
    session.post(f"{site.url}/v1/detect", json={"picture": other, "embedding": True}, timeout=120).raise_for_status()
    session.post(f"{site.url}/v1/search", json={"picture": other}, timeout=120).raise_for_status()
    session.post(f"{site.url}/v1/verify", json={"picture": text, "other": other}, timeout=120).raise_for_status()
    session.post(f"{site.url}/v1/login", json={"username": "admin", "password": SECRETS["form password"]}, timeout=30)
    session.get(f"{site.url}/v1/events", params={"token": SECRETS["key in a query"]}, timeout=30)
    session.get(f"{site.url}/nowhere/{'x' * 40}", params={"api_key": SECRETS["key in a query"]}, timeout=30)
    archive = packed({"Dan/1.jpg": first, "Dan/broken.jpg": first[:900]})
    session.post(f"{site.url}/v1/imports", files={"file": ("people.zip", archive)}, timeout=60)


def log_in(site: Site) -> dict[str, str]:
    """Everything that lets somebody in, used in every way: what was given, by name."""
    login = {"username": "admin", "password": PASSWORD}
    tokens = requests.post(f"{site.url}/v1/login", json=login, timeout=30).json()
    newer = requests.post(f"{site.url}/v1/refresh", json={"refresh_token": tokens["refresh_token"]}, timeout=30).json()
    requests.post(f"{site.url}/v1/refresh", json={"refresh_token": tokens["refresh_token"]}, timeout=30)
    browser = requests.Session()
    page = browser.post(f"{site.url}/v1/session", json=login, timeout=30).json()
    for headers in ({"X-CSRF-Token": page["csrf_token"]}, {}):
        browser.post(f"{site.url}/v1/detect", headers=headers, timeout=30)
    guard = {"username": "guard1", "password": SECRETS["first password"], "role": "guard"}
    site.http.post(f"{site.url}/v1/accounts", json=guard, timeout=30).raise_for_status()
    requests.post(f"{site.url}/v1/login", json={**guard, "new_password": SECRETS["new password"]}, timeout=30)
    key = site.http.post(f"{site.url}/v1/keys", json={"name": "k", "scopes": ["events"]}, timeout=30).json()["key"]
    for path in ("/v1/events", "/v1/people", f"/v1/events?token={key}", f"/v1/keys/{key}"):
        requests.get(f"{site.url}{path}", headers={"Authorization": f"Bearer {key}"}, timeout=30)
    added = site.run("accounts", "add", "guard2", "--role", "guard")
    return {
        "password": PASSWORD,
        "access token": tokens["access_token"],
        "refresh token": tokens["refresh_token"],
        "newer refresh token": newer["refresh_token"],
        "session": browser.cookies["gatehouse_session"],
        "csrf token": page["csrf_token"],
        "api key": key,
        "one-time password": added.stdout.partition("shown this once: ")[2].split()[0],
        "another access token": str(site.http.headers["Authorization"]).removeprefix("Bearer "),
    }


def post_with_keys(site: Site) -> dict[str, str]:
    """As a box does that has a key, with its every place, and with the addresses mistyped."""
    made = site.run("devices", "key", "1")
    key = made.stdout.splitlines()[1].strip()
    for path in ("/in/{}/HistoryEvent", "/IN/{}/HistoryEvent", "//in//{}//HistoryEvent", "/in/{}", "/in/{}/nowhere"):
        requests.post(site.url + path.format(key), json=history(40), timeout=30)
    requests.post(f"{site.url}/HistoryEvent?key={key}", json=history(41), timeout=30)
    for _ in range(2):
        requests.post(f"{site.url}/in/{key}/HistoryEvent", data=b"{broken", timeout=30)
    return {"device key": key}


def embeddings(path: Path) -> list[bytes]:
    connection = sqlite3.connect(path)
    try:
        return [
            row[0]
            for row in connection.execute("SELECT embedding FROM face_embedding UNION SELECT embedding FROM sighting")
        ]
    finally:
        connection.close()
