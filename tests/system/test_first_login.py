"""As a newcomer does it: the first start, and the README's own commands, each as it stands there."""

import json
import re
import stat
import subprocess
import sys
from pathlib import Path

import requests

from tests.photos import ONE_MAN, PEOPLE, photo
from tests.source import ROOT
from tests.system.conftest import MakeSite
from tests.system.processes import SCRIPT, Site, eventually

NEW = "a password of mine"


def blocks(heading: str = "Log in") -> list[str]:
    """The README's commands of that part."""
    part = (ROOT / "README.md").read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```bash\n(.*?)^```", part, re.MULTILINE | re.DOTALL)


def run(site: Site, script: str) -> list[dict[str, object]]:
    """What the commands answer, one JSON document each."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, (done.stderr, site.logs())
    decoder, text, found = json.JSONDecoder(), done.stdout.strip(), []
    while text:
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:].lstrip()
    return found


def typed(site: Site, folder: Path, commands: list[str]) -> str:
    """What the commands say to somebody who types them in that folder."""
    script = "\n".join(commands)
    for named, meant in {
        "http://127.0.0.1:9528": site.url,
        ".venv/bin/python Event_Receive_server.py": f"{sys.executable} {SCRIPT}",
        "simulate .photos/people": f"simulate {PEOPLE} --url {site.url}",
        "./scripts/photos": "true",
    }.items():
        script = script.replace(named, meant)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True, text=True, timeout=120, check=False, cwd=folder, env=site.environment,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr, site.logs())
    return done.stdout


def test_the_readme_alone_leads_to_a_face_that_is_recognised(make_site: MakeSite, tmp_path: Path) -> None:
    site = make_site(DEVICE_TRUST="adopt")
    site.start("serve")
    eventually(site.is_ready)
    post, trust, enrol, search = blocks("A first event")
    auth = f"AUTH='Authorization: {site.http.headers['Authorization']!s}'"

    def come(name: str) -> None:
        (tmp_path / "photo.jpg").write_bytes(photo(name).read_bytes())
        typed(site, tmp_path, [post])

    come(ONE_MAN[0])
    assert '"device_pending"' in typed(site, tmp_path, [post])
    assert "is trusted at 127.0.0.1" in typed(site, tmp_path, [trust])
    assert '"name":"Example One"' in typed(site, tmp_path, [auth, enrol])
    come(ONE_MAN[1])

    def decision() -> object:
        (event,) = site.get("/v1/events", limit=1)["items"]
        return event["decision"]

    assert eventually(decision)["status"] == "matched"
    assert '"status":"matched"' in typed(site, tmp_path, [auth, search])
    (simulate,) = blocks("Without a gate: the simulated one")
    told = typed(site, tmp_path, [simulate])
    assert "The balance adds up." in told
    assert "Device 2 (licence:SIMGAT" in told
    eventually(lambda: site.every("/v1/events", verified="false") == [])


def one_time_password(site: Site) -> str:
    match = re.search(r"shown this once:\n\n    (\S+)\n", site.logs())
    assert match is not None, site.logs()
    return match[1]


def test_the_readme_alone_leads_to_a_login_a_guard_and_a_key(make_site: MakeSite) -> None:
    site = make_site(ADMIN_PASSWORD="", RECOGNITION="off")
    site.start("serve")
    eventually(site.is_ready)
    password = one_time_password(site)
    assert requests.get(f"{site.url}/v1/events", timeout=30).status_code == 401

    script = "\n".join(blocks()).replace("http://127.0.0.1:9528", site.url)
    me, guard, key = run(site, script.replace("THE-ONE-TIME-PASSWORD", password).replace("A-PASSWORD-OF-YOURS", NEW))
    assert (me["username"], me["role"], me["must_change"]) == ("admin", "admin", False)
    assert (guard["username"], guard["role"], guard["must_change"]) == ("guard1", "guard", True)
    events = requests.get(f"{site.url}/v1/events", headers={"Authorization": f"Bearer {key['key']}"}, timeout=30)
    assert events.status_code == 200

    login = {"username": "admin", "password": password}
    assert requests.post(f"{site.url}/v1/login", json=login, timeout=30).status_code == 401
    site.stop()
    assert not [each for each in (NEW, str(key["key"])) if each in site.logs()]


def test_a_second_start_tells_no_password_and_keeps_every_login(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off", WEB_PROCESSES="2")
    site.start("serve")
    eventually(site.is_ready)
    assert site.logs().count("The account admin was made") == 1
    assert site.get("/v1/accounts")["items"][0]["username"] == "admin"
    site.stop()
    site.start("serve")
    eventually(site.is_ready)
    # With the token of before, by whichever of the processes is asked.
    for _ in range(8):
        answer = requests.get(f"{site.url}/v1/accounts", headers=dict(site.http.headers), timeout=30)
        assert answer.status_code == 200
    assert site.logs().count("The account admin was made") == 1
    key = site.data_dir / "secrets" / "signing.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_what_one_process_ends_the_other_lets_in_no_more(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off", WEB_PROCESSES="2")
    site.start("serve")
    eventually(site.is_ready)
    headers = dict(site.http.headers)
    for _ in range(8):  # a connection each, so that both processes know the login
        assert requests.get(f"{site.url}/v1/accounts/me", headers=headers, timeout=30).status_code == 200
    assert requests.post(f"{site.url}/v1/logout", headers=headers, timeout=30).status_code == 204

    def is_over() -> bool:
        asked = [requests.get(f"{site.url}/v1/accounts/me", headers=headers, timeout=30) for _ in range(8)]
        return {each.status_code for each in asked} == {401}

    eventually(is_over)
