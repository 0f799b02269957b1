"""Notes refused rows of imports for the review list, with the pictures that they brought."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from receiver.domain.errors import Invalid
from receiver.domain.reviews import ReviewKind, row_key
from receiver.services.importing.import_rows import Outcome, RowPicture
from receiver.services.noting_reviews import NEW, OTHER
from receiver.store import reviews
from receiver.store.database import Tx
from receiver.store.pictures import Pictures, StoredPicture
from receiver.store.reviews import NewReview, ReviewPicture
from receiver.translation.pictures import inspect

IMPORT = "import"
# Of one row.
KEPT = 5


def keep_brought(pictures: Pictures, brought: Sequence[RowPicture], pixel_limit: int) -> list[ReviewPicture]:
    """Stores what a refused row brought, as far as it is pictures, so that somebody can look at it."""
    stored = []
    for each in brought[:KEPT]:
        try:
            header = inspect(each.data, pixel_limit)
        except Invalid:
            continue
        digest = hashlib.sha256(each.data).digest()
        stored.append(StoredPicture(digest, header.media_type, header.width, header.height, each.data))
    pictures.put(stored)
    return [ReviewPicture(each.digest, NEW) for each in stored]


def note_row(tx: Tx, row: tuple[int, int], outcome: Outcome, brought: Sequence[ReviewPicture], now: datetime) -> None:
    """Asks whether the row, by import and number, is to be enrolled in spite of the reason."""
    import_id, number = row
    others = _others(outcome)
    new = NewReview(
        ReviewKind.FAILED_ENROLMENT,
        outcome.key or row_key(f"{import_id}", f"{number}", ()),
        outcome.reason[:64],
        person_id=outcome.person_id,
        other_id=others[0].person_id if others else None,
        subject=import_id,
        detail={"origin": IMPORT, "row": number},
        pictures=[*brought, *others],
    )
    reviews.note(tx, new, now)


def _others(outcome: Outcome) -> list[ReviewPicture]:
    """Whom the row's pictures look like."""
    findings = [each for picture in outcome.pictures for each in picture.get("findings") or ()]
    found = {
        each["person"]["id"]: ReviewPicture(bytes.fromhex(each["picture"]["digest"]), OTHER, each["person"]["id"])
        for each in reversed(findings)
        if each["level"] == "refuse" and each.get("person") and each.get("picture")
    }
    return list(found.values())[::-1]
