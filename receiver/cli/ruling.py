"""rules: when alerts are opened, from the command line."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from receiver.cli.audited import tell
from receiver.cli.options import FLAGS, opened, with_flags
from receiver.cli.telling import refusing

TIMES = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"))
# A rule is a page of text; whoever names a picture by mistake is told so.
LARGEST_FILE = 64 * 1024


@click.group("rules")
def rules_command() -> None:
    """Say when alerts are opened."""


@rules_command.command("list")
@with_flags(FLAGS)
def list_rules(**flags: Any) -> None:
    """List all rules."""
    from receiver.assembly.alarms import make_rules

    with opened(flags) as house:
        items = make_rules(house).listed()
    for item in items:
        click.echo(_line(item))


@rules_command.command("show")
@click.argument("rule", type=int)
@with_flags(FLAGS)
def show(rule: int, **flags: Any) -> None:
    """Show the rule of that id as JSON, as `rules add` takes it."""
    from receiver.assembly.alarms import make_rules

    with opened(flags) as house, refusing():
        found = make_rules(house).rule(rule)
    names = ("name", "trigger", "severity", "is_active", "conditions", "suppress_seconds", "escalate_seconds")
    click.echo(json.dumps({name: found[name] for name in names}, indent=2, ensure_ascii=False))


@rules_command.command("add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_flags(FLAGS)
def add(file: Path, **flags: Any) -> None:
    """Make a rule from a JSON file; docs/how-to/rules.md says what may stand in it."""
    from receiver.assembly.alarms import make_rules
    from schemas.rules import NewRule

    document = _read(file, NewRule)
    with opened(flags) as house, refusing():
        rule_id = make_rules(house).add(document, _by())
        tell(subject=rule_id)
    click.echo(f"Rule {rule_id} is made.")


@rules_command.command("change")
@click.argument("rule", type=int)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_flags(FLAGS)
def change(rule: int, file: Path, **flags: Any) -> None:
    """Change what a JSON file names of the rule of that id."""
    from receiver.assembly.alarms import make_rules
    from schemas.rules import RuleChange

    document = _read(file, RuleChange)
    with opened(flags) as house, refusing():
        make_rules(house).change(rule, document, _by())
    click.echo(f"Rule {rule} is changed.")


@rules_command.command("on")
@click.argument("rule", type=int)
@with_flags(FLAGS)
def switch_on(rule: int, **flags: Any) -> None:
    """Switch the rule of that id on."""
    _switch(rule, flags, is_active=True)
    click.echo(f"Rule {rule} is on.")


@rules_command.command("off")
@click.argument("rule", type=int)
@with_flags(FLAGS)
def switch_off(rule: int, **flags: Any) -> None:
    """Switch the rule of that id off; its alerts stay."""
    _switch(rule, flags, is_active=False)
    click.echo(f"Rule {rule} is off.")


@rules_command.command("remove")
@click.argument("rule", type=int)
@with_flags(FLAGS)
def remove(rule: int, **flags: Any) -> None:
    """Remove the rule of that id; its alerts stay."""
    from receiver.assembly.alarms import make_rules

    with opened(flags) as house, refusing():
        make_rules(house).remove(rule)
    click.echo(f"Rule {rule} is removed.")


@rules_command.command("try")
@click.argument("rule", type=int)
@click.option("--from", "since", type=TIMES, help="From this time of the site on; a day ago if it is not given.")
@click.option("--to", "until", type=TIMES, help="Until this time; now if it is not given.")
@with_flags(FLAGS)
def try_rule(rule: int, since: datetime | None, until: datetime | None, **flags: Any) -> None:
    """Say which alerts a rule would have opened in the past; nothing is opened."""
    from receiver.assembly.alarms import make_rules
    from receiver.services.alerting.trying_rules import TryingRules

    with opened(flags) as house, refusing():
        zone = house.settings.timezone
        end = datetime.now(UTC) if until is None else until.replace(tzinfo=zone)
        begin = end - timedelta(days=1) if since is None else since.replace(tzinfo=zone)
        result = TryingRules(house.store, zone).run(make_rules(house).rule(rule), begin, end)
    more = "" if result["is_complete"] else ", and there are more than one trial reads"
    click.echo(
        f"{result['events']} events{more}; {result['events_met']} are what the rule asks for: {result['alerts']} alerts."
    )
    for each in result["items"]:
        when = f"{each['started_at'].astimezone(zone):%Y-%m-%d %H:%M}"
        who = "nobody known" if each["person"] is None else f"person {each['person']}"
        click.echo(f"  {when}  {each['kind']:<21}  {who}, device {each['device']}, {each['events']} events")


def _switch(rule: int, flags: dict[str, Any], *, is_active: bool) -> None:
    from receiver.assembly.alarms import make_rules

    with opened(flags) as house, refusing():
        make_rules(house).change(rule, {"is_active": is_active}, _by())


def _read(file: Path, schema: Any) -> dict[str, Any]:
    """The document of a file; what is wrong with it ends the command with a sentence."""
    from schemas.api import InvalidArguments, checked

    if file.stat().st_size > LARGEST_FILE:
        raise click.ClickException(f"{file} is too large to be a rule")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return checked(schema, document)
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{file} is no JSON document: {error}") from error
    except InvalidArguments as error:
        raise click.ClickException(f"{file} does not fit: {json.dumps(error.errors, ensure_ascii=False)}") from error


def _by() -> str:
    return f"account {os.getuid()} (command line)"


def _line(item: dict[str, Any]) -> str:
    state = "on" if item["is_active"] else "off"
    return f"{item['id']:>4}  {state:<3}  {item['severity']:<8}  {item['trigger']:<18}  {item['name']}"
