"""The first start: the account `admin`, with the given password, or with a random one that must be changed."""

from dataclasses import dataclass

from receiver.domain.accounts import ADMIN_NAME, Role
from receiver.domain.errors import Conflict, Invalid, SetupError
from receiver.services.accounts.accounts import Accounts, NewAccount, one_time_password
from receiver.store import accounts
from receiver.store.store import Store


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """The account that was made; ``password`` is the random one to be told, None if somebody gave it."""

    name: str
    password: str | None


def make_first_admin(store: Store, desk: Accounts, given: str) -> FirstAdmin | None:
    """Makes the account `admin` where there is no administrator; None where there is one.

    Raises:
        SetupError: ``weak_password``: the given password will not do.
    """
    with store.read() as tx:
        if accounts.has_role(tx, Role.ADMIN):
            return None
    new = NewAccount(ADMIN_NAME, given or one_time_password(), Role.ADMIN, must_change=not given)
    try:
        desk.add(new)
    except Conflict:
        # Another process of the same start was first, and tells the password.
        return None
    except Invalid as error:
        raise SetupError(error.reason, f"GATEHOUSE_ADMIN_PASSWORD: {error.detail}") from error
    return FirstAdmin(ADMIN_NAME, None if given else new.password)
