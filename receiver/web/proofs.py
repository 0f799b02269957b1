"""What shows who a device is: a key in the address, in the query or as credentials, a client certificate's name, a signature."""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from receiver.domain import signatures
from receiver.domain.trust import is_within
from receiver.services.devices.trusting import proof_of_certificate, proof_of_key
from receiver.setting_networks import Network
from receiver.web.arrivals import CONNECTION_ENVIRON, Arrival, connection_of
from receiver.web.device_paths import KEY_ENVIRON

# A key has 32 characters; what is much longer is none.
LONGEST = 500
# Where ProxyFix leaves what the server itself saw.
ORIGINAL = "werkzeug.proxy_fix.orig"
# Headers of a signature, as the two kinds of request name them.
SIGNING = {
    name.encode(): name for name in (signatures.ID, signatures.TIMESTAMP, signatures.SIGNATURE, signatures.SIGNER)
}
SIGNING_ENVIRON = {f"HTTP_{name.upper().replace('-', '_')}": name for name in SIGNING.values()}
# The proof that a signed message stands for.
Verify = Callable[[signatures.Signed, bytes], bytes]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a request shows, as text."""

    key: str = ""
    query: str = ""
    authorization: str = ""
    certificate: str = ""
    signing: Mapping[str, str] = field(default_factory=dict)


class ProofReader:
    """Reads what requests show.

    Args:
        proxies: addresses or CIDRs of proxies whose word about a client certificate is believed.
        header: in which they hand its name over; empty for none.
        verify: whose signature it is; None: nobody's is looked at.
    """

    def __init__(self, proxies: Iterable[Network] = (), header: str = "", verify: Verify | None = None) -> None:
        self._proxies = [str(network) for network in proxies]
        self._header = header.lower().encode("latin-1", "replace")
        self._verify = verify
        self._environ_name = f"HTTP_{header.upper().replace('-', '_')}"

    def of_arrival(self, arrival: Arrival, body: bytes = b"") -> tuple[bytes, ...]:
        """The proofs that came with a request; most show none."""
        authorization = certificate = b""
        signing: dict[str, str] = {}
        for name, value in arrival.scope["headers"]:
            lower = name.lower()
            if lower == b"authorization":
                authorization = value
            elif self._header and lower == self._header:
                certificate = value
            elif lower in SIGNING:
                signing[SIGNING[lower]] = value.decode("latin-1")
        query, key = arrival.scope.get("query_string", b""), arrival.key
        if not (authorization or certificate or key or query or signing):
            return ()
        believed = certificate.decode("utf-8", "replace") if self._is_proxy(connection_of(arrival.scope)) else ""
        shown = _Shown(key, query.decode("latin-1"), authorization.decode("latin-1"), believed, signing)
        return self._proofs(shown, body)

    def of_environ(self, environ: Mapping[str, Any], body: bytes = b"") -> tuple[bytes, ...]:
        """The same for a request that the application answers."""
        peer = environ.get(CONNECTION_ENVIRON) or environ.get(ORIGINAL, environ).get("REMOTE_ADDR", "")
        certificate = environ.get(self._environ_name, "") if self._header and self._is_proxy(peer) else ""
        shown = _Shown(
            environ.get(KEY_ENVIRON, ""),
            environ.get("QUERY_STRING", ""),
            environ.get("HTTP_AUTHORIZATION", ""),
            certificate.encode("latin-1", "replace").decode("utf-8", "replace"),
            {name: environ[key] for key, name in SIGNING_ENVIRON.items() if key in environ},
        )
        return self._proofs(shown, body)

    def _proofs(self, shown: _Shown, body: bytes) -> tuple[bytes, ...]:
        said = signatures.signed(shown.signing) if self._verify is not None else None
        signature = () if said is None or self._verify is None else (self._verify(said, body),)
        return (*_proofs(shown), *signature)

    def _is_proxy(self, peer: str) -> bool:
        return any(is_within(network, peer) for network in self._proxies)


def _proofs(shown: _Shown) -> tuple[bytes, ...]:
    keys = [shown.key, *_from_query(shown.query), *_from_authorization(shown.authorization)]
    proofs = [proof_of_key(key) for key in dict.fromkeys(keys) if 0 < len(key) <= LONGEST]
    if 0 < len(shown.certificate) <= LONGEST:
        proofs.append(proof_of_certificate(shown.certificate))
    return tuple(proofs)


def _from_query(query: str) -> list[str]:
    if "key=" not in query:
        return []
    try:
        return parse_qs(query, max_num_fields=20).get("key", [])[:1]
    except ValueError:  # more fields than any box has
        return []


def _from_authorization(header: str) -> list[str]:
    """A bearer token, or the password of HTTP Basic; a box that has a field for the user alone has the key there."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return [rest.strip()]
    if scheme.lower() != "basic":
        return []
    try:
        user, _, password = base64.b64decode(rest.strip(), validate=True).decode("utf-8", "replace").partition(":")
    except (binascii.Error, ValueError):
        return []
    return [password or user]
