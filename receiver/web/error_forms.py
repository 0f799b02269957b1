"""In which form an error is told at an address: clients of a foreign interface read no problem documents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas import server_api


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """How a foreign interface tells an error.

    Attributes:
        document: of a status and what is said of it.
        headers: that each of its answers has.
    """

    document: Callable[[int, str], Mapping[str, Any]]
    headers: Mapping[str, str] = field(default_factory=dict)


# What an address begins with, also where nothing is there and where the body never came: the longer of two stands first.
FORMS: Mapping[str, ErrorForm] = {
    "/api/v1/": ErrorForm(server_api.failure, {"Access-Control-Allow-Origin": "*"}),
}


def form_at(path: str) -> ErrorForm | None:
    """The form of the foreign interface whose address that is; None: it is none's."""
    return next((form for prefix, form in FORMS.items() if path.startswith(prefix)), None)
