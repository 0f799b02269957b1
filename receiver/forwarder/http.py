"""The way out by HTTP POST: signed, with pooled connections, time limits and bounded answers; redirects are not followed."""

import hashlib
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError

from receiver.domain import signatures
from receiver.domain.errors import Invalid
from receiver.forwarder.certificates import tls_context
from receiver.forwarder.channel import Answer, Destination, Outcome, Outgoing
from receiver.forwarder.connections import CONNECT_SECONDS, READ_SECONDS, open_session
from receiver.forwarder.guard import ForbiddenAddress, Guard
from receiver.forwarder.targets import LONGEST_PEM, Words, starred

ANSWER_BYTES = 64 * 1024
SHOWN_BYTES = 200
# Answers that speak of this very message; all others speak of the other side's state or settings.
REFUSALS = {400, 413, 422}
GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503
# What somebody else asks for is obeyed, but for no longer than a day.
LONGEST_WAIT = 86_400.0
HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# What we say ourselves.
OURS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding", "expect", "te"}
    | {"upgrade", "trailer", signatures.ID, signatures.TIMESTAMP, signatures.SIGNATURE, signatures.SIGNER}
)
TLS_SECRETS = ("client_certificate", "client_key")


@dataclass(frozen=True, slots=True)
class HttpTarget:
    """Where to, and what shows who we are."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    credentials: HTTPBasicAuth | None = field(default=None, repr=False)
    signing: tuple[bytes, ...] = field(default=(), repr=False)


def read_target(destination: Destination, now: float) -> HttpTarget:
    """The target of a subscription.

    Raises:
        Invalid: ``bad_target``, ``bad_secret``.
    """
    words, secrets = Words(destination.target), Words(destination.secrets, "bad_secret")
    url = words.text("url", is_required=True)
    words.text("ca_certificate", longest=LONGEST_PEM)
    words.end("headers")
    headers = _headers(destination.target.get("headers") or {}, "bad_target")
    headers |= _headers(_lines(secrets.text("headers", longest=LONGEST_PEM)), "bad_secret")
    token = secrets.text("token")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    username, password = secrets.text("username"), secrets.text("password")
    for name in TLS_SECRETS:
        secrets.text(name, longest=LONGEST_PEM)
    signing = _signing(secrets, now)
    secrets.end()
    credentials = HTTPBasicAuth(username.encode(), password.encode()) if username or password else None
    return HttpTarget(url, headers, credentials, signing)


class HttpChannel:
    """Posts; 2xx means that the other side has it.

    Args:
        guard: says where destinations set over the interface may be.
    """

    def __init__(self, guard: Guard | None = None) -> None:
        self._guard = guard or Guard()
        # requests does not promise that a session may be shared by threads.
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def check(self, destination: Destination) -> None:
        """Whether a subscription may be saved.

        Raises:
            Invalid: ``bad_target``, ``bad_secret``, ``bad_pem``, ``secret_in_address``, ``forbidden_address``.
        """
        target = read_target(destination, time.time())
        tls_context(destination.target, destination.secrets)
        try:
            split = urlsplit(target.url)
            host, port = split.hostname or "", split.port or (443 if split.scheme == "https" else 80)
            requests.Request("POST", target.url).prepare()
        except (ValueError, requests.RequestException) as error:
            raise Invalid("bad_target", "url must be an address like https://platform.example/events") from error
        if split.scheme not in {"http", "https"} or not host:
            raise Invalid("bad_target", "url must begin with http:// or https:// and name a host")
        if destination.is_guarded:
            if split.username is not None:
                raise Invalid("secret_in_address", "give user and password as secrets, not in the address")
            self._guard.check(host, port)

    def send(self, outgoing: Outgoing) -> Answer:
        """One POST."""
        secrets = outgoing.destination.secrets
        try:
            target = read_target(outgoing.destination, time.time())
            session = self._session(outgoing.destination)
        except Invalid as error:
            return Answer(Outcome.UNREACHABLE, detail=f"{error.reason}: {error.detail}")
        try:
            with session.post(
                target.url,
                data=outgoing.body,
                headers=_all_headers(target, outgoing),
                auth=target.credentials,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _judge(response, starred(_text_of(response), {**secrets, **target.headers}))
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            # The error's own text holds the whole address, with what is secret in it.
            return Answer(Outcome.UNREACHABLE, detail=_forbidden(error) or f"{_kind(error)} at {_host(target.url)}")

    def close(self) -> None:
        """Ends all pooled connections."""
        for session in self._sessions:
            session.close()

    def _session(self, destination: Destination) -> requests.Session:
        """The thread's session for this kind of destination: pools are shared by those with the same TLS."""
        pem = [str(destination.target.get("ca_certificate") or "")]
        pem += [str(destination.secrets.get(name) or "") for name in TLS_SECRETS]
        key = (destination.is_guarded, hashlib.sha256("\0".join(pem).encode("utf-8", "replace")).digest())
        known: dict[tuple[bool, bytes], requests.Session] = self._local.__dict__.setdefault("sessions", {})
        if key not in known:
            context = tls_context(destination.target, destination.secrets)
            known[key] = open_session(self._guard, context, is_guarded=destination.is_guarded)
            self._sessions.append(known[key])
        return known[key]


