"""Accounts: who may come in, what they may do, and what they see at most."""

from typing import Any

from receiver.domain.accounts import Role, limits_of
from receiver.services.accounts.accounts import NewAccount
from receiver.web import auditing
from receiver.web.api.blueprint import ID, ApiBlueprint, services, shown
from receiver.web.auth import caller, needs
from schemas import accounts as schemas
from schemas.answers import page_of
from schemas.api import PageQuery

blueprint = ApiBlueprint("accounts", __name__, description="Who may come in")

LIMITS = ("gates", "groups", "lists")


@blueprint.get("/accounts")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.Account))
@needs(Role.ADMIN)
def list_accounts(query: dict[str, Any]) -> dict[str, Any]:
    """List accounts in the order in which they were made."""
    return shown(services().accounts.listed(query["cursor"] or 0, query["limit"]))


@blueprint.post("/accounts")
@blueprint.arguments(schemas.NewAccount)
@blueprint.response(201, schemas.Account)
@blueprint.alt_response(409, description="account_exists")
@blueprint.alt_response(422, description="bad_account_name, weak_password, admin_limited, invalid_arguments")
@needs(Role.ADMIN)
def add_account(sent: dict[str, Any]) -> dict[str, Any]:
    """Make an account; unless `must_change` is false its password is only for the first login."""
    limits = limits_of({name: sent.get(name, ()) for name in LIMITS})
    new = NewAccount(sent["username"], sent["password"], Role(sent["role"]), limits, must_change=sent["must_change"])
    return services().accounts.show(services().accounts.add(new))


@blueprint.get("/accounts/me")
@blueprint.response(200, schemas.Account)
@needs(Role.VIEWER, is_limited=True, is_first=True)
def get_own_account() -> dict[str, Any]:
    """Show the account that asks."""
    return services().accounts.show(caller().account_id)


@blueprint.post("/accounts/me/password")
@blueprint.arguments(schemas.PasswordChange)
@blueprint.response(204)
@blueprint.alt_response(403, description="wrong_password")
@blueprint.alt_response(422, description="weak_password")
@blueprint.alt_response(429, description="too_many_logins")
@needs(Role.VIEWER, is_limited=True, is_first=True, is_personal=True)
def change_own_password(sent: dict[str, Any]) -> None:
    """Set another password; every other login of the account ends."""
    auditing.tell(subject=caller().account_id)
    services().logging_in.change_password(caller(), sent["old"], sent["new"])


@blueprint.get(f"/accounts/<{ID}:account_id>")
@blueprint.response(200, schemas.Account)
@blueprint.alt_response(404, description="no_such_account")
@needs(Role.ADMIN)
def get_account(account_id: int) -> dict[str, Any]:
    """Show an account."""
    return services().accounts.show(account_id)


@blueprint.patch(f"/accounts/<{ID}:account_id>")
@blueprint.arguments(schemas.AccountChange)
@blueprint.response(200, schemas.Account)
@blueprint.alt_response(404, description="no_such_account")
@blueprint.alt_response(409, description="last_admin")
@blueprint.alt_response(422, description="weak_password, admin_limited, invalid_arguments")
@needs(Role.ADMIN)
def change_account(sent: dict[str, Any], account_id: int) -> dict[str, Any]:
    """Change role and limits, disable or enable it, set a password; what is not named stays.

    A new password, or disabling it, ends every login of the account.
    """
    auditing.tell(changed=sorted(sent))
    change: dict[str, Any] = {name: sent[name] for name in ("role", "password", "must_change") if name in sent}
    if "disabled" in sent:
        change["is_disabled"] = sent["disabled"]
    limits = {name: sent[name] for name in LIMITS if name in sent}
    services().accounts.change(account_id, change | ({"limits": limits} if limits else {}))
    return services().accounts.show(account_id)


@blueprint.delete(f"/accounts/<{ID}:account_id>")
@blueprint.response(204)
@blueprint.alt_response(404, description="no_such_account")
@blueprint.alt_response(409, description="last_admin")
@needs(Role.ADMIN)
def remove_account(account_id: int) -> None:
    """Take an account away with its logins and keys; what it did stays under its number."""
    services().accounts.remove(account_id)
