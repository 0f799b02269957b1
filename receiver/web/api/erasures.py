"""Erasures: how far they are, and their certificates."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.web.api.blueprint import ID, ApiBlueprint, services, shown
from receiver.web.auth import needs
from schemas import api, erasures
from schemas.answers import page_of

blueprint = ApiBlueprint("erasures", __name__, description="What was erased, and the certificates of it")


@blueprint.get("/erasures")
@blueprint.arguments(api.PageQuery, location="query")
@blueprint.response(200, page_of(erasures.Erasure))
@needs(Role.ADMIN)
def list_erasures(query: dict[str, Any]) -> dict[str, Any]:
    """List erasures, newest first."""
    return shown(services().erasures.listed(query["cursor"], query["limit"]))


@blueprint.get(f"/erasures/<{ID}:erasure_id>")
@blueprint.response(200, erasures.Erasure)
@needs(Role.ADMIN)
def get_erasure(erasure_id: int) -> dict[str, Any]:
    """Show how far an erasure is; once it is done, its certificate."""
    return services().erasures.show(erasure_id)
