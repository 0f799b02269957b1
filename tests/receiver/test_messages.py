"""Sentences for people are told in the language that they read, and none is forgotten by the catalogues."""

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from hypothesis import given
from hypothesis import strategies as st

from receiver import messages
from receiver.messages import ENGLISH, CatalogueError, language_of, languages, translate
from recognition.advice import ADVICE
from tests.source import ROOT

OTHERS = [language for language in languages() if language != ENGLISH]


def sentences() -> set[str]:
    """Every sentence that the code marks for translation, as ./scripts/translations finds them."""
    return {
        str(message)
        for folder in ("receiver", "recognition")
        for _, _, message, _, _ in extract_from_dir(ROOT / folder)
    }


def test_the_languages_are_english_and_chinese() -> None:
    assert languages() == ("en", "zh")


def test_every_advice_is_marked_for_translation() -> None:
    assert set(ADVICE.values()) <= sentences()


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_translated_and_no_translation_is_left_over(language: str) -> None:
    translated = messages._sentences(language)
    assert translated.keys() == sentences(), "run ./scripts/translations"
    assert not [sentence for sentence, other in translated.items() if not other.strip() or sentence == other]


@pytest.mark.parametrize("language", OTHERS)
def test_a_sentence_is_told_in_that_language(language: str) -> None:
    told = {translate(sentence, language) for sentence in ADVICE.values()}
    assert len(told) == len(ADVICE)
    assert not told & set(ADVICE.values())


def test_what_is_not_translated_stays_as_it_is() -> None:
    assert translate("Turn to the camera.", "en") == "Turn to the camera."
    assert translate("Turn to the camera.", "xx") == "Turn to the camera."
    assert translate("Nobody has translated this.", "zh") == "Nobody has translated this."
    assert translate("", "zh") == ""  # the catalogue's own head stands under the empty sentence


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hans-CN", "zh"),
        ("ZH-tw;q=0.3", "zh"),
        ("en-GB,zh;q=0.5", "en"),
        ("EN", "en"),
        ("zh;q=0.4, en;q=0.7", "en"),
        ("de, fr;q=0.9, zh;q=0.1", "zh"),
        ("zh;q=0", "en"),
        ("*", "en"),
        ("; q=x, =,", "en"),
    ],
)
def test_the_best_language_that_there_is_answers_a_browser(header: str | None, language: str) -> None:
    assert language_of(header) == language


@given(st.text(alphabet="zhen-;q=,.* 019") | st.text())
def test_any_header_gives_a_language_that_there_is(header: str) -> None:
    assert language_of(header) in languages()


def test_an_endless_header_is_read_to_its_limit_only() -> None:
    assert language_of("x," * 10_000_000 + "zh") == "en"


def test_a_damaged_catalogue_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "gatehouse.po").write_bytes(b'msgid "Turn to the camera."\nmsgstr "Tournez-vous \xe0 la cam\xe9ra."\n')
    monkeypatch.setattr(messages, "LOCALES", tmp_path)
    messages.languages.cache_clear()
    try:
        assert languages() == ("en", "fr")
        with pytest.raises(CatalogueError, match="fr"):
            translate("Turn to the camera.", "fr")
    finally:
        messages.languages.cache_clear()
