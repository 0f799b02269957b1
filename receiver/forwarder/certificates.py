"""TLS for every channel: the other side's certificate is always verified; whom to believe and who we are may be given as PEM."""

import os
import ssl
import tempfile
from collections.abc import Mapping

import certifi

from receiver.domain.errors import Invalid


def tls_context(target: Mapping[str, object], secrets: Mapping[str, object]) -> ssl.SSLContext:
    """A context that believes the machine's authorities and the public ones, or only ``ca_certificate`` where it is given.

    Raises:
        Invalid: ``bad_pem``.
    """
    authority = str(target.get("ca_certificate") or "")
    chain, key = (str(secrets.get(name) or "") for name in ("client_certificate", "client_key"))
    try:
        context = ssl.create_default_context(cadata=authority or None)
        if not authority:
            context.load_verify_locations(certifi.where())
        if chain:
            _present(context, f"{chain}\n{key}\n")
    except (ssl.SSLError, ValueError, OSError) as error:
        raise Invalid("bad_pem", "ca_certificate, client_certificate and client_key are texts in PEM") from error
    return context


def _present(context: ssl.SSLContext, pem: str) -> None:
    """OpenSSL reads who we are from a file only: one that nobody else may open, and that is gone at once."""
    handle, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(pem)
        context.load_cert_chain(path, password=_no_password)
    finally:
        os.unlink(path)  # noqa: PTH108 - the path is a text of tempfile's


def _no_password() -> str:
    raise ValueError("the key is locked by a password")
