"""An import enrols whom the file tells of, says why it refuses the others, and never doubles anybody."""

import hashlib
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from receiver.domain.errors import Conflict, NotFound, Unavailable
from receiver.domain.imports import percent
from receiver.services.importing import importing, rehearsing
from receiver.services.importing.import_jobs import NewImport
from receiver.services.importing.importing import ROW_ATTEMPTS, WINDOW, Watch
from receiver.store import people, reviews, tables
from receiver.store.store import Store
from receiver.translation import import_files
from recognition.engine import Sighting
from tests.receiver.archives import placed
from tests.receiver.boxes import jpeg
from tests.receiver.importer import AGAIN, BLURRED, DEADLY, HEADER, NOBODY, ONCE_MORE, Importer, many, see_prepared


@pytest.fixture
def importer(store: Store, tmp_path: Path) -> Importer:
    """On each kind of database."""
    return Importer(store, tmp_path)


@pytest.fixture
def desk(sqlite_store: Store, tmp_path: Path) -> Importer:
    """Where one kind of database is enough."""
    return Importer(sqlite_store, tmp_path)


def test_people_of_a_table_are_enrolled_once_however_often_it_is_imported(importer: Importer) -> None:
    table = HEADER + "1,Ann Example,vip,a.jpg;b.jpg\n2,王小明,访客,c.jpg\n"
    path = importer.archive(
        {"people.csv": table.encode("gb18030"), "a.jpg": jpeg(1), "b.jpg": jpeg(AGAIN), "c.jpg": jpeg(3)}
    )
    first = importer.run(path)
    assert importer.counts(first) == {"enrolled": 2}
    before = [tuple(row) for row in importer.everybody()]
    assert [(row.name, row.list, row.source) for row in importer.everybody()] == [
        ("Ann Example", "vip", "import"), ("王小明", "visitor", "import"),
    ]  # fmt: skip
    assert [len(importer.faces(row.id)) for row in importer.everybody()] == [2, 1]
    importer.seen.clear()
    again = importer.run(path)
    assert importer.counts(again) == {"unchanged": 2}
    assert [tuple(row) for row in importer.everybody()] == before
    assert importer.seen == []
    assert importer.jobs.show(again)["percent"] == 100
    assert importer.tasks() == {}


def test_every_bad_row_has_its_reason_and_ends_nothing(importer: Importer) -> None:
    table = HEADER + (
        "1,No Face,,nobody.jpg\n2,Blurred,,blurred.jpg\n3,Missing,,missing.jpg\n4,None,,\n5,Text,,notes.jpg\n,,,a.jpg\n"
        "7,Deadly,,deadly.jpg\n8,Both,,nobody.jpg;good.jpg\n9,Several reasons,,nobody.jpg;missing.jpg\n10,Out,,../x.jpg\n"
    )
    files = {"nobody.jpg": jpeg(NOBODY), "blurred.jpg": jpeg(BLURRED), "deadly.jpg": jpeg(DEADLY), "good.jpg": jpeg(1)}
    import_id = importer.run(importer.archive({"people.csv": table.encode(), **files, "notes.jpg": b"not a picture"}))
    assert importer.reasons(import_id) == {
        "1": ("refused", "no_face"), "2": ("refused", "too_blurred"), "3": ("refused", "picture_missing"),
        "4": ("refused", "no_picture"), "5": ("refused", "not_a_picture"), "people.csv line 7": ("refused", "no_name"),
        "7": ("refused", "engine_crashed"), "8": ("enrolled", "new_person"), "9": ("refused", "no_usable_face"),
        "10": ("refused", "path_leaves_archive"),
    }  # fmt: skip
    assert all(row["detail"] for row in importer.rows(import_id))
    assert [row.name for row in importer.everybody()] == ["Both"]
    good = importer.rows(import_id)[7]
    assert [(each["path"], each["is_used"], each["reason"]) for each in good["pictures"]] == [
        ("nobody.jpg", False, "no_face"), ("good.jpg", True, None),
    ]  # fmt: skip


def test_whose_face_is_somebody_elses_is_refused_by_name(importer: Importer) -> None:
    table = HEADER + "1,Ann,,a.jpg\n2,Ben,,b.jpg\n3,Cid,,c.jpg;d.jpg\n"
    files = {"a.jpg": jpeg(1), "b.jpg": jpeg(AGAIN), "c.jpg": jpeg(3), "d.jpg": jpeg(4)}
    import_id = importer.run(importer.archive({"people.csv": table.encode(), **files}))
    assert importer.reasons(import_id) == {
        "1": ("enrolled", "new_person"), "2": ("refused", "look_alike"), "3": ("refused", "contradiction"),
    }  # fmt: skip
    _, alike, mixed = importer.rows(import_id)
    assert "Ann (person" in alike["detail"]
    assert [each["is_used"] for each in mixed["pictures"]] == [False, False]
    assert [row.name for row in importer.everybody()] == ["Ann"]


