"""Status reports of boxes in our words."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from receiver.domain.device_status import DeviceStatus, SubDevice
from receiver.domain.events import ADDRESS_LIMIT, IP_LIMIT, SHORT_TEXT_LIMIT, TEXT_LIMIT
from receiver.translation.sophon import split_ep_id
from receiver.translation.texts import address_text, column_json, column_text
from schemas.device_status import StatusMessage, SubDeviceMessage

ADDRESSES_LIMIT = 16
FIGURES_LIMIT = 200
FIGURE_TEXT_LIMIT = 1000
SUB_DEVICES_LIMIT = 1000

_LAST_PORT = 65535
_STATES = {"1": "online", "2": "offline", "3": "unknown"}
_DIRECTIONS = {"0": "in", "1": "out"}


def to_status(message: StatusMessage) -> DeviceStatus:
    """The report as it may be stored: flat figures, split addresses, no credentials."""
    figures = dict(_flat(message.figures, ""))
    mac = message.mac or str(figures.get("gateway_mac", ""))
    return DeviceStatus(
        licence=column_text(message.licence, TEXT_LIMIT),
        serial=column_text(message.serial, TEXT_LIMIT),
        name=column_text(message.name, TEXT_LIMIT),
        addresses=_addresses(message.addresses),
        mac=_mac(mac),
        status=_state(message.status),
        port=int(message.port) if message.port is not None and 0 < message.port <= _LAST_PORT else None,
        figures=dict(list(figures.items())[:FIGURES_LIMIT]),
        sub_devices=tuple(_sub_device(sub) for sub in message.sub_devices[:SUB_DEVICES_LIMIT]),
        extra=column_json(message.extra),
        notes=(*(column_text(note, TEXT_LIMIT) for note in message.notes), *_too_many(message, figures)),
    )


def _sub_device(message: SubDeviceMessage) -> SubDevice:
    ep_id = address_text(message.ep_id, ADDRESS_LIMIT)
    owner, address = split_ep_id(ep_id)
    ip = column_text(message.ip, IP_LIMIT)
    url = address_text(message.url, ADDRESS_LIMIT)
    return SubDevice(
        ep_id=ep_id,
        owner=column_text(owner, TEXT_LIMIT),
        address=address or ip or url,
        name=column_text(message.name, TEXT_LIMIT),
        ip=ip,
        status=_state(message.status),
        device_type=column_text(message.device_type, SHORT_TEXT_LIMIT),
        url=url,
        direction=_DIRECTIONS.get(message.direction, column_text(message.direction, SHORT_TEXT_LIMIT)),
        extra=column_json(message.extra),
    )


def _flat(figures: Mapping[str, Any], above: str) -> Iterator[tuple[str, float | str | bool]]:
    """Every leaf under its dotted path; null and what is no number is nothing, a list is its text."""
    for key, value in figures.items():
        path = column_text(f"{above}{key}", TEXT_LIMIT)
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}.")
        elif isinstance(value, int | float):
            yield from ((path, number) for number in _bounded(value))
        elif isinstance(value, str | list):
            yield path, address_text(str(value).strip(), FIGURE_TEXT_LIMIT)


def _bounded(number: float) -> Iterator[float | str]:
    """Integers beyond 64 bits as text, for no JSON column takes them; nothing for NaN."""
    if isinstance(number, int):
        yield number if -(2**63) <= number < 2**63 else str(number)
    elif math.isfinite(number):
        yield number


def _addresses(text: str) -> tuple[str, ...]:
    found = text.replace(",", " ").replace(";", " ").split()
    return tuple(column_text(address, IP_LIMIT) for address in dict.fromkeys(found))[:ADDRESSES_LIMIT]


def _mac(text: str) -> str:
    """``0xe0a50900062b`` and ``E0-A5-...`` as ``e0:a5:...``; anything else as it is."""
    digits = text.lower().removeprefix("0x").replace(":", "").replace("-", "")
    if len(digits) == 12 and all(digit in "0123456789abcdef" for digit in digits):  # noqa: PLR2004 - six bytes
        return ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    return column_text(text.lower(), IP_LIMIT)


def _state(text: str) -> str:
    return _STATES.get(text, column_text(text.lower(), SHORT_TEXT_LIMIT))


def _too_many(message: StatusMessage, figures: Mapping[str, object]) -> Iterator[str]:
    if len(figures) > FIGURES_LIMIT:
        yield "too_many:figures"
    if len(message.sub_devices) > SUB_DEVICES_LIMIT:
        yield "too_many:sub_devices"
