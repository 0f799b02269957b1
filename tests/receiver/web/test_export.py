"""Everything that is held about one person, as a zip."""

import base64
import io
import json
import zipfile
from typing import Any

from tests.receiver.boxes import jpeg, text_of
from tests.receiver.faces import face_of
from tests.receiver.web.site import Site, is_problem


def exported(site: Site, person: int) -> tuple[zipfile.ZipFile, Any, list[Any]]:
    answer = site.client.get(f"/v1/people/{person}/export")
    assert (answer.status_code, answer.content_type) == (200, "application/zip")
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert archive.testzip() is None
    lines = archive.read("events.jsonl").splitlines()
    return archive, json.loads(archive.read("person.json")), [json.loads(line) for line in lines]


def test_the_zip_has_everything_about_the_person_and_nobody_else(any_site: Site) -> None:
    person = any_site.enrol("Somebody", 3, external_id="E1007", note="left-handed")
    any_site.enrol("Another", 5)
    own = any_site.told(1, 3, ext_data={"spot_pic": text_of(200), "identity_info": {"room": "17"}})
    any_site.told(2, 5, identity_id="else")
    wrong = any_site.told(3, 5)
    any_site.desk.work()
    assert any_site.desk.event(wrong).person_id not in {None, person}
    archive, told, events = exported(any_site, person)
    assert (told["name"], told["note"], told["identities"][0]["external_id"]) == ("Somebody", "left-handed", "E1007")
    assert base64.b64decode(told["embeddings"][0]["embedding"]) == face_of(3).tobytes()
    assert [event["id"] for event in events] == [own]
    assert events[0]["messages"][0]["message"]["ext_data"]["identity_info"] == {"room": "17"}
    assert base64.b64decode(events[0]["embeddings"][0]["embedding"]) == face_of(3).tobytes()
    pictures = [archive.read(name) for name in archive.namelist() if name.startswith("pictures/")]
    assert sorted(pictures) == sorted([jpeg(3), jpeg(200)])


def test_a_face_that_waits_to_be_seen_again_is_given_out_too(any_site: Site) -> None:
    """The box called her a stranger, by an id that is hers; the picture is not like the one of the library."""
    event = any_site.told(1, 5, identity_id="S-9", identity_name="stranger", ext_data={"person_type": 4})
    any_site.desk.work()
    person = any_site.enrol("Somebody", 3, external_id="S-9")
    (told,) = exported(any_site, person)[2]
    assert told["id"] == event
    (waiting,) = told["waiting"]
    assert base64.b64decode(waiting["embedding"]) == face_of(5).tobytes()


def test_nothing_stays_on_the_disk_of_an_export(site: Site) -> None:
    person = site.enrol("Somebody", 3)
    exported(site, person)
    assert list((site.services.settings.data_dir / "spool").iterdir()) == []


def test_nobody_is_exported_who_is_not_there(site: Site) -> None:
    assert is_problem(site.client.get("/v1/people/9/export"), 404, "no_such_person")
    assert list((site.services.settings.data_dir / "spool").iterdir()) == []
