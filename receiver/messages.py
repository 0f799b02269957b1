"""Sentences for people in their own language, from the catalogues under receiver/locales; English stands in the code."""

import re
from functools import cache
from pathlib import Path

from babel.core import UnknownLocaleError, negotiate_locale
from babel.messages.pofile import PoFileError, read_po

ENGLISH = "en"
DOMAIN = "gatehouse"
LOCALES = Path(__file__).parent / "locales"
# More than any browser sends; a header of a megabyte shall cost nothing.
HEADER_LIMIT = 1000


class CatalogueError(ValueError):
    """A catalogue cannot be read; the message names the file."""


@cache
def languages() -> tuple[str, ...]:
    """English and every language that has a catalogue, as language tags: ``en``, ``zh``, ..."""
    found = LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.po")
    return (ENGLISH, *sorted(path.parent.parent.name.replace("_", "-") for path in found))


def translate(sentence: str, language: str) -> str:
    """The sentence in a language; itself where the language or the sentence has no translation.

    Args:
        sentence: as it stands in the code, e.g. a value of ``recognition.advice.ADVICE``.
        language: a tag such as ``language_of`` gives.

    Raises:
        CatalogueError: the language's catalogue is damaged.
    """
    return _sentences(language).get(sentence, sentence) if language in languages() else sentence


def language_of(accept_language: str | None) -> str:
    """The best language that we have for an ``Accept-Language`` header; English where it asks for none that we have.

    ``zh-CN``, ``zh-Hans`` and ``zh-TW`` are all answered in ``zh``, which is written in simplified characters.
    """
    wanted = _wanted((accept_language or "")[:HEADER_LIMIT])
    chosen = negotiate_locale(wanted, languages(), sep="-") or ENGLISH
    return next(tag for tag in languages() if tag.lower() == chosen.lower())


def _wanted(header: str) -> list[str]:
    """The tags of the header, the most wanted first, those not wanted at all left out."""
    weighted = []
    for part in header.split(","):
        match = re.fullmatch(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?", part)
        if match is not None and (weight := float(match[2] or 1)) > 0:
            weighted.append((weight, match[1]))
    return [tag for _, tag in sorted(weighted, key=lambda each: -each[0])]


@cache
def _sentences(language: str) -> dict[str, str]:
    """English -> translation, for what is translated for good: a translator's marked guesses are not shown."""
    if language == ENGLISH:
        return {}
    path = LOCALES / language.replace("-", "_") / "LC_MESSAGES" / f"{DOMAIN}.po"
    try:
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language.replace("-", "_"), abort_invalid=True)
    except (OSError, PoFileError, UnicodeDecodeError, UnknownLocaleError) as error:
        raise CatalogueError(f"{path.name} of {language} cannot be read: {error}") from error
    messages = (message for message in catalogue if message.id and message.string and not message.fuzzy)
    return {str(message.id): str(message.string) for message in messages}
