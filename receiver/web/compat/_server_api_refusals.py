"""What ServerAPI's clients are told of what is refused: a status, and a sentence that they know."""

from collections.abc import Mapping

from receiver.domain.errors import GatehouseError, Invalid
from receiver.web.problems import STATUS
from schemas.server_api import Refused

# Our reasons as its clients know them.
TOLD: Mapping[str, tuple[int, str]] = {
    "token_invalid": (400, "Wrong token"),
    "token_expired": (400, "Wrong token"),
    "login_ended": (400, "Wrong token"),
    "wrong_login": (401, "Wrong username or password"),
    "role_too_low": (400, "Current user don't has permission"),
    "password_must_change": (400, "Set another password first"),
    "account_exists": (409, "Username already register."),
    "no_such_account": (400, "User doesn't exists"),
    "mac_taken": (409, "Mac already register."),
    "name_taken": (409, "Truck already register."),
    "no_such_vehicle": (401, "Jetson device dosen't exists"),
    "no_such_gate": (400, "Truck_id doesn't exists."),
    "no_such_alert": (400, "Alert_id doesn't exists or is close."),
    "no_frames": (404, "Frame doesn't exists"),
    "not_a_picture": (400, "frame must be a picture."),
}


def told(error: GatehouseError | Refused) -> tuple[int, str]:
    """The status of an error, and its sentence."""
    if isinstance(error, Refused):
        return error.status, error.detail
    if error.reason in TOLD:
        return TOLD[error.reason]
    status = next((STATUS[each] for each in type(error).__mro__ if each in STATUS), 500)
    return (400 if status == STATUS[Invalid] else status), error.detail
