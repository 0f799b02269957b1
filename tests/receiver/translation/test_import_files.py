"""Archives and folders: names in any encoding, nothing beyond bounds, nothing from outside."""

import io
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.errors import Invalid
from receiver.domain.imports import Subject
from receiver.translation import import_files
from receiver.translation.import_files import FolderSource, Source, ZipSource, open_source
from receiver.translation.import_names import decoded_name, kind_of, tidy_path
from receiver.translation.import_plans import PICTURES_A_ROW, read_plan
from tests.receiver.archives import encrypted, lying, packed, packed_in, placed, with_link


def opened(folder: Path, data: bytes, name: str = "people.zip") -> Source:
    path = folder / name
    path.write_bytes(data)
    return open_source(path)


def plan(source: Source, name: str = "people.zip") -> list[Subject]:
    with closing(source):
        return list(read_plan(source, name))


def told(subjects: list[Subject]) -> dict[str, tuple[str, ...]]:
    return {each.external_id: tuple(each.pictures) for each in subjects if not each.reason}


def refused(subjects: list[Subject]) -> set[str]:
    return {each.reason for each in subjects if each.reason}


def reason_of(source: Source, path: str) -> str:
    with closing(source), pytest.raises(Invalid) as error:
        source.read(path)
    return error.value.reason


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "gb18030", "cp437"])
def test_names_are_read_in_whatever_they_are_written(encoding: str, tmp_path: Path) -> None:
    name = "Müßig/André.jpg" if encoding == "cp437" else "王小明/照片 一.jpg"
    source = opened(tmp_path, packed_in(encoding, {name: b"face"}))
    assert source.names == (name,)
    assert source.read(name) == b"face"
    assert list(told(plan(source))) == [name.partition("/")[0]]


def test_a_name_that_a_program_added_in_utf_8_counts(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    raw = "???.jpg"
    field = b"\x01" + zlib.crc32(raw.encode()).to_bytes(4, "little") + "王小明.jpg".encode()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo(raw)
        member.extra = b"\x75\x70" + len(field).to_bytes(2, "little") + field
        archive.writestr(member, b"face")
    source = opened(tmp_path, buffer.getvalue())
    assert source.names == ("王小明.jpg",)
    assert source.read("王小明.jpg") == b"face"
    source.close()


def test_capitals_and_composed_characters_do_not_count(tmp_path: Path) -> None:
    source = opened(tmp_path, packed({"Photos/Jose\N{COMBINING ACUTE ACCENT}.JPG": b"face"}))
    assert source.read("photos/Jos\N{LATIN SMALL LETTER E WITH ACUTE}.jpg") == b"face"
    source.close()


@pytest.mark.parametrize("is_zip", [True, False])
def test_names_that_only_capitals_set_apart_are_different_files(is_zip: bool, tmp_path: Path) -> None:  # noqa: FBT001
    files = {name: name.encode() for name in ("Strauß/1.jpg", "Strauss/1.jpg", "e7a.jpg", "E7A.jpg")}
    source = opened(tmp_path, packed(files)) if is_zip else open_source(placed(tmp_path / "faces", files))
    found = told(list(read_plan(source, "people.zip")))
    assert found == {
        "Strauß": ("Strauß/1.jpg",),
        "Strauss": ("Strauss/1.jpg",),
        "e7a": ("e7a.jpg",),
        "E7A": ("E7A.jpg",),
    }
    assert {name: source.read(name) for name in files} == files
    assert reason_of(source, "E7a.jpg") == "ambiguous_name"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("e7a.jpg", "e7a.jpg"), ("E7A.jpg", "E7A.jpg"), ("E7a.jpg", None), ("e7a", "e7a.jpg"), ("E7a", None),
        ("Strauss/1.JPG", None), ("strauß/1", None), ("Strauß/1", "Strauß/1.jpg"), ("far.JPG", "in/Far.jpg"),
    ],
)  # fmt: skip
def test_a_table_means_the_file_that_it_writes_exactly_and_is_asked_where_it_writes_none(
    written: str, found: str | None, tmp_path: Path
) -> None:
    names = ("Strauß/1.jpg", "Strauss/1.jpg", "e7a.jpg", "E7A.jpg", "in/Far.jpg")
    (row,) = plan(
        opened(tmp_path, packed({"t.csv": f"id,picture\n7,{written}\n".encode(), **dict.fromkeys(names, b"")}))
    )
    assert (row.reason, row.pictures[0] if not row.reason else None) == ("" if found else "ambiguous_name", found)


