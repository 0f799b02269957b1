"""Puts together what knows devices and trusts them: bootstrap's part for who may speak."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from receiver.domain.trust import Mode, TrustRules

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.services.devices.device_book import DeviceBook
    from receiver.services.devices.trusting import Trusting
    from receiver.services.intake.catching_up import CatchingUp
    from receiver.settings import Settings
    from receiver.web.proofs import ProofReader


def rules_of(settings: "Settings") -> TrustRules:
    """What the site has set."""
    return TrustRules(
        mode=Mode(settings.device_trust),
        events_each=settings.pending_events,
        events_in_all=settings.pending_events_in_all,
        bytes_in_all=settings.pending_size,
        window=timedelta(hours=settings.pending_hours),
    )


def make_book(house: "House") -> "DeviceBook":
    """The memory of devices: one for all who take messages in this process."""
    from receiver.services.devices.device_book import DeviceBook

    return DeviceBook(house.store, rules_of(house.settings))


def make_trusting(house: "House", book: "DeviceBook | None" = None) -> "Trusting":
    """Trusting and blocking devices; ``book`` is this process's own."""
    from receiver.services.devices.trusting import Trusting

    def on_change() -> None:
        if book is not None:
            book.forget()
        house.doorbell.ring()

    return Trusting(house.store, on_change)


def make_proofs(house: "House") -> "ProofReader":
    """Reads what shows who a device is."""
    from receiver.services.devices.signatures import Signatures
    from receiver.web.proofs import ProofReader

    settings = house.settings
    return ProofReader(settings.trusted_proxies, settings.client_certificate_header, Signatures(house.store).proof_of)


def services_of(house: "House", book: "DeviceBook") -> dict[str, Any]:
    """What the views are given."""
    return {"trusting": make_trusting(house, book), "proofs": make_proofs(house)}


def make_catching_up(house: "House") -> "CatchingUp":
    """The work on what devices sent before they were trusted."""
    from receiver.services.intake.catching_up import CatchingUp, CatchingUpParts

    is_recognising = house.settings.engine_name != "off"
    parts = CatchingUpParts(house.store, rules_of(house.settings), is_recognising, house.doorbell.ring)
    return CatchingUp(parts)


def work_of(house: "House") -> dict[str, Any]:
    """What the worker is given."""
    return {"catching_up": make_catching_up(house)}
