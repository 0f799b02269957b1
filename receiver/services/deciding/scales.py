"""The scale of every embedding model of this site: the shipped ones, and those described in the models folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from receiver.domain.errors import SetupError
from receiver.domain.scales import SHIPPED, Scale, scale_from
from recognition import embedder_files
from recognition.models import ModelError


class SiteScales(Mapping[str, Scale]):
    """Scales by model id, looked up when they are asked for: a network may be put into the folder while the server runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, model: str) -> Scale:
        """The model's scale.

        Raises:
            KeyError: there is no such model, or its description says nothing of distances.
            SetupError: ``bad_thresholds``: what it says cannot be.
        """
        if model in SHIPPED:
            return SHIPPED[model]
        try:
            file = embedder_files.described(model, self._folder)
        except ModelError:
            raise KeyError(model) from None
        if file.verification_threshold is None or not file.false_matches:
            raise KeyError(model)
        return scale_from(file.false_matches, file.verification_threshold)

    def pair_threshold(self, model: str) -> float:
        """Up to where two pictures show one person.

        Raises:
            SetupError: ``no_thresholds``: nothing is known of the model's distances.
        """
        if model not in self:
            raise SetupError("no_thresholds", f"nothing is known of the distances of {model}")
        return self[model].verification

    def __iter__(self) -> Iterator[str]:
        yield from SHIPPED
        yield from embedder_files.available(self._folder)

    def __len__(self) -> int:
        return sum(1 for _ in self)
