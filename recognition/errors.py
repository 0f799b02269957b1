"""The error of everything here; stands alone, so that who reads only headers of pictures need not load arrays."""


class RecognitionError(Exception):
    """Something about faces or pictures that could not be done.

    Attributes:
        reason: machine word (``truncated``, ``model_missing``).
        detail: a sentence for a person, with the next step where there is one.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail or reason
