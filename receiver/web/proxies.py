"""Whose word about a request's sender counts, where a WSGI server runs the application; our own front leaves it to uvicorn."""

from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

from receiver.domain.addresses import read_address
from receiver.setting_networks import Network
from receiver.web.calling import WsgiApp


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether the address is in one of the networks."""
    found = read_address(address)
    return found is not None and any(found in network for network in networks)


def behind_proxies(app: WsgiApp, networks: tuple[Network, ...]) -> WsgiApp:
    """The application, told the sender's address by those proxies and by nobody else."""
    fixed = ProxyFix(app, x_for=1, x_proto=1)

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        is_proxy = is_within(environ.get("REMOTE_ADDR", ""), networks)
        return (fixed if is_proxy else app)(environ, start_response)

    return answer
