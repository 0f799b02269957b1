"""Decides anew, on the mean of several sightings, about events of one gate and one moment that show one person."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import numpy as np

from receiver.domain import fusion
from receiver.domain.events import PictureKind
from receiver.domain.fusion import Group, Seen
from receiver.domain.identity import Decision, Status
from receiver.services.deciding.decided import decided_values, is_ignored, numbers_of
from receiver.services.deciding.deciding import Decider, Probe
from receiver.services.publishing.publishing import publish_decided
from receiver.services.recognising.second_opinions import SecondOpinions, Shot, Shown, ask_somebody
from receiver.store import events, people
from receiver.store.database import Row, Tx
from recognition.gates import judge

# Faces that are read of one gate's last moments, and events of them that are weighed: more come from a clock that stands.
READ, WEIGHED = 200, 24


def claimed_by(tx: Tx, identities: Iterable[tuple[str, int]]) -> int | None:
    """The person whom a device named by (identity id, device id), the first whom the library has."""
    owners = (people.person_with_identity(tx, name, device_id) for name, device_id in identities if name)
    return next((owner for owner in owners if owner is not None), None)


class Fusing:
    """Looks again at the events that a newly decided one belongs together with."""

    def __init__(self, decider: Decider, reach: Callable[[str], fusion.Reach], opinions: SecondOpinions) -> None:
        self._decider = decider
        self._reach = reach
        self._opinions = opinions

    def after(self, tx: Tx, event: Row, model: str) -> dict[int, Status]:
        """Revises the event, whose sightings and decision are written, and its neighbours; by id, what each has become.

        Within the transaction of the decision, and after ``events.hold_gate``.
        """
        rows = _rows_around(tx, event, model) if event.gate_id is not None else {}
        newcomer = rows.get(event.id)
        if newcomer is None:
            return {}
        present = [_seen(each) for event_id, each in rows.items() if event_id != event.id]
        # Where a clock stands, all are equally near: whoever was told of last then came by just now.
        present.sort(key=lambda one: (abs(one.occurred_at - event.occurred_at), -one.event_id))
        groups = fusion.groups_with(_seen(newcomer), present[:WEIGHED], self._reach(model))
        revised = {group.seen.event_id: self._revise(tx, group, rows) for group in groups}
        return {event_id: status for event_id, status in revised.items() if status is not None}

    def _revise(self, tx: Tx, group: Group, rows: Mapping[int, Sequence[Row]]) -> Status | None:
        """Writes what the group's mean says of its event; None where that takes the place of nothing."""
        members = [rows[one.event_id][0] for one in (group.seen, *group.others)]
        claimed = claimed_by(tx, [(row.identity_id, row.device_id) for row in members])
        findings = judge(members[0].quality, "recognise", self._opinions.limits)
        fused = self._decider.decide(tx, Probe(group.embeddings, findings, claimed))
        event = events.find(tx, group.seen.event_id)
        if event is None or not fusion.may_revise(group, fused):
            return None
        # A registration may have given the event a person without a match.
        person_id = fused.person_id or event.person_id
        person = people.held(tx, person_id) if person_id is not None else None
        fused_with = [one.event_id for one in group.others]
        detail = {**(event.decision_detail or {}), **numbers_of(fused), "fused_with": fused_with}
        values = decided_values(event, fused, person, detail)
        opinion = {} if is_ignored(values) else self._opinion(tx, event, group, fused)
        events.change(tx, event.id, values | opinion)
        publish_decided(tx, event.id, datetime.now(UTC))
        ask_somebody(tx, event, opinion.get("second_opinion"), datetime.now(UTC))
        return fused.status

    def _opinion(self, tx: Tx, event: Row, group: Group, fused: Decision) -> dict[str, Any]:
        """The columns of the second opinion, by the group's mean; empty where the device did not say who it was."""
        limits = self._opinions.limits
        rows = events.sightings_of(tx, event.id)
        live = next(row for row in rows if row.is_live)
        theirs = [row for row in rows if row.kind == PictureKind.LIBRARY and row.model == live.model]
        detail = event.second_opinion_detail or {}
        shot = Shot(
            live=Shown.stored(live, limits),
            embeddings=group.embeddings,
            device_picture=Shown.stored(theirs[-1], limits) if theirs else None,
            device_reason="no_face_on_device_picture" if detail.get("device_picture") else None,
        )
        compared = self._opinions.compare(tx, event, shot)
        return {} if compared is None else compared.values(fused)


def _rows_around(tx: Tx, event: Row, model: str) -> dict[int, list[Row]]:
    """The faces of each event of the gate's moment; also of its neighbours' neighbours."""
    around = (event.occurred_at - 2 * fusion.WINDOW, event.occurred_at + 2 * fusion.WINDOW)
    rows = events.live_sightings(tx, event.gate_id, model, around, READ)
    return {event_id: list(each) for event_id, each in groupby(rows, key=attrgetter("event_id"))}


def _seen(rows: Sequence[Row]) -> Seen:
    first = rows[0]
    return Seen(
        event_id=first.event_id,
        occurred_at=first.occurred_at,
        identity_id=first.identity_id,
        embeddings=tuple(np.frombuffer(row.embedding, dtype=np.float32) for row in rows),
        status=Status(first.decision) if first.decision else None,
        person_id=first.person_id,
    )