def _headers(given: object, reason: str) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise Invalid(reason, "headers are names and values")
    for name, value in given.items():
        if not HEADER.fullmatch(str(name)) or str(name).lower() in OURS:
            raise Invalid(reason, f"{str(name)[:80]!r} is no header that you can give")
        if not re.fullmatch(r"[\x20-\x7e\xa0-\xff]{0,2000}", str(value)):
            raise Invalid(reason, f"the value of the header {name} must be one line of Latin letters")
    return {str(name): str(value).strip() for name, value in given.items()}


def _lines(text: str) -> dict[str, str]:
    pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
    return {name.strip(): value.strip() for name, _, value in pairs}


def _signing(secrets: Words, now: float) -> tuple[bytes, ...]:
    """The secret in force, and the one before it as long as that is valid too."""
    texts = [secrets.text("signing_secret")]
    previous, until = secrets.text("previous_signing_secret"), secrets.whole("previous_until", 0, 0, 10**12)
    if previous and (not until or now < until):
        texts.append(previous)
    return tuple(signatures.read_secret(text) for text in texts if text)


def _all_headers(target: HttpTarget, outgoing: Outgoing) -> dict[str, str]:
    ours = {
        "Content-Type": outgoing.content_type,
        "Accept-Encoding": "identity",
        "User-Agent": "Gatehouse",
        "X-Gatehouse-Event": ",".join(map(str, outgoing.event_ids)),
        "X-Gatehouse-Delivery": ",".join(map(str, outgoing.delivery_ids)),
        signatures.ID: outgoing.key,
    }
    if target.signing:
        ours |= signatures.headers(target.signing, outgoing.key, int(time.time()), outgoing.body)
    return {"User-Agent": "Gatehouse", **target.headers, **ours}


def _text_of(response: requests.Response) -> str:
    """The beginning of an answer; that it breaks off does not change what its status has said."""
    try:
        body: bytes = response.raw.read(ANSWER_BYTES)
    except (HTTPError, OSError):
        return ""
    return body[:SHOWN_BYTES].decode("utf-8", "replace")


def _host(url: str) -> str:
    """Where it was sent, without user, password, path and query; also of an address that is none."""
    return re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]


def _kind(error: BaseException) -> str:
    return type(error).__name__


def _forbidden(error: BaseException | None) -> str:
    """What the guard said, if it was the guard."""
    while error is not None:
        if isinstance(error, ForbiddenAddress):
            return f"forbidden_address: {error}"
        error = error.__context__
    return ""


def _judge(response: requests.Response, text: str) -> Answer:
    status, wait = response.status_code, _wait(response.headers.get("Retry-After", ""))
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return Answer(Outcome.DELIVERED, status, text)
    outcome = Outcome.UNREACHABLE
    if status in REFUSALS:
        outcome = Outcome.REFUSED
    elif status == GONE:
        outcome = Outcome.GONE
    elif status in {TOO_MANY, UNAVAILABLE} and wait is not None:
        outcome = Outcome.THROTTLED
    return Answer(outcome, status, f"HTTP {status}: {text}", wait if outcome is Outcome.THROTTLED else None)


def _wait(text: str) -> float | None:
    """Seconds that the other side asks for, as a number or a date; None if it does not say."""
    text = text.strip()
    if text.isdecimal():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = when.replace(tzinfo=when.tzinfo or UTC).timestamp() - time.time()
    return min(max(seconds, 0.0), LONGEST_WAIT)
