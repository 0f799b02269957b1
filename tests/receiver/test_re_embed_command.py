"""people re-embed on the command line: moving, going back, what it says, and what it refuses."""

import os
from pathlib import Path

import pytest
from sqlalchemy import delete

from receiver.domain.scales import DLIB
from receiver.services.recognising.engines import Engines
from receiver.store import library, tables
from receiver.store.store import open_store
from recognition.engine import RecognitionError
from tests.receiver.boxes import jpeg
from tests.receiver.command_line import Commands, work_in
from tests.receiver.faces import MODEL, SECOND_MODEL, PreparedEngine, face_of, read_prepared, sighting


@pytest.fixture(autouse=True)
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data folder of the test's own, the prepared engine with two models, and no lower priority for the tests."""
    work_in(tmp_path, monkeypatch, model=MODEL)
    monkeypatch.setattr(os, "nice", lambda _step: 0)
    engine = PreparedEngine()
    for number in (1, 2):
        engine.prepare(number, [sighting(face_of(number))])
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(number))

    def load(network: str) -> PreparedEngine:
        if network not in {MODEL, SECOND_MODEL, "without-thresholds"}:
            raise RecognitionError("embedder_missing", f"There is no embedding model {network!r}.")
        return PreparedEngine(network, engine.seen)

    monkeypatch.setattr("receiver.bootstrap.make_engines", lambda _house: Engines(load))
    monkeypatch.setattr("receiver.bootstrap.make_scales", lambda _house: {MODEL: DLIB, SECOND_MODEL: DLIB})
    monkeypatch.setattr("receiver.bootstrap.House.read_image", lambda _house, data: read_prepared(data))


COMMANDS = Commands("people")
run, said, refused = COMMANDS.run, COMMANDS.said, COMMANDS.refused


def model() -> str:
    store = open_store("", Path("data"))
    with store.read() as tx:
        found = library.model_of(tx)
    store.close()
    return found


def enrol() -> None:
    for number in (1, 2):
        said("add", f"Person {number}", f"{number}.jpg")


def test_a_library_is_moved_and_goes_back() -> None:
    enrol()
    assert f"{MODEL} decides" in said("re-embed", "--status")
    assert f"2 faces embedded, 0 without an embedding. {SECOND_MODEL} decides now." in said("re-embed", SECOND_MODEL)
    status = said("re-embed", "--status")
    assert f"{SECOND_MODEL} decides" in status
    assert f"Before it: {MODEL}" in status
    assert f"{MODEL}: 2 current and 0 former faces" in status
    assert f"{MODEL} decides now." in said("re-embed", "--back")
    assert model() == MODEL


def test_faces_that_cannot_be_embedded_are_listed_and_consent_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    enrol()
    store = open_store("", Path("data"))
    with store.pictures.write() as tx:
        tx.execute(delete(tables.picture))
    store.close()
    text = refused("re-embed", SECOND_MODEL)
    assert "person 1 Person 1: current face 1, picture_gone" in text
    assert "--leave-out" in text
    assert model() == MODEL
    monkeypatch.setattr("receiver.cli.re_embedding.NAMED", 1)
    text = said("re-embed", SECOND_MODEL, "--leave-out")
    assert "and 1 more" in text
    assert "0 faces embedded, 2 without an embedding" in text
    assert model() == SECOND_MODEL


def test_what_is_stored_of_a_model_is_dropped_only_when_it_is_not_needed() -> None:
    enrol()
    said("re-embed", SECOND_MODEL)
    assert "it is not dropped" in refused("re-embed", "--forget", MODEL)
    assert "0 embeddings of other are dropped." in said("re-embed", "--forget", "other")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--back",), "no other model"),
        (("unknown",), "no embedding model 'unknown'"),
        (("without-thresholds",), "verification_threshold and false_matches"),
        ((SECOND_MODEL, "--recognition", "off"), "recognition is switched off"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    said("list")
    assert sentence in refused("re-embed", *arguments)
    assert model() == MODEL


def test_exactly_one_thing_is_asked_for() -> None:
    assert [run("re-embed", *more).exit_code for more in ([], ["--back", "--status"], ["m", "--forget", "m"])] == [
        2
    ] * 3


def test_without_recognition_there_is_no_model_to_speak_of() -> None:
    assert "has never been on" in said("re-embed", "--status", "--recognition", "off")
