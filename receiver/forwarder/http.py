"""The way out by HTTP POST, with pooled connections, time limits and bounded answers."""

import re
import threading

import requests
from urllib3.exceptions import HTTPError

from receiver.forwarder.channel import Answer, Outcome, Outgoing

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
ANSWER_BYTES = 64 * 1024
# Answers that speak of this very message; all others speak of the other side's state or settings.
REFUSALS = {400, 413, 422}


class HttpChannel:
    """Posts JSON; 2xx means that the other side has it. Redirects are not followed: a 3xx is not an acknowledgement."""

    def __init__(self) -> None:
        # requests does not promise that a session may be shared by threads.
        self._local = threading.local()
        self._sessions: list[requests.Session] = []

    def send(self, outgoing: Outgoing) -> Answer:
        """One POST."""
        url = str(outgoing.destination.target["url"])
        headers = {
            "Content-Type": outgoing.content_type,
            "Accept-Encoding": "identity",
            "X-Gatehouse-Event": ",".join(map(str, outgoing.event_ids)),
            "X-Gatehouse-Delivery": ",".join(map(str, outgoing.delivery_ids)),
        }
        try:
            with self._session().post(
                url,
                data=outgoing.body,
                headers=headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                return _judge(response.status_code, _text_of(response))
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            # The error's own text holds the whole address, with what is secret in it.
            return Answer(Outcome.UNREACHABLE, f"{type(error).__name__} at {_host(url)}")

    def close(self) -> None:
        """Ends all pooled connections."""
        for session in self._sessions:
            session.close()

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            # The administrator's own word: no proxy from the environment, no .netrc.
            self._local.session.trust_env = False
            self._sessions.append(self._local.session)
        found: requests.Session = self._local.session
        return found


def _text_of(response: requests.Response) -> str:
    """The beginning of an answer; that it breaks off does not change what its status has said."""
    try:
        body: bytes = response.raw.read(ANSWER_BYTES)
    except (HTTPError, OSError):
        return ""
    return body[:200].decode("utf-8", "replace")


def _host(url: str) -> str:
    """Where it was sent, without user, password, path and query; also of an address that is none."""
    return re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[2]


def _judge(status: int, text: str) -> Answer:
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return Answer(Outcome.DELIVERED)
    return Answer(Outcome.REFUSED if status in REFUSALS else Outcome.UNREACHABLE, f"HTTP {status}: {text}")
