"""Where messages may go: what an administrator sets may go anywhere, what is set over the interface only to public addresses.

Names are resolved here and connected to by the address that was judged, so that a name cannot mean another one a moment later.
"""

import ipaddress
import socket
from collections.abc import Iterable

from receiver.domain.errors import Invalid
from receiver.setting_networks import Network

# Addresses of IPv6 that stand for one of IPv4 in their last four bytes, and those that a site translates as it likes.
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
TRANSLATED_LOCALLY = ipaddress.IPv6Network("64:ff9b:1::/48")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenAddress(OSError):
    """A name that means no address to which the message may go."""


class Guard:
    """Judges addresses.

    Args:
        networks: those private ones that destinations set over the interface may be in.
    """

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)

    def check(self, host: str, port: int) -> None:
        """Whether a destination set over the interface may be saved; a name that means nothing yet may.

        Raises:
            Invalid: ``forbidden_address``.
        """
        try:
            self.addresses(host, port, is_guarded=True)
        except ForbiddenAddress as error:
            raise Invalid("forbidden_address", str(error)) from error
        except OSError:
            return

    def addresses(self, host: str, port: int, *, is_guarded: bool) -> list[str]:
        """The addresses that a name means now, and to which it may be connected.

        Raises:
            ForbiddenAddress: there are some, and none is allowed.
            OSError: the name means nothing.
        """
        try:
            found = [str(each[4][0]) for each in socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)]
        except UnicodeError as error:
            raise OSError(f"{host[:80]!r} is no name of a host") from error
        allowed = [each for each in dict.fromkeys(found) if not is_guarded or self.may_reach(each)]
        if not allowed:
            raise ForbiddenAddress(
                f"{host[:80]} is a private address; destinations set over the interface may only be public, "
                "or in a network of GATEHOUSE_DESTINATION_NETWORKS"
            )
        return allowed

    def may_reach(self, text: str) -> bool:
        """Whether an address is public, or in a network that the settings allow."""
        address = _meant(ipaddress.ip_address(text.partition("%")[0]))
        if any(address.version == network.version and address in network for network in self._networks):
            return True
        return address.is_global and not address.is_multicast and not _is_local(address)


def _meant(address: Address) -> Address:
    """The address of IPv4 that one of IPv6 leads to, if it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if inner is None and address in TRANSLATED:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def _is_local(address: Address) -> bool:
    return address.version == 6 and address in TRANSLATED_LOCALLY  # noqa: PLR2004 - the version of IP
