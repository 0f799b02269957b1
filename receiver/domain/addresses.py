"""Addresses of clients: one of IPv4 that came over IPv6 is the IPv4 one, and who has one address of IPv6 has its whole network."""

import ipaddress
from functools import lru_cache

UNKNOWN = "unknown"
# What one customer, or one machine, is given at least.
OWNED_BITS = 64

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@lru_cache(maxsize=4096)
def read_address(text: str) -> Address | None:
    """The address; None if it is none."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def plain_address(text: str) -> str:
    """An address of IPv4 as such, also where a socket for both tells it in IPv6's notation; anything else as it is."""
    if not text.lower().startswith("::ffff:"):
        return text
    found = read_address(text)
    return text if found is None else str(found)


def owner_of(text: str) -> str:
    """By whom is counted what an address does: itself, or its network of IPv6, of which somebody has all addresses or none."""
    found = read_address(text)
    if found is None:
        return UNKNOWN
    return str(ipaddress.ip_network((found, OWNED_BITS), strict=False)) if found.version == 6 else str(found)  # noqa: PLR2004
