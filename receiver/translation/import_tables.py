"""Tables of people: encoding and separator found out, columns by their names in English or Chinese, one subject a row."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from receiver.domain.errors import Invalid
from receiver.domain.imports import Subject
from receiver.translation.import_dates import Period, read_period
from receiver.translation.import_names import is_plain, shown
from receiver.translation.import_words import FIELD, LIST_OF, column_of, plain

TABLE_BYTES = 64 * 1024 * 1024
LINE = 100_000
NAME_LENGTH = 255
NOTE_LENGTH = 10_000
LENGTHS = {"note": NOTE_LENGTH, "group": 3500}
SEPARATORS = (",", ";", "\t", "|", "\N{FULLWIDTH COMMA}")
GROUPS, GROUP_LENGTH = 50, 64
FIELDS, FIELD_LENGTH = 50, 1000
# Several groups in one cell; a comma may be part of a department's name.
_BETWEEN_GROUPS = re.compile("[;|\n\N{FULLWIDTH SEMICOLON}\N{IDEOGRAPHIC COMMA}]")
# Several pictures in one cell.
_BETWEEN = re.compile("[;,|\n\N{FULLWIDTH COMMA}\N{FULLWIDTH SEMICOLON}\N{IDEOGRAPHIC COMMA}]")


def read_text(data: bytes) -> str:
    """The text of a table: UTF-8 or UTF-16 with a mark, UTF-8 without, GB18030.

    Raises:
        Invalid: ``table_too_large``, ``bad_encoding``.
    """
    if len(data) > TABLE_BYTES:
        raise Invalid("table_too_large", f"a table may have {TABLE_BYTES} bytes; split it")
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid("bad_encoding", "the table is neither UTF-8 nor GB18030 text; save it as `CSV UTF-8`")


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a table that names columns: how cells are separated, and which columns are whose."""

    separator: str
    columns: Sequence[str]


def read_subjects(data: bytes, file_name: str) -> Iterator[Subject]:
    """The rows of a table, in their order; a row that cannot be read is a subject with its reason.

    Raises:
        Invalid: ``table_too_large``, ``bad_encoding``, ``no_columns``.
    """
    text = read_text(data)
    header = find_header(text)
    return _subjects(text, header, file_name)


def find_header(text: str) -> Header:
    """The columns by the table's first line; of several columns of ids, or of names, the first counts.

    Raises:
        Invalid: ``no_columns``: there are neither ids nor names.
    """
    found = [_header(text[:LINE], each) for each in SEPARATORS]
    best = max(found, key=lambda each: sum(map(bool, each.columns)))
    if not {"external_id", "name"} & set(best.columns):
        raise Invalid(
            "no_columns",
            "the table's first line must name a column of ids or of names: id, name, picture (编号, 姓名, 照片)",
        )
    return best


def _header(text: str, separator: str) -> Header:
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        cells = next((row for row in rows if any(each.strip() for each in row)), [])
    except csv.Error:
        cells = []
    columns: list[str] = []
    for cell in cells:
        name = column_of(cell)
        columns.append("" if name != "picture" and name in columns else name)
    return Header(separator, columns)


def _subjects(text: str, header: Header, file_name: str) -> Iterator[Subject]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=header.separator)
    is_first = True
    while True:
        place = f"{file_name} line {reader.line_num + 1}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Subject(place, reason="bad_table", detail=f"the row cannot be read: {error}; is a quote left open?")
            continue
        if cells is None:
            return
        if not any(each.strip() for each in cells):
            continue
        if is_first:
            is_first = False
            continue
        yield _subject(place, header, cells)


def _subject(place: str, header: Header, cells: Sequence[str]) -> Subject:
    values: dict[str, str] = {}
    pictures: list[str] = []
    for column, cell in zip(header.columns, cells, strict=False):
        text = unicodedata.normalize("NFC", cell.strip())
        if column == "picture":
            pictures += [part.strip() for part in _BETWEEN.split(text) if part.strip()]
        elif column and text:
            values[column] = text
    told: dict[str, Any] = {name: _cut(values.get(name, "")) for name in ("external_id", "name")}
    try:
        _check(values)
        period = read_period(values)
        found = _list_of(values.get("list", ""))
    except Invalid as error:
        return Subject(place, **told, reason=error.reason, detail=error.detail)
    more = _more(values, period)
    return Subject(place, **told, list=found, pictures=tuple(pictures), note=values.get("note", ""), more=more)


def _cut(text: str) -> str:
    """What even a refused row shows of it."""
    return "".join(each if is_plain(each) else "\N{REPLACEMENT CHARACTER}" for each in text[:NAME_LENGTH])


def _more(values: Mapping[str, str], period: Period) -> Mapping[str, Any]:
    told = {
        "groups": _groups(values),
        "valid_from": period.begin.isoformat() if period.begin else "",
        "valid_until": period.end.isoformat() if period.end else "",
        "fields": _fields(values),
    }
    return {name: text for name, text in told.items() if text}


def _groups(values: Mapping[str, str]) -> list[str]:
    parts = (" ".join(part.split()) for part in _BETWEEN_GROUPS.split(values.get("group", "")))
    return list(dict.fromkeys(part for part in parts if part))


def _fields(values: Mapping[str, str]) -> dict[str, str]:
    return {column.removeprefix(FIELD): text for column, text in values.items() if column.startswith(FIELD)}


def _check(values: Mapping[str, str]) -> None:
    if not values.get("external_id") and not values.get("name"):
        raise Invalid("no_name", "the row has neither an id nor a name")
    for column, text in values.items():
        longest = FIELD_LENGTH if column.startswith(FIELD) else LENGTHS.get(column, NAME_LENGTH)
        if len(text) > longest or not is_plain(text.replace("\n", " ").replace("\r", " ").replace("\t", " ")):
            raise Invalid("bad_text", f"{column} has more than {longest} characters, or some that are no text")
    groups = _groups(values)
    if len(groups) > GROUPS or any(len(each) > GROUP_LENGTH for each in groups):
        raise Invalid("bad_text", f"more than {GROUPS} groups, or one of more than {GROUP_LENGTH} characters")
    if len(_fields(values)) > FIELDS:
        raise Invalid("bad_text", f"more than {FIELDS} fields of the site's own")


def _list_of(word: str) -> str:
    """Ours for what the table says; empty for nothing."""
    said = plain(word)
    if said and said not in LIST_OF:
        raise Invalid(
            "bad_list", f"{shown(word)} is no list; say staff, visitor, blacklist or vip (员工, 访客, 黑名单, 贵宾)"
        )
    return LIST_OF.get(said, "")