def test_a_table_without_pictures_has_those_of_exactly_that_name(tmp_path: Path) -> None:
    table = "id,name\nE7A,\n8,Strauß\n9,STRAUSS\n10,Bo\n"
    names = ("e7a.jpg", "E7A.jpg", "Strauß/1.jpg", "Strauss/1.jpg", "bo/1.jpg")
    found = plan(opened(tmp_path, packed({"t.csv": table.encode(), **dict.fromkeys(names, b"")})))
    assert told(found) == {"E7A": ("E7A.jpg",), "8": ("Strauß/1.jpg",), "10": ("bo/1.jpg",)}
    assert [each.external_id for each in found if each.reason == "ambiguous_name"] == ["9"]


def test_of_a_name_that_comes_twice_the_last_file_counts(tmp_path: Path) -> None:
    twice = packed({"7.jpg": b"first", "8.jpg": b"last"}).replace(b"8.jpg", b"7.jpg")
    source = opened(tmp_path, twice)
    assert (source.names, source.read("7.jpg")) == (("7.jpg",), b"last")
    source.close()


@pytest.mark.parametrize(
    "name", ["../a.jpg", "x/../../a.jpg", "/etc/a.jpg", "C:\\a.jpg", "\\\\host\\a.jpg", "..\\a.jpg"]
)
def test_a_path_that_leaves_the_archive_is_refused_and_the_rest_is_not(name: str, tmp_path: Path) -> None:
    source = opened(tmp_path, packed({name: b"evil", "7.jpg": b"face"}))
    assert source.names == ("7.jpg",)
    found = plan(source)
    assert refused(found) == {"path_leaves_archive"}
    assert told(found) == {"7": ("7.jpg",)}


def test_links_nested_archives_and_encrypted_members_are_refused(tmp_path: Path) -> None:
    assert refused(plan(opened(tmp_path, with_link("7.jpg", "/etc/passwd")))) == {"path_leaves_archive"}
    assert refused(plan(opened(tmp_path, packed({"more.zip": packed({"7.jpg": b"face"})})))) == {"nested_archive"}
    assert refused(plan(opened(tmp_path, encrypted(packed({"7.jpg": b"face"}))))) == {"encrypted"}


def test_a_bomb_is_refused_by_what_comes_out_of_it(tmp_path: Path) -> None:
    bomb = packed({"7.jpg": bytes(8 * 1024 * 1024)})
    assert reason_of(opened(tmp_path, bomb), "7.jpg") == "zip_bomb"


def test_a_head_that_lies_about_the_size_does_not_help_a_bomb(tmp_path: Path) -> None:
    bomb = lying(packed({"7.jpg": bytes(8 * 1024 * 1024)}), 1000)
    assert reason_of(opened(tmp_path, bomb), "7.jpg") in {"zip_bomb", "cannot_unpack"}


def test_all_members_together_are_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_files, "TOTAL_SMALL", 1_000_000)
    source = opened(tmp_path, packed({f"{number}.jpg": bytes(900_000) for number in range(3)}))
    assert len(source.read("0.jpg")) == 900_000
    with pytest.raises(import_files.Bomb) as error:
        source.read("1.jpg")
    assert error.value.reason == "zip_bomb"
    source.close()


def test_a_file_beyond_bounds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_files, "FILE_BYTES", 1000)
    placed(tmp_path / "faces", {"7.jpg": bytes(1001), "8.jpg": bytes(1000)})
    source = open_source(tmp_path / "faces")
    assert len(source.read("8.jpg")) == 1000
    assert reason_of(source, "7.jpg") == "picture_too_large"


def test_an_endless_list_of_files_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_files, "DIRECTORY_BYTES", 70_000)
    many = packed({f"{number:0100d}.jpg": b"" for number in range(600)})
    with pytest.raises(Invalid) as error:
        opened(tmp_path, many)
    assert error.value.reason == "archive_too_large"


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"PK\x03\x04 cut off", "people.zip", "bad_zip"), (b"Rar!\x1a\x07", "people.zip", "not_importable"),
        (b"", "people.zip", "not_importable"), (packed({}), "people.zip", "nothing_to_import"),
    ],
)  # fmt: skip
def test_what_is_no_archive_is_refused(data: bytes, name: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid) as error:
        plan(opened(tmp_path, data, name))
    assert error.value.reason == reason


