"""How settings that name networks and sites are read."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlsplit

from receiver.setting_values import read_urls

Network = IPv4Network | IPv6Network


def read_networks(value: Any) -> tuple[Network, ...]:
    """Addresses and networks in CIDR notation, separated by commas or blanks."""
    parts = value if isinstance(value, list) else re.split(r"[,\s]+", str(value))
    try:
        found = tuple(ip_network(str(part).strip()) for part in parts if str(part).strip())
    except ValueError as error:
        raise ValueError(f"must be addresses or networks like 127.0.0.1 or 10.0.0.0/24 ({error})") from error
    if any(network.prefixlen == 0 for network in found):
        raise ValueError("a network of all addresses would believe anybody")
    return found


def read_origins(value: Any) -> tuple[str, ...]:
    """Sites as browsers name them: scheme, host and port, without a path."""
    urls = read_urls(value)
    for url in urls:
        split = urlsplit(url)
        if f"{split.scheme}://{split.netloc}" != url.rstrip("/") or "@" in split.netloc:
            raise ValueError("must be like https://portal.example, without a path or a user")
    return tuple(url.rstrip("/") for url in urls)


def read_public_url(value: Any) -> str:
    """How others reach this server: scheme, host, port and, behind a proxy, a path; without a slash at its end. Or empty."""
    urls = read_urls(value)
    if len(urls) > 1 or any(mark in url for url in urls for mark in "?#@"):
        raise ValueError("must be one address like https://gates.example, without a user or a query")
    return urls[0].rstrip("/") if urls else ""
