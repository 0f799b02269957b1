"""Who is erased is gone from imports too, by name where no id tells, and no import that is under way brings anybody back."""

import io
from pathlib import Path
from typing import Any

import pytest

from receiver.services.erasing import erasing_pictures
from receiver.services.importing.importing import Importing, ImportingParts
from receiver.services.people.people import NewPerson, People
from receiver.store import pictures
from receiver.store.pictures import Pictures
from tests.receiver.archives import packed
from tests.receiver.boxes import jpeg
from tests.receiver.erasing import columns_with, make_erasing, without_rest
from tests.receiver.faces import gate_of
from tests.receiver.web.reviewing import listed, seeing
from tests.receiver.web.site import PIXELS, Site
from tests.receiver.web.test_export import exported

NAME, SHOUTED = "Jürgen Erasable", "JÜRGEN  ERASABLE"
NEEDLES = [NAME.encode(), SHOUTED.encode(), b"call-4711", b"keeps bees", jpeg(3), jpeg(40)]
TABLE = "name,note,phone,picture\n"


@pytest.fixture(autouse=True)
def no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """All processes of these tests are one."""
    monkeypatch.setattr(erasing_pictures, "SETTLED", erasing_pictures.SETTLED * 0)
    monkeypatch.setattr(pictures, "FOLLOW_SECONDS", 0)


def send(site: Site, table: str, name: str = "people.zip", **fields: str) -> int:
    """An import that waits for the worker, with pictures 1 to 9 and one without a face, 40; its id."""
    data = packed({"people.csv": table.encode(), **{f"{each}.jpg": jpeg(each) for each in (*range(1, 10), 40)}})
    answered = site.client.post("/v1/imports", data={"file": (io.BytesIO(data), name), **fields})
    return int(answered.get_json()["id"])


def work(site: Site, import_id: int, kind: type[People] = People) -> None:
    def library(store: Any, pictures: Any, eyes: Any) -> People:
        return kind(store, pictures, eyes, PIXELS, gate_of())

    Importing(ImportingParts(site.store, Pictures(site.store.pictures), seeing(site), library)).run(import_id)


def begin(site: Site, person: int) -> int:
    return int(site.client.delete(f"/v1/people/{person}", query_string={"erase": "true"}).get_json()["id"])


def finish(site: Site, folder: Path, erasure_id: int) -> Any:
    make_erasing(site.store, folder).run(erasure_id, without_rest())
    return site.get(f"/v1/erasures/{erasure_id}")["certificate"]


def rows(site: Site, import_id: int) -> list[tuple[str, str, str | None]]:
    found = site.get(f"/v1/imports/{import_id}/rows")["items"]
    return [(row["name"], row["state"], row["reason"]) for row in found]


def test_rows_without_an_id_go_with_the_name_that_they_tell(any_site: Site, tmp_path: Path) -> None:
    """As the guide has it: a dry run first, of a table with names and no ids, in which a second picture has no face."""
    told = f"{NAME},keeps bees,call-4711,3.jpg\n{SHOUTED},keeps bees,call-4711,40.jpg\nSomebody,,,5.jpg\n"
    dry = send(any_site, TABLE + told, f"{NAME}.zip", dry_run="true")
    work(any_site, dry)
    real = send(any_site, TABLE + told)
    work(any_site, real)
    assert [state for _, state, _ in rows(any_site, real)] == ["enrolled", "refused", "enrolled"]
    (asked,) = listed(any_site, kind="failed_enrolment")
    assert asked["about"]["name"] == SHOUTED
    (person,) = any_site.get("/v1/people", q=NAME)["items"]
    done = finish(any_site, tmp_path, begin(any_site, person["id"]))
    assert (done["counts"]["import_rows"], done["counts"]["reviews"]) == (4, 1)
    assert columns_with(any_site.store, NEEDLES) == set()
    for each in (dry, real):
        erased = ("", "refused", "erased")
        assert rows(any_site, each) == [erased, erased, ("Somebody", "enrolled", "new_person")]
        assert "Erasable" not in any_site.client.get(f"/v1/imports/{each}/report").get_data(as_text=True)
    assert any_site.get(f"/v1/imports/{dry}")["name"] == "erased"


