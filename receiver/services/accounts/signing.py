"""The keys that sign tokens, made once into the data folder; and access tokens, which carry a login's number and no rights."""

import contextlib
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jwt

from receiver.domain.accounts import ACCESS_TIME
from receiver.domain.errors import SetupError

FOLDER, FILE = "secrets", "signing.key"
KEY_BYTES = 64
# Whatever a token's head says, it is read as this and nothing else.
ALGORITHM = "HS256"
ISSUER = "gatehouse"
# Ours have about 250 characters; in a longer one somebody has nested something.
LONGEST_TOKEN = 512


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says: the login, and of whom."""

    session_id: int
    account_id: int


class TokenError(Exception):
    """A token that cannot be taken; ``is_expired`` if it was good once."""

    def __init__(self, *, is_expired: bool = False) -> None:
        super().__init__("expired" if is_expired else "invalid")
        self.is_expired = is_expired


class Signer:
    """Signs and reads access tokens, and derives what a form must bring with a cookie."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.digest(key, b"access tokens", "sha512")
        self._csrf_key = hmac.digest(key, b"forged requests", "sha512")
        self._vehicle_key = hmac.digest(key, b"vehicles", "sha512")

    def access_token(self, claims: Claims, now: datetime | None = None) -> str:
        """A token for so long as ACCESS_TIME says."""
        begin = now or datetime.now(UTC)
        content = {
            "iss": ISSUER,
            "sub": str(claims.account_id),
            "sid": claims.session_id,
            "iat": begin,
            "exp": begin + ACCESS_TIME,
        }
        return jwt.encode(content, self._key, ALGORITHM)

    def vehicle_part(self, device_id: int, version: int) -> str:
        """What a vehicle shows with its number: the same each time, until the version is another one."""
        return hmac.new(self._vehicle_key, f"{device_id}.{version}".encode(), hashlib.sha256).hexdigest()

    def claims(self, token: str) -> Claims:
        """What a token says.

        Raises:
            TokenError: it is not ours, was changed, or its time is over.
        """
        if len(token) > LONGEST_TOKEN:
            raise TokenError
        try:
            found = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"require": ["exp", "iat", "sub", "sid", "iss"]},
            )
            return Claims(int(found["sid"]), int(found["sub"]))
        except jwt.ExpiredSignatureError as error:
            raise TokenError(is_expired=True) from error
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise TokenError from error

    def csrf_token(self, cookie: str) -> str:
        """What a page that changes something sends beside that cookie: another site's page cannot know it."""
        return hmac.new(self._csrf_key, cookie.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def load_key(data_dir: Path) -> bytes:
    """The data folder's signing key; made if there is none, by whichever process is first.

    Raises:
        SetupError: it cannot be written or read.
    """
    path = data_dir / FOLDER / FILE
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise SetupError("bad_signing_key", f"{path} cannot be made or read: {error.strerror}") from error
    if len(key) < KEY_BYTES:
        raise SetupError("bad_signing_key", f"{path} is damaged; take it away, and everybody logs in anew")
    return key


def _make(path: Path) -> None:
    """Written aside and put into its place whole; who comes second takes the first one's."""
    aside = path.with_name(f"{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(aside)
    finally:
        aside.unlink()
