"""Puts together who may come in: bootstrap's part for accounts, logins and keys."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.services.accounts.accounts import Accounts
    from receiver.services.accounts.api_keys import ApiKeys
    from receiver.services.accounts.first_start import FirstAdmin


def services_of(house: "House") -> dict[str, Any]:
    """What the views and the guard are given."""
    from receiver.services.accounts.accounts import Accounts
    from receiver.services.accounts.admitting import Admitting
    from receiver.services.accounts.api_keys import ApiKeys
    from receiver.services.accounts.attempts import Attempts
    from receiver.services.accounts.logging_in import LoggingIn
    from receiver.services.accounts.passwords import Passwords
    from receiver.services.accounts.signing import Signer, load_key

    signer = Signer(load_key(house.settings.data_dir))
    admitting, passwords = Admitting(house.store, signer), Passwords()
    return {
        "admitting": admitting,
        "logging_in": LoggingIn(house.store, passwords, signer, admitting.forget),
        "accounts": Accounts(house.store, passwords, admitting.forget),
        "api_keys": ApiKeys(house.store, admitting.forget),
        "attempts": Attempts(house.store),
        "signer": signer,
    }


def make_accounts(house: "House") -> "Accounts":
    """Accounts for the command line; running servers look at the database themselves."""
    from receiver.services.accounts.accounts import Accounts
    from receiver.services.accounts.passwords import Passwords

    return Accounts(house.store, Passwords(), _nothing)


def make_api_keys(house: "House") -> "ApiKeys":
    """API keys for the command line."""
    from receiver.services.accounts.api_keys import ApiKeys

    return ApiKeys(house.store, _nothing)


def first_start(house: "House") -> "FirstAdmin | None":
    """Makes the account `admin` if there is no administrator; what is to be told of it.

    Raises:
        SetupError: the password of the settings will not do.
    """
    from receiver.services.accounts.first_start import make_first_admin

    return make_first_admin(house.store, make_accounts(house), house.settings.admin_password)


def _nothing() -> None:
    """This process remembers nobody."""