def test_a_file_of_others_that_lies_in_the_persons_folder_loses_its_path(any_site: Site, tmp_path: Path) -> None:
    person = any_site.enrol(NAME, 3)
    files = {"people.csv": b"id,name,picture\n7,Somebody,5\n", f"{NAME}/5.jpg": jpeg(5), f"{NAME}/more.zip": b""}
    answered = any_site.client.post("/v1/imports", data={"file": (io.BytesIO(packed(files)), "people.zip")})
    import_id = int(answered.get_json()["id"])
    work(any_site, import_id)
    assert [state for _, state, _ in rows(any_site, import_id)] == ["enrolled", "refused"]
    finish(any_site, tmp_path, begin(any_site, person))
    assert columns_with(any_site.store, [NAME.encode()]) == set()
    somebody, _ = any_site.get(f"/v1/imports/{import_id}/rows")["items"]
    assert (somebody["name"], somebody["pictures"][0]["path"]) == ("Somebody", "erased")


def test_no_row_that_waits_brings_the_person_back(any_site: Site, tmp_path: Path) -> None:
    person = any_site.enrol(NAME, 3, external_id="E7")
    table = f"id,name,picture\n1,One,1.jpg\n,{SHOUTED},4.jpg\nE7,,6.jpg\nE8,{NAME},8.jpg\n"
    import_id = send(any_site, table)
    erasures: list[int] = []

    class Slow(People):
        """Somebody asks for the erasure while the window's first row is under way."""

        def add(self, new: NewPerson) -> tuple[int, list[dict[str, Any]]]:
            if not erasures:
                erasures.append(begin(any_site, person))
            return super().add(new)

    work(any_site, import_id, Slow)
    erased = ("", "refused", "erased")
    told = [("One", "enrolled", "new_person"), erased, erased, (NAME, "enrolled", "new_person")]
    assert rows(any_site, import_id) == told
    done = finish(any_site, tmp_path, erasures[0])
    # The table knows the last by another id: a namesake.
    assert rows(any_site, import_id) == told
    assert [each["name"] for each in any_site.get("/v1/people")["items"]] in ([NAME, "One"], ["One", NAME])
    (left,) = (each for each in done["remains"] if each["what"] == "imports")
    assert left["gone_at"] is not None
    assert f"({import_id})" in left["sentence"]


def test_a_file_that_has_not_been_read_is_named_in_the_certificate(any_site: Site, tmp_path: Path) -> None:
    work(any_site, send(any_site, TABLE + "Somebody,,,5.jpg\n"))
    person = any_site.enrol(NAME, 3)
    import_id = send(any_site, TABLE + f"{NAME},,,3.jpg\n")
    done = finish(any_site, tmp_path, begin(any_site, person))
    (left,) = (each for each in done["remains"] if each["what"] == "imports")
    assert (left["gone_at"], f"({import_id})" in left["sentence"]) == (None, True)


def test_nothing_is_said_of_imports_where_none_was_under_way(any_site: Site, tmp_path: Path) -> None:
    work(any_site, send(any_site, TABLE + "Somebody,,,5.jpg\n"))
    done = finish(any_site, tmp_path, begin(any_site, any_site.enrol(NAME, 3)))
    assert "imports" not in {each["what"] for each in done["remains"]}


def test_the_zip_has_rows_that_only_the_name_ties_to_the_person_but_none_with_another_id(any_site: Site) -> None:
    table = f"id,name,note,picture\n,{SHOUTED},keeps bees,3.jpg\nE8,{NAME},another,4.jpg\nE7,{NAME},own,6.jpg\n9,One,,1.jpg\n"
    import_id = send(any_site, table, dry_run="true")
    work(any_site, import_id)
    person = any_site.enrol(NAME, 3, external_id="E7")
    _, told, _ = exported(any_site, person)
    assert [(row["name"], row["note"]) for row in told["imported"]] == [(SHOUTED, "keeps bees"), (NAME, "own")]
