"""What is set over the interface reaches no private address, by whatever name; what is set on the machine reaches all."""

import socket
from ipaddress import ip_network
from typing import Any

import pytest

from receiver.domain.errors import Invalid
from receiver.forwarder.guard import ForbiddenAddress, Guard

PRIVATE = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::1", "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_out_of_reach(address: str) -> None:
    assert not Guard().may_reach(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_public_ones_are_not(address: str) -> None:
    assert Guard().may_reach(address)


@pytest.mark.parametrize(
    ("address", "may"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("10.2.0.1", False), ("fd00::5", True), ("::1", False)],
)
def test_a_network_of_the_settings_is_within_reach(address: str, *, may: bool) -> None:
    guard = Guard([ip_network("10.1.0.0/16"), ip_network("fd00::/64")])
    assert guard.may_reach(address) is may


def names(monkeypatch: pytest.MonkeyPatch, meaning: dict[str, list[str]]) -> list[str]:
    """A name server of the test's own; what it was asked."""
    asked: list[str] = []

    def look_up(host: str, port: int, **_options: Any) -> list[Any]:
        asked.append(host)
        if host not in meaning:
            raise socket.gaierror("no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in meaning[host]]

    monkeypatch.setattr("receiver.forwarder.guard.socket.getaddrinfo", look_up)
    return asked


def test_a_name_is_judged_by_what_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    names(
        monkeypatch,
        {"inside.example": ["10.0.0.1"], "both.example": ["10.0.0.1", "8.8.8.8"], "out.example": ["8.8.4.4"]},
    )
    guard = Guard()
    with pytest.raises(Invalid, match="GATEHOUSE_DESTINATION_NETWORKS") as refused:
        guard.check("inside.example", 80)
    assert refused.value.reason == "forbidden_address"
    guard.check("out.example", 80)
    guard.check("not-there-yet.example", 80)
    assert guard.addresses("both.example", 80, is_guarded=True) == ["8.8.8.8"]
    assert guard.addresses("both.example", 80, is_guarded=False) == ["10.0.0.1", "8.8.8.8"]
    with pytest.raises(ForbiddenAddress):
        guard.addresses("inside.example", 80, is_guarded=True)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "[::1]", "localhost"])
def test_other_spellings_of_this_machine_are_this_machine(host: str) -> None:
    with pytest.raises(Invalid):
        Guard().check(host, 80)


@pytest.mark.parametrize("host", ["a" * 300 + ".example", "\ud800.example", "..", "xn--\u00e9.example"])
def test_what_is_no_name_is_no_address(host: str) -> None:
    with pytest.raises(OSError, match=r"no name of a host|not known|resolution|No address"):
        Guard().addresses(host, 80, is_guarded=True)
