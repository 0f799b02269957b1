"""A running server's library moves to another network and back: nothing is restarted, and everybody is known again."""

import hashlib
from typing import Any

import pytest

from tests.photos import ANOTHER_MAN, ONE_MAN, PEOPLE, photo
from tests.recognition.test_embedders import description, network, written
from tests.system.conftest import MakeSite
from tests.system.processes import Site, eventually, free_port
from tests.system.test_one_gate import recognised, simulate

MIRRORED, PLAIN, TINY = "dlib-resnet-v1+mirror", "dlib-resnet-v1", "tiny"


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    made = make_site()
    made.start("serve")
    eventually(made.is_ready)
    return made


def seen_now(site: Site, turn: str) -> list[dict[str, Any]]:
    """What is decided about both people who pass just now."""
    simulate(site, "--count", "8", "--identity-prefix", f"{turn}-", "--seed", str(sum(turn.encode())))
    events = [row for row in recognised(site) if row["reported"]["identity_id"].startswith(f"{turn}-")]
    assert len(events) == 8
    return events


def put_in(site: Site) -> None:
    """A network of somebody else's, with its description beside it."""
    content = network()
    table = description(verification_threshold=40.0, false_matches=[[1.0, 1e-4], [30.0, 1e-2]])
    (site.data_dir / "models" / "tiny.onnx").write_bytes(content)
    text = written({"sha256": hashlib.sha256(content).hexdigest()} | table)
    (site.data_dir / "models" / "tiny.toml").write_text(text, encoding="utf-8")


def moved(site: Site, *arguments: str) -> str:
    done = site.run("people", "re-embed", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def models_and_names(events: list[dict[str, Any]]) -> set[tuple[str, str, str | None]]:
    return {
        (row["decision"]["model"], row["decision"]["status"], (row["decision"]["person"] or {}).get("name"))
        for row in events
    }


def test_a_running_server_follows_its_library_to_other_models_and_back(site: Site) -> None:
    for name, picture in (("The one man", ONE_MAN[0]), ("The other man", ANOTHER_MAN)):
        added = site.run("people", "add", name, str(photo(picture)))
        assert added.returncode == 0, added.stderr
    names = ("The one man", "The other man")
    assert models_and_names(seen_now(site, "first")) == {(MIRRORED, "matched", name) for name in names}
    moved(site, PLAIN)
    assert models_and_names(seen_now(site, "plain")) == {(PLAIN, "matched", name) for name in names}
    put_in(site)
    assert f"2 faces embedded, 0 without an embedding. {TINY} decides now." in moved(site, TINY)
    assert {model for model, _, _ in models_and_names(seen_now(site, "tiny"))} == {TINY}
    # Who is enrolled by the web process meanwhile has an embedding of the new network only; to it all men look alike.
    with photo(ONE_MAN[1]).open("rb") as file:
        answer = site.http.post(
            f"{site.url}/v1/people",
            data={"name": "Once more", "override": "true"},
            files={"pictures": file},
            timeout=60,
        )
    assert answer.status_code == 201, answer.text
    moved(site, "--back")
    assert "3 current and 0 former" in moved(site, "--status")
    events = seen_now(site, "back")
    assert {row["decision"]["model"] for row in events} == {PLAIN}
    assert "The other man" in {name for _, _, name in models_and_names(events)}
    assert "Traceback" not in site.logs()


def test_the_start_and_the_check_say_what_to_expect(site: Site) -> None:
    added = site.run("people", "import", str(PEOPLE))
    assert added.returncode == 0, added.stdout + added.stderr
    eventually(lambda: "library_ready" in site.logs())
    check = site.run("check", "--port", str(free_port()))
    assert f"model {MIRRORED}: library of 2 people" in check.stdout, check.stdout
    assert "expected to miss" in check.stdout
