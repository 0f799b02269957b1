"""alerts: what a person should look at now, from the command line."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from receiver.cli.options import FLAGS, opened, with_flags
from receiver.cli.telling import refusing

STATES = ("open", "acknowledged", "closed", "any")
SEVERITIES = ("info", "warning", "critical")
OUTCOMES = ("confirmed", "false_alarm", "test", "other")


@click.group("alerts")
def alerts_command() -> None:
    """Look at alerts and answer them."""


@alerts_command.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only these; without it what is not closed.")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Only of this severity.")
@click.option("--person", type=int, help="Only about the person of that id.")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
@with_flags(FLAGS)
def list_alerts(state: str | None, severity: str | None, person: int | None, *, limit: int, **flags: Any) -> None:
    """List alerts, newest first."""
    from receiver.services.alerting.alerts_shown import AlertsShown
    from receiver.store.alert_lists import AlertFilter

    most = min(max(limit, 1), 500)
    wanted = ("open", "acknowledged") if state is None else (None if state == "any" else state,)
    with opened(flags) as house:
        shown = AlertsShown(house.store)
        pages = [
            shown.page(AlertFilter(state=each, severity=severity, person=person, limit=most)).items for each in wanted
        ]
        zone = house.settings.timezone
    items = sorted((item for page in pages for item in page), key=lambda item: -item["id"])[:most]
    for item in items:
        click.echo(_line(item, zone))
    if not items:
        click.echo("No alerts.")


@alerts_command.command("show")
@click.argument("alert", type=int)
@with_flags(FLAGS)
def show(alert: int, **flags: Any) -> None:
    """Show the alert of that id: what it is about, its events and pictures, and what was done."""
    from receiver.services.alerting.alerts_shown import AlertsShown

    with opened(flags) as house, refusing():
        found = AlertsShown(house.store).alert(alert)
        zone = house.settings.timezone
    for line in _lines(found, zone):
        click.echo(line)


@alerts_command.command("acknowledge")
@click.argument("alert", type=int)
@click.option("--note", default="", help="What to remember of it.")
@with_flags(FLAGS)
def acknowledge(alert: int, note: str, **flags: Any) -> None:
    """Say that somebody looks after it: nobody else is told any more."""
    from receiver.assembly.alarms import make_alerting

    with opened(flags) as house, refusing():
        make_alerting(house).acknowledge(alert, _by(), note)
    click.echo(f"Alert {alert} is acknowledged.")


@alerts_command.command("assign")
@click.argument("alert", type=int)
@click.argument("account", required=False)
@with_flags(FLAGS)
def assign(alert: int, account: str | None, **flags: Any) -> None:
    """Say which account is to look after it; without one, nobody any more."""
    from receiver.assembly.alarms import make_alerting
    from receiver.store import accounts

    with opened(flags) as house, refusing():
        row = None
        if account is not None:
            with house.store.read() as tx:
                row = accounts.named(tx, account)
            if row is None:
                raise click.ClickException(f"there is no account named {account}")
        make_alerting(house).assign(alert, _by(), None if row is None else row.id)
    click.echo(f"Alert {alert} is assigned to {account or 'nobody'}.")


@alerts_command.command("close")
@click.argument("alert", type=int)
@click.option("--outcome", type=click.Choice(OUTCOMES), required=True, help="What it turned out to be.")
@click.option("--note", default="", help="What to remember of it.")
@with_flags(FLAGS)
def close(alert: int, outcome: str, note: str, **flags: Any) -> None:
    """Say that it has been dealt with."""
    from receiver.assembly.alarms import make_alerting
    from receiver.domain.alerts import Outcome

    with opened(flags) as house, refusing():
        make_alerting(house).close(alert, _by(), Outcome(outcome), note)
    click.echo(f"Alert {alert} is closed.")


@alerts_command.command("comment")
@click.argument("alert", type=int)
@click.argument("text")
@with_flags(FLAGS)
def comment(alert: int, text: str, **flags: Any) -> None:
    """Add something to remember; also to a closed alert."""
    from receiver.assembly.alarms import make_alerting

    with opened(flags) as house, refusing():
        make_alerting(house).comment(alert, _by(), text)
    click.echo(f"Alert {alert} has one more comment.")


@alerts_command.command("statistics")
@click.option("--days", type=click.IntRange(1, 92), default=7, show_default=True, help="Of so many days until now.")
@with_flags(FLAGS)
def statistics(days: int, **flags: Any) -> None:
    """Count the alerts of some days, and say how soon they were answered."""
    from receiver.services.alerting.alerts_shown import AlertsShown

    now = datetime.now(UTC)
    with opened(flags) as house, refusing():
        figures = AlertsShown(house.store).statistics(now - timedelta(days=days), now)
    click.echo(f"{figures['total']} alerts in {days} days")
    for name in ("kind", "severity", "state", "outcome"):
        told = ", ".join(f"{word} {number}" for word, number in figures[f"by_{name}"].items())
        if told:
            click.echo(f"  by {name}: {told}")
    for name in ("acknowledged", "closed"):
        if figures[name]["count"]:
            click.echo(f"  {name}: {figures[name]['count']}, after {figures[name]['mean_seconds']} s on average")


def _by() -> str:
    return f"account {os.getuid()} (command line)"


def _line(item: dict[str, Any], zone: Any) -> str:
    person, gate, device = item["person"], item["gate"], item["device"]
    who = f"{person['name']} (person {person['id']}, {person['list']})" if person is not None else ""
    where = (gate["name"] or gate["address"] or gate["key"]) if gate is not None else device["key"] if device else ""
    when = f"{item['started_at'].astimezone(zone):%Y-%m-%d %H:%M}"
    quiet = "" if item["verified"] else "  (of a device that nobody trusts)"
    what = "  ".join(each for each in (who, where) if each)
    return f"{item['id']:>6}  {item['severity']:<8}  {item['state']:<12}  {item['kind']:<21}  {when}  {what}{quiet}".rstrip()


def _lines(item: dict[str, Any], zone: Any) -> Iterator[str]:
    """An alert as people read it."""
    yield _line(item, zone).strip()
    yield f"  {item['sentence']} ({item['title']})" if item["title"] else f"  {item['sentence']}"
    yield f"  {item['events']} events, {item['frames']} frames"
    yield from (f"  {name}: {fact}" for name, fact in item["detail"].items())
    for role, link in item["side_by_side"].items():
        if link is not None:
            yield f"  picture {role}: {link['url']}"
    for step in item["steps"]:
        said = f": {step['text']}" if step["text"] else ""
        yield f"  {step['at'].astimezone(zone):%Y-%m-%d %H:%M}  {step['kind']} by {step['by']}{said}"
    if item["state"] == "closed":
        yield f"  closed as {item['outcome']}" + (f": {item['note']}" if item["note"] else "")
