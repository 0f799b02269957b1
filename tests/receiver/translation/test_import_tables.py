"""Tables of people are read whatever program wrote them, or refused with a word."""

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.errors import Invalid
from receiver.domain.imports import Subject
from receiver.translation import import_tables
from receiver.translation.import_dates import read_date, read_period
from receiver.translation.import_tables import read_subjects
from receiver.translation.import_words import COLUMN_OF, FIELD_OF, LIST_OF, column_of

ENGLISH = "ID,Name,Type,Group,Remark,Photo\n7,Ann Example,visitor,Sales,until noon,a.jpg;b.jpg\n"
CHINESE = "编号,姓名,名单,部门,备注,照片\n7,王小明,访客,销售部,到中午,a.jpg;b.jpg\n"


def subjects(data: str | bytes) -> list[Subject]:
    return list(read_subjects(data.encode() if isinstance(data, str) else data, "people.csv"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_table_is_read_in_whatever_it_is_written(encoding: str) -> None:
    (found,) = subjects(CHINESE.encode(encoding))
    assert (found.external_id, found.name, found.list) == ("7", "王小明", "visitor")
    assert (found.note, found.more, found.pictures) == ("到中午", {"groups": ["销售部"]}, ("a.jpg", "b.jpg"))
    assert (found.place, found.reason) == ("people.csv line 2", "")


@pytest.mark.parametrize("separator", [";", "\t", "|", "\N{FULLWIDTH COMMA}"])
def test_any_separator_is_found_out(separator: str) -> None:
    text = "工号,姓名,照片\n7,王小明,a.jpg\n"
    (found,) = subjects(text.replace(",", separator))
    assert (found.external_id, found.name, found.pictures) == ("7", "王小明", ("a.jpg",))


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("External ID", "external_id"), ("identity_id", "external_id"), ("编号", "external_id"), ("工号(必填)*", "external_id"),
        ("身份证号", "external_id"), ("ID", "external_id"), ("name", "name"), ("姓名【必填】", "name"), ("list", "list"),
        ("type", "list"), ("名单", "list"), ("类型", "list"), ("group", "group"), ("分组", "group"), ("部门", "group"), ("note", "note"),
        ("备注", "note"), ("Valid from", "valid_from"), ("valid_until", "valid_until"), ("有效期", "validity"), ("picture", "picture"),
        ("Photo 2", "picture"), ("照片1", "picture"), ("图片", "picture"), ("colour", ""), ("", ""),
        ("Phone", "field:phone"), ("手机号", "field:phone"), ("E-Mail", "field:email"), ("邮箱", "field:email"),
        ("职位(选填)", "field:title"), ("车牌号", "field:plate"), ("field: Locker  No", "field:Locker No"),
        ("字段\N{FULLWIDTH COLON}储物柜", "field:储物柜"), ("自定义字段 工位", "field:工位"), ("field:", ""),
    ],
)  # fmt: skip
def test_columns_are_known_by_what_people_call_them(header: str, column: str) -> None:
    assert column_of(header) == column


def test_no_word_means_two_columns_or_lists() -> None:
    assert set(COLUMN_OF.values()) == {
        "external_id", "name", "list", "group", "note", "valid_from", "valid_until", "validity", "picture",
    }  # fmt: skip
    assert not COLUMN_OF.keys() & FIELD_OF.keys()
    assert all(column_of(word) == f"field:{name}" for word, name in FIELD_OF.items())
    assert set(LIST_OF.values()) == {"staff", "visitor", "blacklist", "vip"}
    assert all(column_of(word) == column for word, column in COLUMN_OF.items())


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Staff", "staff"),
        ("员工", "staff"),
        ("VIP", "vip"),
        ("贵宾", "vip"),
        ("黑名单", "blacklist"),
        ("访客", "visitor"),
        ("", ""),
    ],
)
def test_lists_are_known_in_both_languages(word: str, name: str) -> None:
    (found,) = subjects(f"id,list,picture\n7,{word},a.jpg\n")
    assert (found.list, found.reason) == (name, "")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",,,a.jpg", "no_name"), ("7,,boss,a.jpg", "bad_list"), ("7,,stranger,a.jpg", "bad_list"),
        ("7," + "n" * 256 + ",,a.jpg", "bad_text"), ("7,a\x00b,,a.jpg", "bad_text"),
    ],
)  # fmt: skip
def test_a_bad_row_is_refused_and_the_next_one_is_read(row: str, reason: str) -> None:
    bad, good = subjects(f"id,name,list,picture\n{row}\n8,Ben,vip,b.jpg\n")
    assert (bad.reason, bad.place) == (reason, "people.csv line 2")
    assert bad.detail
    assert (good.external_id, good.reason) == ("8", "")


def test_a_quote_left_open_costs_only_what_it_swallows() -> None:
    rows = subjects('id,picture\n1,"' + "x" * 140_000 + "\n2,b.jpg\n")
    assert rows[0].reason == "bad_table"
    assert all(row.place.startswith("people.csv line") for row in rows)


