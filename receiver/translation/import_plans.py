"""What an archive or a folder tells: the rows of its table, or one person a sub-folder, or one person a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from receiver.domain.errors import Invalid
from receiver.domain.imports import Subject
from receiver.translation.import_files import FolderSource, Source
from receiver.translation.import_names import Alike, key_of, kind_of, tidy_path
from receiver.translation.import_tables import NAME_LENGTH, read_subjects

PICTURES_A_ROW = 20


def read_plan(source: Source, file_name: str) -> Iterator[Subject]:
    """Everybody the file tells of, then every file in it that cannot be used.

    Raises:
        Invalid: ``several_tables``, ``nothing_to_import``, or what is wrong with the table.
    """
    tables = [name for name in source.names if kind_of(name) == "table"]
    pictures = [name for name in source.names if kind_of(name) == "picture"]
    if len(tables) > 1:
        raise Invalid("several_tables", f"there are several tables ({', '.join(tables[:5])}); leave one")
    if tables:
        yield from _from_table(source, tables[0], pictures)
    else:
        yield from _from_names(pictures, _wrapper(source, pictures, file_name))
    if not tables and not pictures and not source.refused:
        raise Invalid("nothing_to_import", f"{file_name} holds no pictures and no table of people")
    for name, error in sorted(source.refused.items()):
        yield Subject(name[:NAME_LENGTH], reason=error.reason, detail=error.detail)


def _from_table(source: Source, table: str, pictures: Sequence[str]) -> Iterator[Subject]:
    """The table's rows; one that names no picture has those that are named by its id, else by its name."""
    base = PurePosixPath(table).parent
    finder = _Finder(base, pictures)
    named = _by_name(pictures, _prefix(base))
    names = Alike(named)
    for subject in read_subjects(source.read(table), PurePosixPath(table).name):
        if subject.reason:
            yield subject
            continue
        try:
            paths = [finder.find(each) for each in subject.pictures]
            if not paths:
                paths = named.get(names.one(subject.external_id) or names.one(subject.name) or "", [])
            yield _bounded(replace(subject, pictures=tuple(dict.fromkeys(paths))))
        except Invalid as error:
            yield replace(subject, reason=error.reason, detail=error.detail)


class _Finder:
    """Looks a picture up from the table's folder, then from the top, then by its bare name, with its ending or without."""

    def __init__(self, base: PurePosixPath, pictures: Sequence[str]) -> None:
        self._base = base
        self._paths = Alike(pictures)
        self._without_ending = Alike(pictures, lambda name: str(PurePosixPath(name).with_suffix("")))
        self._bare = Alike(pictures, lambda name: PurePosixPath(name).name)
        self._bare_without_ending = Alike(pictures, lambda name: PurePosixPath(name).stem)

    def find(self, written: str) -> str:
        """The picture's path; where there is none, the path that it should have had.

        Raises:
            Invalid: ``path_leaves_archive``, ``bad_name``, ``ambiguous_name``.
        """
        path = tidy_path(written)
        beside = str(self._base / path)
        for wanted in (beside, path):
            found = self._paths.one(wanted) or self._without_ending.one(wanted)
            if found:
                return found
        alone = {*self._bare.meant(path), *self._bare_without_ending.meant(path)}
        return alone.pop() if len(alone) == 1 else beside


def _prefix(folder: PurePosixPath) -> str:
    return "" if folder == PurePosixPath() else f"{folder}/"


def _bounded(subject: Subject) -> Subject:
    if len(subject.pictures) > PICTURES_A_ROW:
        raise Invalid("too_many_pictures", f"{len(subject.pictures)} pictures of one person; at most {PICTURES_A_ROW}")
    return subject


def _from_names(pictures: Sequence[str], wrapper: str) -> Iterator[Subject]:
    """One person a sub-folder, or one a picture; the name is the external id too."""
    for name, paths in _by_name(pictures, wrapper).items():
        is_folder = PurePosixPath(paths[0][len(wrapper) :]).parts[0] == name
        place = f"{wrapper}{name}/" if is_folder else paths[0]
        subject = Subject(place, external_id=name[:NAME_LENGTH], pictures=tuple(paths))
        try:
            yield _bounded(subject)
        except Invalid as error:
            yield replace(subject, pictures=(), reason=error.reason, detail=error.detail)


def _by_name(pictures: Sequence[str], wrapper: str) -> dict[str, list[str]]:
    """Sub-folder, or a single picture's name without its ending -> the pictures."""
    found: dict[str, list[str]] = {}
    for path in pictures:
        inner = PurePosixPath(path.removeprefix(wrapper)).parts
        found.setdefault(inner[0] if len(inner) > 1 else PurePosixPath(path).stem, []).append(path)
    return found


def _wrapper(source: Source, pictures: Sequence[str], file_name: str) -> str:
    """The one folder around everything that packing a folder leaves in an archive, with its slash; empty if there is none.

    It is told from one person's folder by what is in it: folders again, more pictures than one person has, or the
    archive's own name.
    """
    tops = {path.partition("/")[0] if "/" in path else "" for path in pictures}
    if isinstance(source, FolderSource) or len(tops) != 1 or "" in tops:
        return ""
    (top,) = tops
    has_folders = any(path.count("/") > 1 for path in pictures)
    is_named_so = key_of(top) == key_of(PurePosixPath(file_name).stem)
    return f"{top}/" if has_folders or is_named_so or len(pictures) > PICTURES_A_ROW else ""
