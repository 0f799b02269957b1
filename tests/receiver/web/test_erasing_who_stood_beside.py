"""Whom others' events saw beside somebody: erased with the picture, and not found by a search any more."""

from pathlib import Path

import pytest

from receiver.services.erasing import erasing_pictures
from receiver.store import pictures
from tests.receiver.boxes import text_of
from tests.receiver.erasing import columns_with, make_erasing, without_rest
from tests.receiver.faces import face_of, sighting
from tests.receiver.web.pictures_sent import post
from tests.receiver.web.site import Site
from tests.receiver.web.test_erasing_api import IDENTITY, NAME, NEEDLES, begin, passage


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of these tests are one."""
    monkeypatch.setattr(erasing_pictures, "SETTLED", erasing_pictures.SETTLED * 0)
    monkeypatch.setattr(pictures, "FOLLOW_SECONDS", 0)


@pytest.mark.parametrize("found", [[[12, 4, 106, 100]], []], ids=["found", "the whole picture blurred"])
def test_whom_others_events_saw_beside_somebody_is_forgotten_with_the_blurred_face(
    any_site: Site, tmp_path: Path, found: list[list[int]]
) -> None:
    """The other's event brings no crop: all faces of the scene are kept with it."""
    person, other = any_site.enrol(NAME, 3, external_id=IDENTITY), any_site.enrol("Somebody Else", 5)
    any_site.engine.prepare(200, [sighting(face_of(5), size=200, left=105), sighting(face_of(3), left=10)])
    scene = {"spot_pic": text_of(200)}
    passage(any_site, 1, ext_data=scene)
    beside = any_site.told(2, None, identity_id="", identity_name="", ext_data=scene)
    any_site.desk.work()

    def found_by_his_face() -> list[int]:
        answer = post(any_site, "search", 3, **{"in": "events", "from": "2023-01-01T00:00:00Z"})
        return [each["event"] for each in answer["faces"][0]["events"]]

    assert beside in found_by_his_face()
    erasure_id = begin(any_site, person)
    make_erasing(any_site.store, tmp_path, lambda *_: found).run(erasure_id, without_rest())
    assert any_site.get(f"/v1/erasures/{erasure_id}")["counts"]["sightings"] == 2
    assert found_by_his_face() == []
    assert columns_with(any_site.store, NEEDLES) == set()
    shown = any_site.get(f"/v1/events/{beside}")
    assert shown["decision"]["person"]["id"] == other
    assert [each["is_live"] for each in shown["sightings"]] == [True]
