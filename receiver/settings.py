"""Every setting, declared once: its name, default, reading and documentation; one frozen value for the whole server."""

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from receiver.setting_networks import (
    Network,
    read_header,
    read_networks,
    read_origins,
    read_public_url,
    without_password,
)
from receiver.setting_values import (
    GIB,
    MIB,
    read_choice,
    read_fpir,
    read_limits,
    read_model,
    read_night,
    read_retention,
    read_schedule,
    read_size,
    read_switch,
    read_text,
    read_urls,
    read_whole,
    read_zone,
)
from recognition.gates import SHIPPED, GateLimits

# Whoever reads sizes from the settings finds their units here too.
__all__ = [
    "GIB",
    "MIB",
    "PREFIX",
    "SettingError",
    "Settings",
    "ShownSetting",
    "load",
    "names",
    "shown",
    "without_password",
]

PREFIX = "GATEHOUSE_"
# Read by the tests and by scripts/setup, never by the server.
IGNORED = ("GATEHOUSE_TEST_", "GATEHOUSE_PYTHON")
TOML_FILE = "gatehouse.toml"


class SettingError(ValueError):
    """A setting cannot be read; the message names it, says why and what would do."""


def setting(default: Any, doc: str, read: Callable[[Any], Any] = read_text, *, secret: bool = False) -> Any:
    """Declares one setting."""
    return field(default=default, metadata={"doc": doc, "read": read, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The server's settings as read; ``sources`` says where each came from."""

    host: str = setting("0.0.0.0", "Address to listen on; 127.0.0.1 lets only this machine in.")  # noqa: S104 - gates are other machines
    port: int = setting(9528, "Port to listen on.", read_whole(1, 65535))
    data_dir: Path = setting(
        Path("data"), "Folder for the database, pictures, models and secrets.", lambda v: Path(str(v))
    )
    database_url: str = setting(
        "", "Empty: SQLite in the data folder. Else postgresql://user:password@host/name.", secret=True
    )
    recognition: str = setting(
        "onnx",
        "Engine: onnx (dlib's models on ONNX Runtime; also `on` or `dlib`), face_recognition (the reference package), or off: events are kept, faces not read.",
        read_choice("onnx", "on", "dlib", "face_recognition", "off"),
    )
    model: str = setting(
        "dlib-resnet-v1+mirror",
        "Embedding model that a new library starts with; a library that has one keeps it until `people re-embed` moves it.",
        read_model,
    )
    cnn_detector: str = setting(
        "fallback",
        "When the CNN face detector looks, which sees more and takes longer: fallback (where the first finds nothing), always, never.",
        read_choice("fallback", "always", "never"),
    )
    engine_processes: int = setting(
        1,
        "Processes that look at faces for callers who wait (enrol, detect, verify, search); each about 200 MB while in use. "
        "At most half as many as GATEHOUSE_WEB_THREADS, so that others have threads left.",
        read_whole(1, 16),
    )
    upstream_url: tuple[str, ...] = setting(
        (), "Where every history event is sent on, one or several addresses separated by commas.", read_urls
    )
    upstream_every: str = setting("5", "When to send on: seconds, or a cron expression of five fields.", read_schedule)
    upstream_secret: str = setting(
        "",
        "Secret (whsec_...) with which what goes to GATEHOUSE_UPSTREAM_URL is signed; empty: not signed.",
        secret=True,
    )
    destination_networks: tuple[Network, ...] = setting(
        (),
        "Private networks to which subscriptions made over the interface may send, e.g. `10.0.0.0/24`; those of the settings "
        "and the command line may send anywhere.",
        read_networks,
    )
    public_url: str = setting(
        "",
        "How others reach this server, e.g. https://gates.example: for links to pictures in what is sent; empty: links without host.",
        read_public_url,
    )
    backlog_size: int = setting(
        20 * GIB,
        "What may wait for all destinations together; beyond it the oldest go without pictures, then those of paused subscriptions.",
        read_size,
    )
    deliveries_days: int = setting(7, "Days for which deliveries that are over are shown.", read_whole(1, 365))
    deliveries_kept: int = setting(100_000, "How many of those are kept at most.", read_whole(0, 10_000_000))
    retention: tuple[tuple[str, str, int], ...] = setting(
        (),
        "Days to keep: events, scenes, faces (pictures), embeddings, real_time (events), strangers (unseen), reviews (decided), "
        "identities (of devices, unseen and not adopted), alerts (closed), frames (not of alerts that are open), "
        "quarantine (messages that could not be read), e.g. "
        "`events=365, scenes=30, visitor.scenes=7, strangers=90`; empty: everything, for good.",
        read_retention,
    )
    frames_size: int = setting(
        5 * GIB,
        "What all frames of alerts and devices may take: beyond it the oldest calm ones go, then those of closed alerts.",
        read_size,
    )
    library_check: str = setting(
        "0 3 * * *",
        "When the whole library is looked over (proposed merges, look-alikes, pictures that contradict or have aged): a cron "
        "expression of five fields in the zone of GATEHOUSE_TIMEZONE, or off.",
        read_night,
    )
    backup_days: int = setting(
        30, "Days for which you keep backups; told in the certificate of an erasure.", read_whole(0, 36_500)
    )
    timezone: ZoneInfo = setting(ZoneInfo("UTC"), "Zone of times that come without one, and of schedules.", read_zone)
    disk_reserve: int = setting(
        GIB,
        "Free space under which the server says so and is not ready; under 200 MiB it takes no more events.",
        read_size,
    )
    log_format: str = setting("text", "text for people, json for programs.", read_choice("text", "json"))
    admin_password: str = setting(
        "",
        "First password of the account admin, for the first start alone; empty: a random one is printed, to be changed at the first login.",
        secret=True,
    )
    device_trust: str = setting(
        "adopt",
        "How devices that nobody knows are met: adopt (kept apart until you trust them), open (everybody is believed), "
        "secret (only who shows a key is believed).",
        read_choice("adopt", "open", "secret"),
    )
    pending_events: int = setting(
        1000,
        "Events kept of one device that nobody has trusted; more are acknowledged and dropped.",
        read_whole(1, 100_000),
    )
    pending_events_in_all: int = setting(10_000, "The same of all such devices together.", read_whole(1, 1_000_000))
    pending_size: int = setting(
        GIB, "What all their events may take, pictures included; one device may take a quarter of it.", read_size
    )
    pending_hours: int = setting(
        24, "How old what a device sent before you trusted it may be to be processed, in hours.", read_whole(1, 720)
    )
    client_certificate_header: str = setting(
        "",
        "Header in which such a proxy hands over the name in a device's client certificate, e.g. X-SSL-Client-S-DN; empty: none.",
        read_header,
    )
    fpir: float = setting(
        0.01,
        "Share of strangers that may be called by somebody's name, e.g. 1% (at most 5%); sets the threshold.",
        read_fpir,
    )
    blacklist_fpir: float = setting(
        0.02, "The same for people on the blacklist, where a miss costs more than a look.", read_fpir
    )
    quality_limits: GateLimits = setting(
        SHIPPED,
        "Picture quality limits of your own, e.g. `register.blur>0.66, enrol.luminance_mean<60 warn`; see docs/explanation/quality.md.",
        read_limits,
    )
    body_limit: int = setting(128 * MIB, "Largest body of a request, also after unpacking.", read_size)
    body_seconds: int = setting(60, "Time within which a request's whole body must have come.", read_whole(1, 3600))
    pixel_limit: int = setting(
        50_000_000, "Most pixels a picture may have; decided from its header.", read_whole(1_000, 500_000_000)
    )
    connections: int = setting(
        1000,
        "Connections that a web process holds at once; one address, other than a trusted proxy's, may hold a quarter.",
        read_whole(4, 100_000),
    )
    live_connections: int = setting(
        1000,
        "Live streams and Socket.IO connections of accounts that a web process holds at once, beside the connections above; "
        "one account may hold half.",
        read_whole(2, 100_000),
    )
    tls_cert: str = setting(
        "", "Certificate file (PEM, with the chain) for HTTPS; empty: plain HTTP. With GATEHOUSE_TLS_KEY."
    )
    tls_key: str = setting("", "Private key file (PEM) of the certificate.")
    trusted_proxies: tuple[Network, ...] = setting(
        (),
        "Addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, e.g. "
        "`127.0.0.1, 10.0.0.0/24`; they are taken to speak HTTPS to browsers.",
        read_networks,
    )
    cors_origins: tuple[str, ...] = setting(
        (),
        "Sites whose pages may ask the interface from a browser, e.g. `https://portal.example`; empty: none.",
        read_origins,
    )
    web_processes: int = setting(
        1, "Web processes that `serve` starts; each takes about 80 MB and, under load, up to a core.", read_whole(1, 64)
    )
    web_threads: int = setting(16, "Threads that answer requests.", read_whole(1, 256))
    automatic_strangers: bool = setting(
        True,
        "1: a face that nobody knows and that is seen twice becomes a stranger with a lasting id; 0: only what a box "
        "registers (1001).",
        read_switch,
    )
    candidate_days: int = setting(
        7, "Days for which a face that nobody knows waits to be seen a second time.", read_whole(1, 365)
    )
    stranger_faces: int = setting(
        5,
        "Pictures by which a stranger is known, at most; the best and most different ones are kept.",
        read_whole(1, 20),
    )
    visit_minutes: int = setting(
        10, "Two sightings of a person that lie no more than so many minutes apart are one visit.", read_whole(1, 1440)
    )
    adopt_identities: str = setting(
        "off",
        "trusted: whom trusted devices know is enrolled with the device's library picture as events come in; off: only "
        "when somebody asks for it (`people adopt`). See docs/how-to/adopt-from-devices.md.",
        read_choice("off", "trusted"),
    )
    echo: bool = setting(
        False,
        "1: print one line per event, as the script on the box does.",
        read_switch,
    )
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_sqlite(self) -> bool:
        return self.database_url == ""

    @property
    def is_https(self) -> bool:
        """Whether browsers speak HTTPS to it: by a certificate of its own, or to a proxy before it."""
        return bool(self.tls_cert or self.trusted_proxies)

    @property
    def engine_name(self) -> str:
        """The recognition engine's name, or ``off``."""
        return "onnx" if self.recognition in {"on", "dlib"} else self.recognition


def names() -> dict[str, str]:
    """Environment name -> field name of every setting."""
    return {PREFIX + each.name.upper(): each.name for each in fields(Settings) if each.name != "sources"}


def load(
    environ: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None, folder: Path | None = None
) -> Settings:
    """Reads the settings: defaults, then ``gatehouse.toml``, then the environment, then flags.

    Args:
        environ: the environment; ``os.environ`` if None.
        flags: field name -> value given on the command line; None values count as not given.
        folder: where ``gatehouse.toml`` is looked for; the current folder if None.

    Raises:
        SettingError: an unknown name (with a suggestion) or a value that cannot be read.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, found in (
        (TOML_FILE, _from_toml((folder or Path.cwd()) / TOML_FILE)),
        ("environment", _from_environment(os.environ if environ is None else environ)),
        ("flag", {name: value for name, value in (flags or {}).items() if value is not None}),
    ):
        for name, raw in found.items():
            values[name] = _read(name, raw)
            sources[name] = source
    return Settings(**values, sources=sources)


def _from_toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path.name} cannot be read: {error}") from error
    known = set(names().values())
    for name in found:
        if name not in known:
            raise SettingError(f"{path.name}: unknown setting {name!r}{_suggestion(name, known)}")
    return found


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    known = names()
    found: dict[str, Any] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name.startswith(IGNORED):
            continue
        base = name.removesuffix("_FILE")
        if name in known:
            found[known[name]] = value
        elif base != name and base in known:
            found[known[base]] = _from_file(name, value)
        else:
            raise SettingError(f"unknown setting {name}{_suggestion(name, set(known))}; `settings` lists them all")
    return found


def _from_file(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingError(f"{name}: the file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{name}: the file {path} is no UTF-8 text") from error


def _suggestion(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f", did you mean {near[0]}?" if near else ""


def _read(name: str, raw: Any) -> Any:
    declared = next(each for each in fields(Settings) if each.name == name)
    try:
        return declared.metadata["read"](raw)
    except (ValueError, TypeError) as error:
        shown = "***" if declared.metadata["secret"] else re.sub(r"://\S*@", "://***@", repr(raw))
        raise SettingError(f"{PREFIX}{name.upper()}={shown}: {error}") from error


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One row of `settings`: secrets starred."""

    name: str
    value: str
    source: str
    doc: str


def shown(settings: Settings) -> list[ShownSetting]:
    """All settings with their effective values and origin, ready to print; secrets and passwords in addresses starred."""
    rows = []
    for each in fields(Settings):
        if each.name == "sources":
            continue
        value = getattr(settings, each.name)
        source = settings.sources.get(each.name, "default")
        rows.append(
            ShownSetting(
                PREFIX + each.name.upper(), _show(value, secret=each.metadata["secret"]), source, each.metadata["doc"]
            )
        )
    return rows


def _show(value: Any, *, secret: bool) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return ", ".join(f"{f'{rule[0]}.' if rule[0] else ''}{rule[1]}={rule[2]}" for rule in value)
    if isinstance(value, tuple):
        return ", ".join(without_password(str(item)) for item in value)
    if secret and value:
        return without_password(value) if "://" in str(value) else "***"
    return str(value)
