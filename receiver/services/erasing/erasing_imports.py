"""Takes a person out of imports: his or her rows, what the rows of others say, and what the files were called."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from receiver.domain.imports import RowState
from receiver.store import erasing, import_traces, imports, review_upkeep, reviews
from receiver.store.database import Row, Tx
from receiver.store.erasures import ERASED
from receiver.store.import_traces import Sought
from receiver.translation.redacting import tells_of


@dataclass(frozen=True, slots=True)
class FoundRows:
    """The person's rows of one import, by number."""

    sought: Sought
    import_id: int
    numbers: Sequence[int]


def next_rows(tx: Tx, sought: Sought, after: int) -> FoundRows | None:
    """Those of the next import that has rows; None after the last."""
    import_id = import_traces.next_import(tx, after)
    if import_id is None:
        return None
    return FoundRows(sought, import_id, import_traces.rows_to_go(tx, import_id, sought))


def refuse_waiting(tx: Tx, sought: Sought) -> int:
    """No import that is under way brings the person back; how many rows were to."""
    number = 0
    for import_id in import_traces.open_imports(tx):
        waiting = import_traces.rows_to_go(tx, import_id, sought, RowState.WAITING)
        number += import_traces.clear_rows(tx, import_id, waiting, sought)
    return number


def take_rows(tx: Tx, erasure: Row, found: FoundRows, names: Collection[str]) -> dict[str, int]:
    """Clears the person's rows of one import, asks nothing about them any more, and takes the name out of the others."""
    # Whoever works on it changes several rows too.
    imports.held(tx, found.import_id)
    asked = _drop_reviews(tx, erasure, found)
    cleared = import_traces.clear_rows(tx, found.import_id, found.numbers, found.sought)
    others = {row.number: row for name in names for row in import_traces.mentions(tx, found.import_id, name)}
    changes = {number: _unnamed(row, names) for number, row in others.items() if _is_named(row, names)}
    import_traces.change_rows(tx, found.import_id, changes)
    return {"import_rows": cleared, "import_mentions": len(changes), "reviews": asked}


def take_file_names(tx: Tx, names: Collection[str]) -> dict[str, int]:
    """Takes away what files were called that have the name in theirs; of those only that are not needed any more."""
    ended = import_traces.ended_imports(tx)
    named = [row.id for row in ended if any(tells_of(text or "", names) for text in (row.name, row.path, row.detail))]
    import_traces.unname(tx, named)
    return {"import_mentions": len(named)}


def left_of_imports(tx: Tx, erasure: Row, now: datetime) -> list[dict[str, Any]]:
    """What is said in the certificate of files that may not have been read when the person was hidden."""
    found = import_traces.open_at(tx, erasure.requested_at)
    is_over = all(row.ended_at is not None for row in found)
    numbers = ", ".join(str(row.id) for row in found)
    sentence = (
        f"files of imports under way at that time ({numbers}): what was not read by then may name the person anew"
    )
    return [{"what": "imports", "gone_at": now if is_over else None, "sentence": sentence}] if found else []


def _drop_reviews(tx: Tx, erasure: Row, found: FoundRows) -> int:
    """Nobody is asked any more about the person's rows that were refused; how many were asked about."""
    items = review_upkeep.of_rows(tx, found.import_id, found.numbers)
    shown = {each.digest for some in reviews.pictures_of(tx, items).values() for each in some}
    erasing.queue_pictures(tx, erasure.id, [erasing.FoundPicture(digest) for digest in shown])
    return review_upkeep.drop(tx, items)


def _is_named(row: Row, names: Collection[str]) -> bool:
    told = json.dumps([row.detail, row.place, row.paths, row.pictures], ensure_ascii=False)
    return tells_of(told, names)


def _unnamed(row: Row, names: Collection[str]) -> dict[str, Any]:
    """What the row of somebody else keeps; one that waits needs its paths."""
    return {
        "detail": None,
        "place": _path(row.place, names),
        "paths": row.paths if row.state == RowState.WAITING else [_path(each, names) for each in row.paths],
        "pictures": _without_findings(row.pictures, names),
    }


def _without_findings(pictures: Any, names: Collection[str]) -> Any:
    """What an import says of pictures, without the sentences and findings that may speak of others."""
    kept = ("path", "digest", "is_used", "reason", "faces", "face")
    plain = [{name: each[name] for name in kept if name in each} for each in pictures or ()]
    return pictures and [each | ({"path": _path(each["path"], names)} if "path" in each else {}) for each in plain]


def _path(path: str, names: Collection[str]) -> str:
    return ERASED if tells_of(path, names) else path
