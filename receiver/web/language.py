"""Answers in the language that the client asks for: what is said to a person is translated, machine words never are."""

from typing import Any

from flask import request

from receiver.messages import ENGLISH, language_of, translate

# What stands under these names is for people.
SPOKEN = frozenset({"advice", "sentence", "on_accept", "on_reject"})


def in_their_language(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with everything SPOKEN in it, a sentence or a list of them, in the best language for the request."""
    language = language_of(request.headers.get("Accept-Language"))
    translated: dict[str, Any] = answer if language == ENGLISH else _translated(answer, language)
    return translated


def _translated(value: Any, language: str) -> Any:
    if isinstance(value, dict):
        return {
            name: _spoken(each, language) if name in SPOKEN else _translated(each, language)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_translated(each, language) for each in value]
    return value


def _spoken(said: Any, language: str) -> Any:
    if isinstance(said, list):
        return [_spoken(each, language) for each in said]
    return translate(said, language) if isinstance(said, str) else said
