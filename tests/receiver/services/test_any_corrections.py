"""Whatever is merged, split, promoted, ignored and undone, in any order: nothing is lost, doubled or left with nobody."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select

from receiver.domain.errors import Conflict
from receiver.domain.events import ListName
from receiver.services.correcting import event_moves
from receiver.services.correcting.correcting import Promotion
from receiver.store import faces, people, retention, tables
from receiver.store.store import Store
from tests.made_stores import made_store
from tests.receiver.corrections import BY, Workshop
from tests.receiver.erasing import stopped_after
from tests.receiver.faces import face_of

TABLES = (
    tables.correction_item, tables.correction, tables.task, tables.event, tables.face_embedding, tables.face,
    tables.person_identity, tables.person_group, tables.legal_hold, tables.gallery_change, tables.person,
)  # fmt: skip
NAMED = [each for each in ListName if each is not ListName.STRANGER]
# Which of those that there are.
ANY = st.integers(0, 99)


@dataclass
class Model:
    """Who has what, as one would write it on paper."""

    lists: dict[int, str] = field(default_factory=dict)
    states: dict[int, str] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    faces: dict[int, int] = field(default_factory=dict)
    events: dict[int, int | None] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    # by faces that came since the beginning: the face, or the id, that they go with
    rests: dict[int, int | str] = field(default_factory=dict)

    def owner(self, face: int, rests: dict[int, int | str]) -> int:
        """Whose a face was, or would have been where it came later."""
        if face in self.faces:
            return self.faces[face]
        on = rests[face]
        return self.ids[on] if isinstance(on, str) else self.owner(on, rests)

    @property
    def present(self) -> list[int]:
        return [each for each in self.states if each not in self.merged]

    def give(self, source: int, target: int) -> None:
        """Everything of one is the other's."""
        self.faces = {each: target if owner == source else owner for each, owner in self.faces.items()}
        self.events = {each: target if owner == source else owner for each, owner in self.events.items()}
        self.ids = {each: target if owner == source else owner for each, owner in self.ids.items()}

    def family(self, person: int) -> set[int]:
        found = {person}
        while more := {each for each, into in self.merged.items() if into in found} - found:
            found |= more
        return found


@dataclass
class Made:
    """A correction that can be undone, with everything as it was before."""

    number: int
    people: set[int]
    before: Model
    # who was made by it
    new: int | None = None
    # somebody was deleted since
    is_final: bool = False
    # by which people were known, where it is a merge and nobody was split since
    current: set[int] | None = None
    renewed: set[str] = field(default_factory=set)


