"""Answers in the language that the client asks for: what is advice for a person is translated, machine words never are."""

from typing import Any

from flask import request

from receiver.messages import ENGLISH, language_of, translate

ADVICE = "advice"


def in_their_language(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer with every ``advice`` in it, a sentence or a list of them, in the best language for the request."""
    language = language_of(request.headers.get("Accept-Language"))
    translated: dict[str, Any] = answer if language == ENGLISH else _translated(answer, language)
    return translated


def _translated(value: Any, language: str) -> Any:
    if isinstance(value, dict):
        return {
            name: _spoken(each, language) if name == ADVICE else _translated(each, language)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_translated(each, language) for each in value]
    return value


def _spoken(advice: Any, language: str) -> Any:
    if isinstance(advice, list):
        return [_spoken(each, language) for each in advice]
    return translate(advice, language) if isinstance(advice, str) else advice