def test_the_picture_that_a_row_was_refused_for_is_named_and_shown_first(importer: Importer) -> None:
    table = HEADER + "1,Ann,,a.jpg\n2,Ben,,x.jpg;b.jpg\n"
    files = {"a.jpg": jpeg(1), "x.jpg": jpeg(7), "b.jpg": jpeg(AGAIN)}
    _, ben = importer.rows(importer.run(importer.archive({"people.csv": table.encode(), **files})))
    assert ben["detail"].startswith("b.jpg: a face looks like Ann (person ")
    with importer.store.read() as tx:
        (item,) = tx.execute(select(tables.review.c.id)).scalars()
        shown = [each.digest for each in reviews.pictures_of(tx, [item])[item]]
    assert shown == [hashlib.sha256(jpeg(each)).digest() for each in (AGAIN, 7, 1)]


def test_a_dry_run_says_what_an_import_would_and_keeps_nothing(importer: Importer) -> None:
    table = HEADER + "1,Ann,,a.jpg\n1,Ann,,b.jpg\n2,Ben,,nobody.jpg\n1,Other,,c.jpg\n"
    files = {"a.jpg": jpeg(1), "b.jpg": jpeg(AGAIN), "c.jpg": jpeg(3), "nobody.jpg": jpeg(NOBODY)}
    path = importer.archive({"people.csv": table.encode(), **files})
    told = [(row["state"], row["reason"]) for row in importer.rows(importer.run(path, is_dry_run=True))]
    assert importer.everybody() == []
    with importer.store.pictures.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM picture").scalar() == 0
    assert told == [(row["state"], row["reason"]) for row in importer.rows(importer.run(path))]
    assert [state for state, _ in told] == ["enrolled", "extended", "refused", "refused"]
    assert told[3] == ("refused", "name_differs")


def test_several_rows_of_one_person_add_up(desk: Importer) -> None:
    table = HEADER + "1,Ann,,nobody.jpg\n1,Ann,,a.jpg\n1,,,b.jpg\n1,Ann,,a.jpg\n"
    import_id = desk.run(
        desk.archive({"t.csv": table.encode(), "nobody.jpg": jpeg(NOBODY), "a.jpg": jpeg(1), "b.jpg": jpeg(AGAIN)})
    )
    assert [row["state"] for row in desk.rows(import_id)] == ["refused", "enrolled", "extended", "unchanged"]
    (ann,) = desk.everybody()
    assert len(desk.faces(ann.id)) == 2


def test_people_without_an_id_are_known_by_name_and_picture(desk: Importer) -> None:
    table = "name,picture\nWang Wei,a.jpg\nWang Wei,b.jpg\n"
    path = desk.archive({"people.csv": table.encode(), "a.jpg": jpeg(1), "b.jpg": jpeg(2)})
    assert desk.counts(desk.run(path)) == {"enrolled": 2}
    assert desk.counts(desk.run(path)) == {"unchanged": 2}
    assert [row.name for row in desk.everybody()] == ["Wang Wei", "Wang Wei"]


def test_what_the_library_says_is_never_overwritten(desk: Importer) -> None:
    first = {"t.csv": (HEADER + "1,Ann,staff,a.jpg\n2,Ben,staff,b.jpg\n").encode(), "a.jpg": jpeg(1), "b.jpg": jpeg(2)}
    desk.run(desk.archive(first))
    table = HEADER + "1,Anne,staff,a.jpg\n2,Ben,blacklist,b.jpg\n1,Anne,staff,c.jpg\n"
    import_id = desk.run(desk.archive(first | {"t.csv": table.encode(), "c.jpg": jpeg(3)}))
    assert [(row["state"], row["reason"]) for row in desk.rows(import_id)] == [
        ("unchanged", "name_differs"), ("unchanged", "list_differs"), ("refused", "name_differs"),
    ]  # fmt: skip
    assert [(row.name, row.list) for row in desk.everybody()] == [("Ann", "staff"), ("Ben", "staff")]
    assert len(desk.faces(desk.everybody()[0].id)) == 1


