"""The audit log: who did what, from where, to which thing."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.store.audit import AuditFilter
from receiver.web.api.blueprint import ApiBlueprint, aware, services, shown
from receiver.web.auth import needs
from schemas import audit as schemas
from schemas.answers import page_of

blueprint = ApiBlueprint("audit", __name__, description="Who did what, from where, to which thing")


@blueprint.get("/audit")
@blueprint.arguments(schemas.AuditQuery, location="query")
@blueprint.response(200, page_of(schemas.AuditRow))
@needs(Role.ADMIN)
def list_audit(query: dict[str, Any]) -> dict[str, Any]:
    """List what was done, newest first; rows hold ids, never names."""
    wanted: dict[str, Any] = {name: value for name, value in query.items() if name not in {"cursor", "since", "until"}}
    wanted |= {"since": aware(query["since"]), "until": aware(query["until"]), "before": query["cursor"]}
    return shown(services().audit.listed(AuditFilter(**wanted)))


@blueprint.get("/audit/head")
@blueprint.response(200, schemas.AuditHead)
@needs(Role.ADMIN)
def get_head() -> dict[str, Any]:
    """Give the newest seal, to be written down elsewhere: `audit verify --head` holds the log against it."""
    return services().audit.head()
