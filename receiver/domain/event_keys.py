"""By which keys two messages are the same message, or tell of the same passage."""

import hashlib
import re
from datetime import UTC, datetime, timedelta

from receiver.domain.events import AccessEvent, Gate, PictureKind, WantAction

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HOST = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,20}://(\[[^\]]*\]|[^/:?#]*)")


def needs_raw(event: AccessEvent) -> bool:
    """Whether ``duplicate_key`` of this event reads ``raw``.

    Two people in one frame share device, gate, time and scene; without an identity or a face only the whole item tells
    them apart.
    """
    return not event.given_id and (event.occurred_at is None or not (event.identity_id or _face(event)))


def duplicate_key(event: AccessEvent, device_key: str, raw: bytes) -> bytes:
    """SHA-256 (32 bytes) that a resend of the same message has too.

    Args:
        event: the event.
        device_key: whatever names the resolved device for good.
        raw: the item's canonical bytes (sorted keys; pictures may be taken out, their digests are counted here); may be
            empty where ``needs_raw`` says no.
    """
    scope = [b"duplicate", event.channel.encode(), _bytes(device_key)]
    if event.given_id:
        return _hash([*scope, b"id", _bytes(event.given_id)])
    if needs_raw(event):
        return _hash([*scope, b"raw", raw, *(picture.digest for picture in event.pictures)])
    gate = event.gate.ep_id or event.gate.device_id or event.gate.address or event.gate.ip
    who = [_bytes(event.identity_id), _seen(event)]
    # A box tells of a passage, and a moment later that it has changed its library by the same face: that is to be heard too.
    asked = [] if event.want_action == WantAction.NOTHING else [event.want_action.encode()]
    return _hash([*scope, b"fact", _bytes(gate), _milliseconds(event.occurred_at), *who, *asked])


def passage_key(event: AccessEvent, scope: str) -> bytes | None:
    """SHA-256 (32 bytes) that a real-time and a history message of one passage share; None if they cannot be joined.

    A real-time message names its gate by IP only, a history message by ``<owner>__<address>``: the host is common to both.

    Args:
        event: the event.
        scope: what both messages' senders have in common, e.g. their network address.
    """
    who = event.identity_id.encode("utf-8", "replace") or _face(event)
    if event.occurred_at is None or not who:
        return None
    return _hash([b"passage", _bytes(scope), _bytes(_place(event.gate)), _milliseconds(event.occurred_at), who])


def _place(gate: Gate) -> str:
    url = _HOST.match(gate.address)
    return gate.ip or (url.group(1) if url else gate.address) or gate.device_id or gate.ep_id


def _face(event: AccessEvent) -> bytes:
    picture = event.picture(PictureKind.FACE)
    return picture.digest if picture else b""


def _seen(event: AccessEvent) -> bytes:
    scene = event.picture(PictureKind.SCENE)
    return _face(event) or (scene.digest if scene else b"")


def _milliseconds(moment: datetime | None) -> bytes:
    return b"" if moment is None else str((moment - _EPOCH) // _MILLISECOND).encode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _hash(parts: list[bytes]) -> bytes:
    """Each part with its length before it, so that no two lists of parts read the same."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
