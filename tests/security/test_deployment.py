"""The unit file keeps its promises, and the pages and examples beside it speak of the same things."""

import re

from receiver import settings
from tests.source import ROOT

DEPLOY = ROOT / "deploy"
PAGES = ("docs/how-to/harden-an-edge-box.md", "docs/how-to/tls-and-proxies.md", "SECURITY.md")
EVERYTHING_OFF = (
    "NoNewPrivileges", "PrivateTmp", "PrivateDevices", "PrivateMounts", "PrivateUsers", "ProtectKernelTunables", "ProtectKernelModules",
    "ProtectKernelLogs", "ProtectControlGroups", "ProtectClock", "ProtectHostname", "RestrictSUIDSGID", "RestrictNamespaces",
    "RestrictRealtime", "LockPersonality", "RemoveIPC", "ProtectHome",
)  # fmt: skip


def unit() -> dict[str, dict[str, list[str]]]:
    """Section -> key -> values, in their order; systemd reads a key that stands twice as a list."""
    found: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in (DEPLOY / "gatehouse.service").read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = found.setdefault(heading[1], {})
            continue
        key, separator, value = line.partition("=")
        assert separator, line
        section.setdefault(key, []).append(value)
    return found


def test_the_server_has_an_account_of_its_own_and_one_folder_to_write_to() -> None:
    service = unit()["Service"]
    assert service["User"] == service["Group"] == ["gatehouse"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["StateDirectory"] == ["gatehouse"]
    assert (service["StateDirectoryMode"], service["UMask"]) == (["0700"], ["0077"])
    assert "GATEHOUSE_DATA_DIR=/var/lib/gatehouse" in service["Environment"]
    assert "ReadWritePaths" not in service


def test_nothing_gives_it_more_rights_than_it_has() -> None:
    service = unit()["Service"]
    assert [name for name in EVERYTHING_OFF if service.get(name) != ["yes"]] == []
    assert service["CapabilityBoundingSet"] == service["AmbientCapabilities"] == [""]
    assert service["RestrictAddressFamilies"] == ["AF_INET AF_INET6 AF_UNIX"]
    allowed, denied = service["SystemCallFilter"]
    assert allowed == "@system-service"
    assert denied.startswith("~")
    assert {"@privileged", "@mount", "@module", "@debug"} <= set(denied[1:].split())
    # It steps back (nice) and takes more open files: both are resources.
    assert "@resources" not in denied


def test_it_starts_what_there_is() -> None:
    service = unit()["Service"]
    (command,) = service["ExecStart"]
    script = next(word for word in command.split() if word.endswith(".py"))
    assert (ROOT / script).is_file()
    assert command.endswith(" serve")
    assert service["Restart"] == ["on-failure"]
    assert unit()["Install"]["WantedBy"] == ["multi-user.target"]


def test_every_setting_that_the_examples_name_exists() -> None:
    for path in DEPLOY.iterdir():
        named = set(re.findall(r"\b(GATEHOUSE_[A-Z_]*[A-Z])\b", path.read_text(encoding="utf-8"))) - {
            "GATEHOUSE_X_FILE"
        }
        assert named <= settings.names().keys(), path.name


def test_the_proxies_examples_set_the_senders_address_anew() -> None:
    nginx = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert nginx.count("proxy_set_header X-Forwarded-For $remote_addr;") == nginx.count("proxy_pass ") == 2
    assert "proxy_add_x_forwarded_for" not in nginx


def test_the_pages_lead_to_the_files() -> None:
    text = "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    assert not [path.name for path in DEPLOY.iterdir() if f"deploy/{path.name}" not in text]
