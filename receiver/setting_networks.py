"""How settings that name networks, sites and headers are read, and how an address is shown."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from receiver.setting_values import read_text, read_urls

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


def read_header(value: Any) -> str:
    """The name of a header; empty for none."""
    text = read_text(value)
    if not re.fullmatch(r"[A-Za-z0-9-]{0,100}", text):
        raise ValueError("must be the name of a header: letters, digits and hyphens")
    return text


def without_password(url: str) -> str:
    """The address with its user's password, a device's key, and its query, which may hold a token, starred."""
    try:
        split = urlsplit(url)
    except ValueError:
        return re.sub(r"://\S*", "://***", url)
    if split.password:
        host = split.netloc.rpartition("@")[2]
        split = split._replace(netloc=f"{split.username or ''}:***@{host}")
    # A device's key may stand in the path.
    path = re.sub(r"(/in/+)[^/]+", r"\1***", split.path)
    return urlunsplit(split._replace(path=path, query="***" if split.query else ""))
