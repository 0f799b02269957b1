"""The one tree of errors that the house raises on purpose; each carries a machine word and says what to do next."""


class GatehouseError(Exception):
    """Something that was refused or could not be done.

    Attributes:
        reason: machine word, used alike in answers, logs, metrics and docs (``bad_base64``, ``too_small``).
        detail: a sentence for a person, with the next step where there is one.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail or reason


class Invalid(GatehouseError):
    """What was sent cannot be taken as it is (400, 422)."""


class NotLoggedIn(GatehouseError):
    """Nobody is known to stand behind the request, or not any more (401)."""


class Forbidden(GatehouseError):
    """Whoever asks may not do that (403)."""


class NotFound(GatehouseError):
    """Nothing with that id (404)."""


class Conflict(GatehouseError):
    """It contradicts what is already there (409)."""


class Busy(GatehouseError):
    """No room just now; the same request may succeed later (503 with Retry-After)."""


class Unavailable(GatehouseError):
    """Switched off, or something outside is missing (503)."""


class SetupError(GatehouseError):
    """The server cannot start as it is configured; the detail says what to change."""
