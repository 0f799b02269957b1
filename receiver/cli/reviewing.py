"""reviews: what a person should look at, from the command line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, load, opened, with_flags
from receiver.cli.telling import refusing

if TYPE_CHECKING:
    from receiver.bootstrap import House
    from receiver.services.reviewing.reviewing import Reviewing

KINDS = (
    "proposed_merge", "identity_conflict", "identity_taken", "look_alike", "stale_picture", "contradicting_picture",
    "second_opinion", "quarantined", "failed_enrolment", "buried_task",
)  # fmt: skip
STATES = ("open", "later", "accepted", "rejected", "settled", "any")
LISTS = ("staff", "visitor", "blacklist", "stranger", "vip")
TIMES = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"))


@click.group("reviews")
def reviews_command() -> None:
    """Look at what the server could not decide by itself, and answer it."""


@reviews_command.command("list")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Only this kind; several times for several."
)
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True, help="Only these.")
@click.option("--person", type=int, help="Only what concerns the person of that id.")
@click.option("--oldest", is_flag=True, help="The oldest first.")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
@with_flags(FLAGS)
def list_reviews(
    kinds: tuple[str, ...], state: str, person: int | None, *, oldest: bool, limit: int, **flags: Any
) -> None:
    """List items, newest first, and count what is open by kind."""
    from receiver.domain.reviews import ReviewKind, ReviewState
    from receiver.services.reviewing.reviews_shown import ReviewList
    from receiver.store.review_lists import ReviewFilter

    wanted = ReviewFilter(
        kinds=tuple(ReviewKind(each) for each in kinds),
        state=None if state == "any" else ReviewState(state),
        person=person,
        is_oldest_first=oldest,
        limit=min(max(limit, 1), 500),
    )
    with opened(flags) as house:
        page = ReviewList(house.store).page(wanted)
    for item in page["items"]:
        click.echo(_line(item))
    if page["next"] is not None:
        click.echo("... and more; --limit and --kind show them.")
    if not page["items"]:
        click.echo("Nothing to look at.")
    for kind, states in sorted(page["counts"].items()):
        click.echo(f"{states.get('open', 0):>8} open  {kind}")


@reviews_command.command("show")
@click.argument("review", type=int)
@with_flags(FLAGS)
def show(review: int, **flags: Any) -> None:
    """Show the item of that id: what was found, of whom, by which pictures, and what each answer does."""
    from receiver.services.reviewing.reviews_shown import ReviewList

    with opened(flags) as house, refusing():
        item = ReviewList(house.store).item(review)
    for line in _lines(item):
        click.echo(line)


@reviews_command.command("accept")
@click.argument("review", type=int)
@click.option(
    "--list", "list_name", type=click.Choice(LISTS), help="Of two people on different lists: which one holds."
)
@with_flags(FLAGS)
def accept(review: int, list_name: str | None, **flags: Any) -> None:
    """Do what the item of that id proposes; `reviews show` says what that is."""
    from receiver.domain.events import ListName

    with _desk(flags) as (house, reviewing), refusing():
        reviewing.accept(review, _by(), None if list_name is None else ListName(list_name))
        outcome = _outcome(house, review)
    click.echo(f"Item {review} is accepted{outcome}.")


@reviews_command.command("reject")
@click.argument("review", type=int)
@with_flags(FLAGS)
def reject(review: int, **flags: Any) -> None:
    """Leave everything as it is; the same is not asked again."""
    with _desk(flags) as (_, reviewing), refusing():
        reviewing.reject(review, _by())
    click.echo(f"Item {review} is rejected.")


@reviews_command.command("later")
@click.argument("review", type=int)
@click.option("--until", type=TIMES, help="Not before this time of the site; tomorrow if it is not given.")
@with_flags(FLAGS)
def later(review: int, until: Any, **flags: Any) -> None:
    """Ask again later."""
    moment = None if until is None else until.replace(tzinfo=load(flags).timezone)
    with _desk(flags) as (house, reviewing), refusing():
        reviewing.later(review, moment)
        due_at = _item(house, review)["due_at"]
    click.echo(f"Item {review} comes again at {due_at:%Y-%m-%d %H:%M %Z}.")


@contextmanager
def _desk(flags: dict[str, Any]) -> Iterator[tuple["House", "Reviewing"]]:
    """Deciding, with the engine in this process where a picture must be looked at."""
    from receiver.assembly.review_desk import make_local
    from receiver.bootstrap import local_see, make_decider, make_intake

    with opened(flags) as house, refusing():
        yield house, make_local(house, local_see(house), make_decider(house), make_intake(house))
        house.doorbell.ring()


def _item(house: "House", review_id: int) -> dict[str, Any]:
    from receiver.services.reviewing.reviews_shown import ReviewList

    return ReviewList(house.store).item(review_id)


def _outcome(house: "House", review_id: int) -> str:
    """What came of it; a merge tells how it is undone."""
    outcome = _item(house, review_id)["outcome"] or {}
    told = ", ".join(f"{name} {value}" for name, value in outcome.items())
    undo = f"; `people undo {outcome['correction']}` takes it back" if "correction" in outcome else ""
    return (f": {told}" if told else "") + undo


def _by() -> str:
    return f"account {os.getuid()} (command line)"


def _line(item: dict[str, Any]) -> str:
    who = " and ".join(_named(each) for each in (item["person"], item["other"]) if each is not None)
    about = item["about"] or {}
    what = who or about.get("place") or about.get("topic") or about.get("detail") or ""
    return f"{item['id']:>6}  {item['kind']:<21}  {item['state']:<8}  {item['reason']:<20}  {what}".rstrip()


def _named(person: dict[str, Any]) -> str:
    return f"{person['name']} (person {person['id']}, {person['list']})"


def _lines(item: dict[str, Any]) -> Iterator[str]:
    """An item as people read it."""
    yield _line(item).strip()
    yield f"  {item['sentence']}"
    if item["advice"]:
        yield f"  {item['advice']}"
    facts = {"event": item["event"], **item["detail"], **(item["about"] or {})}
    yield from (f"  {name}: {fact}" for name, fact in facts.items() if fact not in (None, "", []))
    for each in item["pictures"]:
        whose = f" of {_named(each['person'])}" if each["person"] is not None else ""
        yield f"  picture {each['role']}{whose}: {each['url']}"
    if item["state"] in {"open", "later"}:
        yield f"  accept: {item['on_accept']}"
        yield f"  reject: {item['on_reject']}"
    elif item["settled_by"]:
        yield f"  {item['state']} by {item['settled_by']} at {item['settled_at']:%Y-%m-%d %H:%M %Z}"