def test_a_row_whose_validity_is_no_date_is_refused(desk: Importer) -> None:
    table = "id,picture,部门,有效期\n1,a.jpg,销售部,2026-01-01至2026-12-31\n2,a.jpg,x,never\n"
    good, bad = desk.rows(desk.run(desk.archive({"t.csv": table.encode(), "a.jpg": jpeg(1)})))
    assert good["more"] == {
        "groups": ["销售部"], "valid_from": "2026-01-01T00:00:00+08:00", "valid_until": "2027-01-01T00:00:00+08:00",
    }  # fmt: skip
    assert (bad["state"], bad["reason"]) == ("refused", "bad_date")


def test_a_folder_is_imported_as_it_is(desk: Importer, tmp_path: Path) -> None:
    folder = placed(tmp_path / "faces", {"One/a.jpg": jpeg(1), "One/b.jpg": jpeg(AGAIN), "Two.png": jpeg(3)})
    assert desk.counts(desk.run(folder, list="visitor")) == {"enrolled": 2}
    assert [(row.name, row.list) for row in desk.everybody()] == [("One", "visitor"), ("Two", "visitor")]
    placed(folder, {"One/c.jpg": jpeg(ONCE_MORE)})
    assert desk.counts(desk.run(folder)) == {"extended": 1, "unchanged": 1}
    assert len(desk.faces(desk.everybody()[0].id)) == 3


def test_everybody_is_enrolled_by_the_own_picture_where_names_differ_in_capitals_only(importer: Importer) -> None:
    files = {"Strauß/1.jpg": jpeg(1), "Strauss/1.jpg": jpeg(2), "e7a.jpg": jpeg(3), "E7A.jpg": jpeg(4)}
    importer.run(importer.archive(files))
    found = {row.name: importer.faces(row.id) for row in importer.everybody()}
    assert found == {
        name: [hashlib.sha256(jpeg(shade)).digest()]
        for name, shade in (("Strauß", 1), ("Strauss", 2), ("e7a", 3), ("E7A", 4))
    }


def test_pictures_packed_in_a_way_that_is_not_read_are_refused_and_the_others_enrolled(desk: Importer) -> None:
    path = desk.archive({"1.jpg": jpeg(1), "3.jpg": jpeg(3)})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("2.jpg", jpeg(2))
    assert desk.reasons(desk.run(path)) == {
        "1": ("enrolled", "new_person"), "2": ("refused", "cannot_unpack"), "3": ("enrolled", "new_person"),
    }  # fmt: skip
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("people.csv", HEADER)
    shown = desk.jobs.show(desk.run(path))
    assert (shown["state"], shown["reason"]) == ("failed", "cannot_unpack")


def test_a_file_that_cannot_be_read_fails_the_import_with_a_word(desk: Importer, tmp_path: Path) -> None:
    for name, data, reason in (
        ("a.zip", b"PK\x03\x04", "bad_zip"),
        ("b.csv", b"size\n", "no_columns"),
        ("c.csv", b"id\n", "nothing_to_import"),
    ):
        (tmp_path / name).write_bytes(data)
        shown = desk.jobs.show(desk.run(tmp_path / name))
        assert (shown["state"], shown["reason"]) == ("failed", reason)
    with pytest.raises(Unavailable) as gone:
        desk.run(tmp_path / "gone.zip")
    assert gone.value.reason == "source_gone"


def test_a_bomb_ends_the_import_and_keeps_what_was_enrolled(desk: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "WINDOW", 2)
    monkeypatch.setattr(import_files, "TOTAL_SMALL", 1_000_000)
    files = {f"{number}.jpg": jpeg(number) for number in range(4)} | {
        f"x{each}.jpg": bytes(900_000) for each in range(3)
    }
    shown = desk.jobs.show(desk.run(desk.archive(files)))
    assert (shown["state"], shown["reason"]) == ("failed", "zip_bomb")
    assert shown["counts"]["enrolled"] == len(desk.everybody()) == 4


def test_an_import_given_up_says_why(desk: Importer) -> None:
    import_id = desk.begin(desk.archive(many(1)))
    desk.importing.give_up(import_id)
    shown = desk.jobs.show(import_id)
    assert (shown["state"], shown["reason"]) == ("failed", "gave_up")
    assert desk.tasks() == {}


def test_an_engine_that_is_away_costs_no_row(desk: Importer) -> None:
    def away(_data: bytes) -> list[Sighting]:
        raise Unavailable("model_missing")

    import_id = desk.begin(desk.archive(many(3)))
    for _ in range(ROW_ATTEMPTS + 1):
        with pytest.raises(Unavailable):
            desk.worker(away).run(import_id)
    desk.importing.run(import_id)
    assert desk.counts(import_id) == {"enrolled": 3}


