"""What a device says about itself and the capture devices behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SubDevice:
    """One capture device as its box reports it; every field may be empty.

    Attributes:
        ep_id: the id that events carry, or ``media_device_id``; credentials removed.
        owner: the part of ep_id before the first ``__``.
        address: the part after it, else the ip.
        status: as sent, lower case: ``online``, ``offline``, ...
        url: its stream, credentials removed.
        direction: ``in``, ``out`` or empty.
    """

    ep_id: str = ""
    owner: str = ""
    address: str = ""
    name: str = ""
    ip: str = ""
    status: str = ""
    device_type: str = ""
    url: str = ""
    direction: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """One status report; every field may be empty.

    Attributes:
        licence: ``dev_sno``, ``mq_license_key`` or ``reporter_id``.
        serial: of the hardware.
        addresses: the box's IP addresses, in the order sent.
        mac: ``aa:bb:cc:dd:ee:ff``, lower case.
        status: as sent, lower case: ``online``, ``offline``.
        port: of the box's web page, or None.
        figures: loads, sizes, temperatures and versions as sent, on one level: ``cpu_usage``, ``memory_info.system.free``.
        sub_devices: the capture devices behind it.
        extra: keys that nobody knows.
        notes: ``unreadable:<key>``, ``too_many:<key>``.
    """

    licence: str = ""
    serial: str = ""
    name: str = ""
    addresses: tuple[str, ...] = ()
    mac: str = ""
    status: str = ""
    port: int | None = None
    figures: Mapping[str, float | str | bool] = field(default_factory=dict)
    sub_devices: tuple[SubDevice, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