class Corrections(RuleBasedStateMachine):
    """The library beside the model. Steps are so small that most corrections need a task for their events."""

    make_store: Callable[[], Store]

    def __init__(self) -> None:
        super().__init__()
        self.store = type(self).make_store()
        with self.store.write() as tx:
            for table in TABLES:
                tx.execute(delete(table))
        self.shop = Workshop(self.store)
        self.model = Model()
        self.decided: dict[int, int] = {}
        self.made: list[Made] = []
        self.moving: dict[int, set[int]] = {}

    @initialize(lists=st.lists(st.sampled_from(ListName), min_size=4, max_size=6))
    def enrol(self, lists: list[ListName]) -> None:
        for number, each in enumerate(lists):
            person = self.shop.enrol(each, face_of(number), face_of(number, off=0.1), identity=f"E{number}")
            self.model.lists[person], self.model.states[person] = each, "active"
            self.model.ids[f"E{number}"] = person
            for face in self.shop.faces(person):
                self.model.faces[face] = person
                self.pass_by(face)

    @rule(which=ANY)
    def somebody_passes(self, which: int) -> None:
        if self.model.faces:
            self.pass_by(sorted(self.model.faces)[which % len(self.model.faces)])

    def pass_by(self, face: int) -> None:
        owner = self.model.faces[face]
        for _ in range(2):
            event = self.shop.passed(owner, 0, face)
            self.model.events[event], self.decided[event] = owner, face

    @precondition(lambda self: self.model.faces)
    @rule(who=st.lists(ANY, min_size=1, max_size=4), replaced=st.integers(0, 3))
    def pictures_are_learnt(self, who: list[int], replaced: int) -> None:
        for which in who:
            face = sorted(self.model.faces)[which % len(self.model.faces)]
            owner = self.model.faces[face]
            gone = sorted(self.shop.current([owner]))[:replaced]
            self.comes(self.shop.learnt(face, gone), face, owner)

    @precondition(lambda self: self.model.ids)
    @rule(whom=st.lists(ANY, min_size=1, max_size=2))
    def library_updates_come(self, whom: list[int]) -> None:
        for which in whom:
            named = sorted(self.model.ids)[which % len(self.model.ids)]
            self.comes(self.shop.renewed(named), named, self.model.ids[named])
            for made in self.made:
                made.renewed.add(named)

    def forget_current(self, parted: set[int]) -> None:
        """Who was split learns as one of two again."""
        for made in self.made:
            made.current = None if made.people & parted else made.current

    def comes(self, face: int, on: int | str, owner: int) -> None:
        """A new face, and whoever is recognised by it."""
        self.model.faces[face], self.model.rests[face] = owner, on
        self.pass_by(face)

    @precondition(lambda self: len(self.model.present) > 1)
    @rule(which=ANY, other=ANY, takes_other=st.booleans())
    def merge(self, which: int, other: int, *, takes_other: bool) -> None:
        present = self.model.present
        own = present[which % len(present)]
        gone = [each for each in present if each != own][other % (len(present) - 1)]
        lists = [self.model.lists[own], self.model.lists[gone]]
        named = [each for each in lists if each != ListName.STRANGER]
        into = ListName(named[takes_other]) if len(set(named)) > 1 else None
        with self.correcting({own, gone}) as made:
            made.current = self.shop.current([own, gone])
            made.number = self.shop.merge(own, gone, is_insisted=True, into_list=into)
            if named and lists[0] == ListName.STRANGER:
                self.model.states[own] = self.model.states[gone]
            self.model.lists[own] = into or (named or lists)[0]
            self.model.give(gone, own)
            self.model.merged[gone], self.model.states[gone] = own, "merged"

    @precondition(lambda self: self.model.faces)
    @rule(which=ANY, both=st.booleans(), to=st.one_of(st.none(), ANY))
    def split(self, which: int, *, both: bool, to: int | None) -> None:
        face = sorted(self.model.faces)[which % len(self.model.faces)]
        own = self.model.faces[face]
        going = [each for each, owner in self.model.faces.items() if owner == own] if both else [face]
        others = [each for each in self.model.present if each != own]
        target = others[to % len(others)] if to is not None and others else None
        with self.correcting({own} if target is None else {own, target}) as made:
            made.number = self.shop.split(own, going, to=target, is_insisted=True)
            self.forget_current(self.model.family(own) | ({target} if target else set()))
            if target is None:
                target = made.new = self.shop.other(made.number)
                self.model.lists[target], self.model.states[target] = "stranger", "active"
                made.people.add(target)
            self.model.faces |= dict.fromkeys(going, target)
            decided = [
                each for each, owner in self.model.events.items() if owner == own and self.decided[each] in going
            ]
            self.model.events |= dict.fromkeys(decided, target)

    @rule(which=ANY, into=st.sampled_from(NAMED))
    def promote(self, which: int, into: ListName) -> None:
        strangers = [each for each in self.model.present if self.model.lists[each] == ListName.STRANGER]
        if strangers:
            person = strangers[which % len(strangers)]
            with self.correcting({person}) as made:
                made.number = self.shop.correcting.promote(person, Promotion(into, is_insisted=True), by=BY)
                self.model.lists[person], self.model.states[person] = into, "active"

    @rule(which=ANY)
    def ignore(self, which: int) -> None:
        strangers = [each for each in self.model.present if self.model.lists[each] == ListName.STRANGER]
        active = [each for each in strangers if self.model.states[each] == "active"]
        if active:
            person = active[which % len(active)]
            with self.correcting({person}) as made:
                made.number = self.shop.correcting.ignore(person, by=BY)
                self.model.states[person] = "ignored"

    @contextmanager
    def correcting(self, concerned: set[int]) -> Iterator[Made]:
        """Refused just where events of somebody concerned are still on their way."""
        made = Made(0, set(concerned), deepcopy(self.model))
        refused = None
        try:
            yield made
        except Conflict as error:
            refused = error.reason
        assert refused == ("still_moving" if self.is_moving(concerned) else None)
        if refused:
            self.all_arrive()
        else:
            self.made.append(made)
            self.note_moving(made)

    def is_moving(self, concerned: set[int], but: int = 0) -> bool:
        return any(concerned & whom for number, whom in self.moving.items() if number != but)

    def note_moving(self, made: Made) -> None:
        self.moving.pop(made.number, None)
        if self.shop.shown.show(made.number)["is_moving"]:
            self.moving[made.number] = made.people

    @precondition(lambda self: self.made)
    @rule(which=ANY)
    def undo(self, which: int) -> None:
        made = self.made[-1 - which % len(self.made)]
        before, refused = self.shop.everything(), None
        try:
            self.shop.undo(made.number)
        except Conflict as error:
            refused = error.reason
        assert refused == self.why_not(made)
        if refused is None:
            self.made.remove(made)
            self.take_back(made)
            self.note_moving(made)
        else:
            assert self.shop.everything() == before
            self.all_arrive()

    def why_not(self, made: Made) -> str | None:
        later = self.made[self.made.index(made) + 1 :]
        if any(made.people & each.people for each in later if not each.is_final):
            return "later_correction"
        if self.is_moving(made.people, but=made.number):
            return "still_moving"
        return "person_gone" if made.is_final else None

    def take_back(self, made: Made) -> None:
        then, now = made.before, self.model
        if made.new is not None:
            (first,) = made.people - {made.new}
            now.give(made.new, first)
            now.merged[made.new], now.states[made.new] = first, "merged"
            return
        for person in made.people:
            now.lists[person], now.states[person] = then.lists[person], then.states[person]
            now.merged.pop(person, None)
        now.faces |= {each: then.owner(each, now.rests) for each, owner in now.faces.items() if owner in made.people}
        now.ids |= {each: then.ids[each] for each, owner in now.ids.items() if owner in made.people}
        for event, owner in now.events.items():
            # What came since goes with its face.
            back = then.events[event] if event in then.events else then.owner(self.decided[event], now.rests)
            if owner in made.people and back in made.people:
                now.events[event] = back
        renewed = {then.ids[each] for each in made.renewed}
        kept = {each for each in made.current or () if now.faces.get(each) not in {None, *renewed}}
        assert kept <= self.shop.current(made.people)

    @rule(which=ANY, steps=st.integers(1, 9))
    def move_events(self, which: int, steps: int) -> None:
        if self.moving:
            number = sorted(self.moving)[which % len(self.moving)]
            self.shop.moves.run(number, stopped_after(steps))
            if not self.shop.shown.show(number)["is_moving"]:
                del self.moving[number]

    @precondition(lambda self: self.model.faces)
    @rule(which=ANY)
    def a_face_is_taken_out(self, which: int) -> None:
        face = sorted(self.model.faces)[which % len(self.model.faces)]
        with self.store.write(lock=people.GALLERY_LOCK) as tx:
            faces.remove(tx, face)
            people.note_change(
                tx, self.model.faces.pop(face), self.shop.person(next(iter(self.model.states))).created_at
            )

    @precondition(lambda self: self.model.events)
    @rule(which=ANY)
    def an_event_is_old_enough(self, which: int) -> None:
        event = sorted(self.model.events)[which % len(self.model.events)]
        with self.store.write() as tx:
            retention.drop_events(tx, [event])
        del self.model.events[event]

    @precondition(lambda self: len(self.model.present) > 1)
    @rule(which=ANY)
    def somebody_is_deleted(self, which: int) -> None:
        person = self.model.present[which % len(self.model.present)]
        gone = self.model.family(person)
        if self.is_moving(gone):
            # Where the events are just now is not on the paper.
            return
        with self.store.write(lock=people.GALLERY_LOCK) as tx:
            people.remove(tx, person)
        for each in gone:
            for of_people in (self.model.states, self.model.lists, self.model.merged):
                of_people.pop(each, None)
        self.model.faces = {each: owner for each, owner in self.model.faces.items() if owner not in gone}
        self.model.ids = {each: owner for each, owner in self.model.ids.items() if owner not in gone}
        self.model.events |= {each: None for each, owner in self.model.events.items() if owner in gone}
        for made in self.made:
            made.is_final = made.is_final or bool(made.people & gone)

    @invariant()
    def the_library_is_as_on_the_paper(self) -> None:
        with self.store.read() as tx:
            rows = {row.id: row for row in tx.execute(select(tables.person))}
            owners = [(row.id, row.person_id) for row in tx.execute(select(tables.face))]
            seen = [(row.id, row.person_id) for row in tx.execute(select(tables.event))]
            ids = [(row.external_id, row.person_id) for row in tx.execute(select(tables.person_identity))]
        assert {each: row.state for each, row in rows.items()} == self.model.states
        assert {each: row.list for each, row in rows.items()} == self.model.lists
        assert {each: row.merged_into for each, row in rows.items() if row.merged_into} == self.model.merged
        assert sorted(owners) == sorted(self.model.faces.items())
        assert sorted(ids) == sorted(self.model.ids.items())
        assert sorted(each for each, _ in seen) == sorted(self.model.events)
        for event, owner in seen:
            wanted = self.model.events[event]
            assert owner is None or owner in rows
            assert owner == wanted or any({owner, wanted} <= whom for whom in self.moving.values())

    def all_arrive(self) -> None:
        for number in list(self.moving):
            self.shop.settle(number)
        self.moving = {}

    def teardown(self) -> None:
        """All on their way arrive, with somebody who is there."""
        self.all_arrive()
        self.the_library_is_as_on_the_paper()
        with self.store.read() as tx:
            merged = select(tables.person.c.id).where(tables.person.c.merged_into.is_not(None))
            for table in (tables.face, tables.event, tables.person_identity):
                assert list(tx.execute(select(table).where(table.c.person_id.in_(merged)))) == []


def hold(store: Store, examples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_moves, "STEP", 3)
    machine = type("OnThisStore", (Corrections,), {"make_store": staticmethod(lambda: store)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_any_corrections_keep_every_face_once_and_every_event_with_somebody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = made_store(tmp_path)
    hold(opened, 40, monkeypatch)
    opened.close()


@pytest.mark.postgres
def test_some_corrections_do_so_on_postgresql(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = made_store(tmp_path, postgres_url)
    hold(opened, 8, monkeypatch)
    opened.close()