def test_a_library_that_moves_to_another_model_meanwhile_costs_no_row(desk: Importer) -> None:
    seen: set[bytes] = set()

    def old_first(data: bytes) -> list[Sighting]:
        (found,) = see_prepared(data)
        is_first = data not in seen
        seen.add(data)
        return [replace(found, model="the one before")] if is_first else [found]

    import_id = desk.begin(desk.archive(many(5)))
    desk.worker(old_first).run(import_id)
    assert desk.counts(import_id) == {"enrolled": 5}


def test_an_import_stops_before_the_disk_is_full_and_goes_on_afterwards(desk: Importer) -> None:
    import_id = desk.begin(desk.archive(many(3)))
    desk.reserve = 2**62
    with pytest.raises(Unavailable) as full:
        desk.importing.run(import_id)
    assert full.value.reason == "disk_full"
    assert desk.everybody() == []
    desk.run(desk.archive(many(3)), is_dry_run=True)
    desk.reserve = 0
    desk.importing.run(import_id)
    assert desk.counts(import_id) == {"enrolled": 3}


def test_an_uploaded_file_goes_when_its_import_has_ended(desk: Importer) -> None:
    def upload(data: bytes) -> Path:
        path = desk.jobs.new_file()
        path.write_bytes(data)
        return path

    good = upload(desk.archive(many(2)).read_bytes())
    shown = desk.jobs.begin_upload(NewImport(good, "C:\\my\\people.zip", is_upload=True))
    assert shown["name"] == "people.zip"
    assert good.exists()
    orphan = upload(b"left behind")
    assert desk.jobs.sweep() == 0
    desk.importing.run(shown["id"])
    assert not good.exists()
    assert orphan.exists()
    cancelled = upload(desk.archive(many(2)).read_bytes())
    desk.jobs.cancel(desk.jobs.begin_upload(NewImport(cancelled, "p.zip", is_upload=True))["id"])
    assert not cancelled.exists()


def test_progress_is_told_row_by_row(desk: Importer) -> None:
    told: list[tuple[int, ...]] = []
    watch = Watch(
        planned=lambda total, waiting: told.append((total, waiting)), settled=lambda number: told.append((number,))
    )
    desk.run(desk.archive(many(WINDOW + 1)), watch)
    assert told == [(WINDOW + 1, WINDOW + 1), (WINDOW,), (1,)]
    assert percent(None, {}) == 0
    assert percent(3, {"enrolled": 2, "waiting": 1}) == 66


def test_a_report_has_a_sentence_for_every_row_and_no_formulas(desk: Importer) -> None:
    table = HEADER + '1,=SUM(A1),,a.jpg\n-5,"Quote ""q"", comma",,b.jpg\n+x,Ann,,nobody.jpg\n'
    files = {"a.jpg": jpeg(1), "b.jpg": jpeg(2), "nobody.jpg": jpeg(NOBODY)}
    import_id = desk.run(desk.archive({"people.csv": table.encode(), **files}))
    text = "".join(desk.jobs.report(import_id))
    lines = text.splitlines()
    assert lines[0] == "\ufeffplace,external_id,name,list,state,reason,sentence,person,pictures,used"
    assert lines[1] == "people.csv line 2,1,'=SUM(A1),staff,enrolled,new_person,All pictures used.,1,1,1"
    assert lines[2].startswith('people.csv line 3,-5,"Quote ""q"", comma",staff,enrolled')
    assert lines[3].startswith("people.csv line 4,'+x,Ann,staff,refused,no_face,")
    assert "No picture can be used. nobody.jpg: no_face (no face was found" in lines[3]


def test_an_import_is_forgotten_only_when_it_has_ended(importer: Importer) -> None:
    import_id = importer.begin(importer.archive(many(3)))
    with pytest.raises(Conflict, match="cancel it first"):
        importer.jobs.remove(import_id)
    importer.importing.run(import_id)
    importer.jobs.remove(import_id)
    with pytest.raises(NotFound):
        importer.jobs.show(import_id)
    assert len(importer.everybody()) == 3


