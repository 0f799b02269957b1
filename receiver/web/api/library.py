"""The check of the whole library: when it ran last, and what it found."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.web.api.blueprint import ApiBlueprint, services
from receiver.web.auth import needs
from schemas import library

blueprint = ApiBlueprint("library", __name__, description="The nightly look over the whole library")


@blueprint.get("/library/check")
@blueprint.response(200, library.LibraryChecks)
@needs(Role.VIEWER)
def get_check() -> dict[str, Any]:
    """Show the newest check of the library, how far it is, and what the last whole one found."""
    return services().library_checks.show()


@blueprint.post("/library/check")
@blueprint.response(202, library.LibraryChecks)
@needs(Role.REGISTRAR)
def begin_check() -> dict[str, Any]:
    """Begin a check of the library now, or join the one that is under way; a worker does it."""
    services().library_checks.begin("interface")
    return services().library_checks.show()