def test_a_damaged_member_is_refused_alone(tmp_path: Path) -> None:
    data = bytearray(packed({"7.jpg": b"seven" * 100, "8.jpg": b"eight"}, zipfile.ZIP_STORED))
    data[data.find(b"seven") + 3] ^= 1
    source = opened(tmp_path, bytes(data))
    assert source.read("8.jpg") == b"eight"
    assert reason_of(source, "7.jpg") == "cannot_unpack"


@pytest.mark.parametrize("packing", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize("is_damaged", [True, False])
def test_a_member_that_would_be_unpacked_without_bounds_is_refused_alone(
    packing: int,
    is_damaged: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    buffer = io.BytesIO(packed({"8.jpg": b"eight"}))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(zipfile.ZipInfo("7.jpg"), b"seven" * 100, packing)
        start = archive.getinfo("7.jpg").header_offset + 30 + len("7.jpg")
    data = bytearray(buffer.getvalue())
    if is_damaged:
        data[start + 9 : start + 14] = b"\xff" * 5
    source = opened(tmp_path, bytes(data))
    assert source.read("8.jpg") == b"eight"
    assert reason_of(source, "7.jpg") == "cannot_unpack"


def test_a_folder_is_not_left_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    folder = placed(tmp_path / "faces", {"7.jpg": b"face"})
    (folder / "8.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "9.jpg").symlink_to(folder / "7.jpg")
    source = open_source(folder)
    assert source.names == ("7.jpg", "9.jpg")
    assert refused(plan(source)) == {"path_leaves_archive"}
    assert reason_of(source, "8.jpg") == "picture_missing"
    assert reason_of(source, "../secret.jpg") == "path_leaves_archive"


@pytest.mark.parametrize("is_zip", [True, False])
def test_one_sub_folder_a_person_or_one_picture_a_person(is_zip: bool, tmp_path: Path) -> None:  # noqa: FBT001
    files = {
        "One/a.jpg": b"1",
        "One/in/b.PNG": b"2",
        "Two.jpeg": b"3",
        "notes.txt": b"",
        "__MACOSX/._x.jpg": b"",
        ".x.jpg": b"",
    }
    source = opened(tmp_path, packed(files)) if is_zip else open_source(placed(tmp_path / "faces", files))
    assert told(plan(source)) == {"One": ("One/a.jpg", "One/in/b.PNG"), "Two": ("Two.jpeg",)}


@pytest.mark.parametrize(
    ("files", "people"),
    [
        (["top/One/a.jpg", "top/Two/b.jpg"], ["One", "Two"]), (["people/1.jpg", "people/2.jpg"], ["1", "2"]),
        (["One/1.jpg", "One/2.jpg"], ["One"]), ([f"top/{n}.jpg" for n in range(30)], [str(n) for n in range(30)]),
    ],
)  # fmt: skip
def test_the_folder_that_packing_leaves_around_everything_is_no_person(
    files: list[str], people: list[str], tmp_path: Path
) -> None:
    assert list(told(plan(opened(tmp_path, packed(dict.fromkeys(files, b"")))))) == people


def test_a_tables_pictures_are_found_from_its_folder_from_the_top_or_by_their_name(tmp_path: Path) -> None:
    table = "id,picture\n1,in/a.jpg\n2,top/in/b.jpg\n3,C.JPG\n4,none.jpg\n5,../x.jpg\n6,in\\a.jpg\n"
    files = {"top/people.csv": table.encode(), **dict.fromkeys(["top/in/a.jpg", "top/in/b.jpg", "top/far/c.jpg"], b"")}
    found = plan(opened(tmp_path, packed(files)))
    assert told(found) == {
        "1": ("top/in/a.jpg",), "2": ("top/in/b.jpg",), "3": ("top/far/c.jpg",), "4": ("top/none.jpg",), "6": ("top/in/a.jpg",),
    }  # fmt: skip
    assert refused(found) == {"path_leaves_archive"}


def test_a_table_without_pictures_has_those_named_by_id_or_name(tmp_path: Path) -> None:
    table = "编号,姓名\n7,Ann\n8,Ben\n9,Cid\n"
    files = {"top/t.csv": table.encode(), **dict.fromkeys(["top/7/a.jpg", "top/7/b.jpg", "top/ben.JPG"], b"")}
    assert told(plan(opened(tmp_path, packed(files)))) == {
        "7": ("top/7/a.jpg", "top/7/b.jpg"), "8": ("top/ben.JPG",), "9": (),
    }  # fmt: skip


def test_a_picture_may_be_named_without_its_ending(tmp_path: Path) -> None:
    files = {"t.csv": b"id,picture\n7,in/a\n8,b\n", "in/a.jpg": b"", "in/b.jpg": b""}
    assert told(plan(opened(tmp_path, packed(files)))) == {"7": ("in/a.jpg",), "8": ("in/b.jpg",)}


def test_a_table_alone_stands_beside_its_pictures(tmp_path: Path) -> None:
    placed(tmp_path, {"people.csv": b"id,picture\n1,a.jpg\n", "a.jpg": b"face", "other.csv": b""})
    source = open_source(tmp_path / "people.csv")
    assert told(plan(source)) == {"1": ("a.jpg",)}
    assert source.read("a.jpg") == b"face"


def test_several_tables_are_refused_and_too_many_pictures_too(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as error:
        plan(opened(tmp_path, packed({"a.csv": b"", "b.csv": b""})))
    assert error.value.reason == "several_tables"
    many = {f"One/{number}.jpg": b"" for number in range(PICTURES_A_ROW + 1)} | {"Two.jpg": b""}
    assert refused(plan(opened(tmp_path, packed(many)))) == {"too_many_pictures"}


def test_a_source_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as error:
        open_source(tmp_path / "gone.zip")
    assert error.value.reason == "source_gone"


@given(st.binary(max_size=80))
def test_any_bytes_are_a_name(raw: bytes) -> None:
    name = decoded_name(raw)
    assert kind_of(name) in {"picture", "table", "archive", "litter", "other"}
    assert decoded_name(name.encode()) == name


@given(st.text(max_size=60))
def test_any_name_is_tidied_for_good_or_refused(name: str) -> None:
    try:
        tidy = tidy_path(name)
    except Invalid as error:
        tidy = ""
        reason = error.reason
    else:
        reason = ""
        assert tidy_path(tidy) == tidy
    assert bool(tidy) != (reason in {"path_leaves_archive", "bad_name"})
    assert not tidy.startswith("/")
    assert ".." not in tidy.split("/")


@given(st.binary(max_size=300), st.integers(0, 400))
def test_any_bytes_in_an_archive_are_files_or_a_clear_refusal(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int
) -> None:
    good = packed({"One/a.jpg": b"face" * 20, "people.csv": "编号,照片\n1,One/a.jpg\n".encode("gbk")})
    path = tmp_path_factory.mktemp("any") / "people.zip"
    path.write_bytes(good[: at % len(good)] + data + good[at % len(good) + len(data) :])
    assert reading(path) <= {
        "not_importable", "bad_zip", "nothing_to_import", "no_columns", "bad_encoding", "cannot_unpack", "picture_missing",
        "path_leaves_archive", "bad_name", "nested_archive", "encrypted", "zip_bomb", "archive_too_large", "several_tables",
        "no_name", "bad_text", "bad_table", "table_too_large",
    }  # fmt: skip


def reading(path: Path) -> set[str]:
    """Reads everything that the file tells of; why what could not be read."""
    reasons = set()

    def attempt(deed: Callable[[], object]) -> Any:
        try:
            return deed()
        except Invalid as error:
            reasons.add(error.reason)
            return None

    source = attempt(lambda: open_source(path))
    if source is not None:
        for each in attempt(lambda: list(read_plan(source, path.name))) or ():
            reasons.add(each.reason)
            for picture in each.pictures:
                attempt(partial(source.read, picture))
        source.close()
    return reasons - {""}


def test_both_kinds_of_source_are_told_apart(tmp_path: Path) -> None:
    assert isinstance(open_source(tmp_path), FolderSource)
    source = opened(tmp_path, packed({"7.jpg": b""}), "named.dat")
    assert isinstance(source, ZipSource)
    source.close()