def test_headers_with_line_breaks_blank_lines_and_missing_cells_are_read() -> None:
    (found,) = subjects('\n,,\n"编号\n(必填)",姓名,照片1,照片2\n\n7,王小明,a.jpg\n')
    assert (found.external_id, found.name, found.pictures) == ("7", "王小明", ("a.jpg",))


def test_of_several_id_columns_the_first_counts_and_pictures_add_up() -> None:
    (found,) = subjects("工号,身份证号,照片1,照片2\n7,110101,a.jpg,b.jpg、c.jpg\n")
    assert (found.external_id, found.pictures) == ("7", ("a.jpg", "b.jpg", "c.jpg"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no_columns"),
        (b"size,colour\n1,x\n", "no_columns"),
        (b"photo\na.jpg\n", "no_columns"),
        (b"\xff\xff\xff", "bad_encoding"),
    ],
)
def test_what_is_no_table_of_people_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        subjects(data)
    assert refused.value.reason == reason


def test_a_table_beyond_bounds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_tables, "TABLE_BYTES", 10)
    with pytest.raises(Invalid) as refused:
        subjects(ENGLISH)
    assert refused.value.reason == "table_too_large"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", "2026-01-31T00:00:00"), ("2026/1/31", "2026-01-31T00:00:00"), ("20260131", "2026-01-31T00:00:00"),
        ("2026年1月31日", "2026-01-31T00:00:00"), ("2026.1.31 08:05", "2026-01-31T08:05:00"),
        ("2026-01-31T08:05:09", "2026-01-31T08:05:09"), ("", None), ("长期", None),
    ],
)  # fmt: skip
def test_dates_are_read_as_people_write_them(text: str, moment: str | None) -> None:
    found = read_date(text)
    assert (None if found is None else found.isoformat()) == moment


@pytest.mark.parametrize("text", ["31.1.2026", "2026-13-01", "2026-02-30", "tomorrow", "2026-01-31 25:00"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_date(text)
    assert refused.value.reason == "bad_date"


def test_groups_validity_and_fields_are_read() -> None:
    (found,) = subjects(
        "工号,部门,有效期,手机,field:Locker,照片\n7,研发部、值班;值班,2026-01-01 至 2026-12-31,138,B 4,a.jpg\n"
    )
    assert found.more == {
        "groups": ["研发部", "值班"],
        "valid_from": "2026-01-01T00:00:00",
        "valid_until": "2027-01-01T00:00:00",
        "fields": {"phone": "138", "Locker": "B 4"},
    }


@pytest.mark.parametrize(
    "row",
    ["7," + "g" * 65 + ",,a.jpg", "7," + ";".join(map(str, range(51))) + ",,a.jpg", "7,," + "x" * 1001 + ",a.jpg"],
)
def test_groups_and_fields_beyond_what_the_library_keeps_are_refused(row: str) -> None:
    (found,) = subjects(f"id,group,phone,photo\n{row}\n")
    assert found.reason == "bad_text"


def test_a_last_day_is_meant_whole_and_a_time_exactly() -> None:
    assert read_period({"valid_until": "2026-12-31"}).end == read_date("2027-01-01")
    assert read_period({"valid_until": "2026-12-31 18:00"}).end == read_date("2026-12-31 18:00")
    assert read_period({"valid_from": "2026-05-01", "valid_until": "2026-05-01"}).end == read_date("2026-05-02")
    assert read_period({"valid_until": "9999-12-31"}).end is None


def test_a_period_is_read_from_one_cell_or_two_and_never_ends_before_it_begins() -> None:
    both = read_period({"validity": "2026-01-01 至 2026-12-31"})
    assert both == read_period({"valid_from": "2026-01-01", "valid_until": "2026/12/31"})
    assert read_period({"validity": "2026-12-31"}).begin is None
    with pytest.raises(Invalid):
        read_period({"valid_from": "2026-12-31", "valid_until": "2026-01-01"})


@given(st.binary(max_size=400))
def test_any_bytes_are_rows_or_a_clear_refusal(data: bytes) -> None:
    for start in (b"", ENGLISH.encode(), CHINESE.encode("gb18030")):
        found, refused = read_or_refused(start + data)
        assert refused in {"", "no_columns", "bad_encoding"}
        assert all(row.external_id or row.name or row.reason for row in found)
        assert all(len(row.name) <= 255 and "\x00" not in row.name + row.external_id for row in found)


def read_or_refused(data: bytes) -> tuple[list[Subject], str]:
    try:
        return subjects(data), ""
    except Invalid as error:
        return [], error.reason


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).map(str.strip),
        min_size=1,
        max_size=8,
    )
)
def test_names_come_through_unchanged(names: list[str]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([["id", "name", "picture"], *([str(at), name, "a.jpg"] for at, name in enumerate(names))])
    found = subjects(out.getvalue())
    assert [row.name for row in found] == [unicodedata.normalize("NFC", name) for name in names]