def test_groups_validity_and_fields_of_the_table_are_kept(importer: Importer) -> None:
    table = "工号,姓名,部门,有效期,手机,照片\n7,Ann,Sales;Press,2026-01-01 至 2026-12-31,138,a.jpg\n"
    path = importer.archive({"people.csv": table.encode(), "a.jpg": jpeg(1), "b.jpg": jpeg(AGAIN)})
    (row,) = importer.rows(importer.run(path))
    assert (row["state"], row["detail"]) == ("enrolled", "All pictures used.")
    (ann,) = importer.everybody()
    with importer.store.read() as tx:
        assert people.groups_of(tx, [ann.id]) == {ann.id: ["Press", "Sales"]}
    assert ann.fields == {"phone": "138"}
    # The site's time zone is eight hours ahead; the last day belongs to it.
    assert (ann.valid_from, ann.valid_until) == (
        datetime(2025, 12, 31, 16, tzinfo=UTC), datetime(2026, 12, 31, 16, tzinfo=UTC),
    )  # fmt: skip
    assert importer.reasons(importer.run(path)) == {"7": ("unchanged", "already_there")}
    other = importer.archive({"people.csv": table.replace("138", "139").encode(), "a.jpg": jpeg(1)}, "other.zip")
    (row,) = importer.rows(importer.run(other))
    assert (row["state"], row["reason"]) == ("unchanged", "details_differ")
    assert "phone" in row["detail"]
    more = importer.archive(
        {"people.csv": table.replace("Press", "Night").replace("a.jpg", "b.jpg").encode(), "b.jpg": jpeg(AGAIN)}
    )
    (row,) = importer.rows(importer.run(more))
    assert (row["state"], "groups" in row["detail"]) == ("extended", True)
    (still,) = importer.everybody()
    assert (still.fields, still.valid_until) == (ann.fields, ann.valid_until)
    with importer.store.read() as tx:
        assert people.groups_of(tx, [ann.id]) == {ann.id: ["Press", "Sales"]}
        assert {each.source for each in people.faces_of(tx, [ann.id])} == {"import"}


def test_a_dry_run_compares_the_people_of_the_file_with_each_other(importer: Importer) -> None:
    table = (
        HEADER
        + "1,Ann,,a.jpg\n2,Ben,,b.jpg\n3,Cid,,c.jpg\n1,Ann,,b.jpg\n1,Ann,,a.jpg\n,Dan,,d.jpg\n,Dan,,d.jpg\n1,Ann,,c.jpg\n"
    )
    files = {"a.jpg": jpeg(1), "b.jpg": jpeg(AGAIN), "c.jpg": jpeg(3), "d.jpg": jpeg(4)}
    path = importer.archive({"people.csv": table.encode(), **files})
    rehearsed = importer.rows(importer.run(path, is_dry_run=True))
    assert importer.everybody() == []
    told = [(row["state"], row["reason"]) for row in rehearsed]
    assert told == [
        ("enrolled", "new_person"), ("refused", "look_alike"), ("enrolled", "new_person"), ("extended", "new_pictures"),
        ("unchanged", "already_there"), ("enrolled", "new_person"), ("unchanged", "already_there"), ("refused", "look_alike"),
    ]  # fmt: skip
    assert "Ann" in rehearsed[1]["detail"]
    (finding,) = (each for each in rehearsed[1]["pictures"][0]["findings"] if each["reason"] == "look_alike")
    assert finding["person"] == {"id": None, "name": "Ann", "list": "staff"}
    assert told == [(row["state"], row["reason"]) for row in importer.rows(importer.run(path))]


def test_a_dry_run_remembers_no_more_than_it_has_room_for(desk: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsing, "MOST", 1)
    table = HEADER + "1,Ann,,c.jpg\n2,Ben,,a.jpg\n3,Cid,,b.jpg\n4,Dan,,c.jpg\n"
    path = desk.archive({"people.csv": table.encode(), "a.jpg": jpeg(1), "b.jpg": jpeg(AGAIN), "c.jpg": jpeg(3)})
    assert [row["state"] for row in desk.rows(desk.run(path, is_dry_run=True))] == [
        "enrolled", "enrolled", "enrolled", "refused",
    ]  # fmt: skip


def test_an_interrupted_dry_run_compares_everybody_all_the_same(importer: Importer) -> None:
    """Whom the rows before would have enrolled was in the memory of the worker that ended."""
    table = (
        HEADER
        + "".join(f"{each},Person {each},staff,{each}.jpg\n" for each in range(1, WINDOW + 1))
        + "99,Twin,,t.jpg\n"
    )
    files = {f"{each}.jpg": jpeg(each) for each in range(1, WINDOW + 1)}
    import_id = importer.begin(
        importer.archive({"people.csv": table.encode(), **files, "t.jpg": jpeg(AGAIN)}), is_dry_run=True
    )
    settled: list[int] = []
    importer.importing.run(import_id, Watch(is_stopping=lambda: len(settled) > 0, settled=settled.append))
    assert importer.counts(import_id) == {"enrolled": WINDOW, "waiting": 1}
    importer.worker().run(import_id)
    assert importer.counts(import_id) == {"enrolled": WINDOW, "refused": 1}
    assert importer.reasons(import_id)["99"] == ("refused", "look_alike")
