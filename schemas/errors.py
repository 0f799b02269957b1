"""What can be wrong with something that came over the wire; each error carries a machine word and a sentence."""


class WireError(Exception):
    """Something from the wire that cannot be read.

    Attributes:
        reason: machine word.
        detail: a sentence for a person.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail or reason


class UnreadableBody(WireError):
    """A whole body: not_json, too_deep, too_many_values, too_many_items, too_many_sub_devices, bad_gzip, bad_form, too_large."""


class UnreadableItem(WireError):
    """One item of a readable body: not_an_object, not_an_event, nothing_to_say."""


class BadBase64(WireError):
    """A picture's text from which no bytes can be had: bad_base64."""
