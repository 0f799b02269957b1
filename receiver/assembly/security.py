"""Puts together the audit log, backups and bundles: bootstrap's part for what a site must be able to prove and to bring back."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.services.audit.sealing import Sealing
    from receiver.services.audit.verifying import Verifying
    from receiver.services.upkeep.bundling import BundlingParts, ExportingLibrary, ImportingLibrary


def services_of(house: "House") -> dict[str, Any]:
    """What the views are given."""
    return {"audit": house.audit}


def work_of(house: "House") -> dict[str, Any]:
    """What the worker is given."""
    return {"sealing": make_sealing(house)}


def make_sealing(house: "House") -> "Sealing":
    """The sealer of the audit log; its key is read, or made, when the first row waits for it."""
    from receiver.services.audit.sealing import Sealing
    from receiver.store.signing_key import SigningKey

    return Sealing(house.audit.database, lambda: SigningKey(house.settings.data_dir))


def seal_rest(house: "House") -> None:
    """Seals what a process that ends leaves behind; whichever ends last leaves nothing."""
    import structlog

    from receiver.domain.errors import GatehouseError

    try:
        make_sealing(house).run()
    except GatehouseError as error:
        structlog.get_logger("audit").warning("seal_failed", reason=error.reason, detail=error.detail)


def make_verifying(house: "House") -> "Verifying":
    """Holding the audit log against its chain."""
    from receiver.services.audit.verifying import Verifying
    from receiver.store.signing_key import is_signed

    return Verifying(house.audit.database, is_signed)


def make_exporting_library(house: "House") -> "ExportingLibrary":
    """Writing the library into a bundle."""
    from receiver.services.upkeep.bundling import ExportingLibrary

    return ExportingLibrary(_bundling(house))


def make_importing_library(house: "House") -> "ImportingLibrary":
    """Reading a bundle into an empty library."""
    from receiver.services.upkeep.bundling import ImportingLibrary

    return ImportingLibrary(_bundling(house))


def _bundling(house: "House") -> "BundlingParts":
    from receiver.services.deciding.scales import SiteScales
    from receiver.services.upkeep.bundling import BundlingParts

    # Nothing else says whether a model can be used here.
    return BundlingParts(house.store, house.pictures, lambda model: SiteScales(house.models_dir).pair_threshold(model))
