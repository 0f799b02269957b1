"""API keys: for programs that cannot log in, with scopes and an end."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.services.accounts.api_keys import NewKey
from receiver.web.api.blueprint import ID, ApiBlueprint, aware, services, shown
from receiver.web.auth import caller, needs, require
from schemas import accounts as schemas
from schemas.answers import page_of

blueprint = ApiBlueprint("keys", __name__, description="API keys: what an account may do, as far as the scopes go")


@blueprint.get("/keys")
@blueprint.arguments(schemas.KeyQuery, location="query")
@blueprint.response(200, page_of(schemas.Key))
@blueprint.alt_response(403, description="role_too_low: keys of other accounts are for administrators")
@needs(Role.VIEWER, is_limited=True, is_personal=True)
def list_keys(query: dict[str, Any]) -> dict[str, Any]:
    """List the account's keys, or with `all` everybody's; revoked ones too, and never the secret."""
    if query["all"]:
        require(Role.ADMIN)
    whose = None if query["all"] else caller().account_id
    return shown(services().api_keys.listed(whose, query["cursor"] or 0, query["limit"]))


@blueprint.post("/keys")
@blueprint.arguments(schemas.NewKey)
@blueprint.response(201, schemas.KeyMade)
@blueprint.alt_response(403, description="role_too_low: keys of other accounts are for administrators")
@blueprint.alt_response(404, description="no_such_account")
@blueprint.alt_response(409, description="too_many_keys")
@blueprint.alt_response(422, description="bad_scope, ends_in_the_past, invalid_arguments")
@needs(Role.VIEWER, is_limited=True, is_personal=True)
def add_key(sent: dict[str, Any]) -> dict[str, Any]:
    """Make a key for the account, or as an administrator for another one; it is shown this once."""
    account_id = caller().account_id
    if sent["account"] not in {None, account_id}:
        require(Role.ADMIN)
        account_id = sent["account"]
    return services().api_keys.add(NewKey(account_id, sent["name"], sent["scopes"], aware(sent["expires_at"])))


@blueprint.delete(f"/keys/<{ID}:key_id>")
@blueprint.response(204)
@blueprint.alt_response(404, description="no_such_key, also where it is another account's")
@needs(Role.VIEWER, is_limited=True, is_personal=True)
def revoke_key(key_id: int) -> None:
    """Revoke a key: of the account, or as an administrator of any."""
    is_admin = caller().role.covers(Role.ADMIN)
    services().api_keys.revoke(key_id, None if is_admin else caller().account_id)
