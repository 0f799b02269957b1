"""What the command line says of a subscription, in the words of the interface."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

CHANNELS = ("http", "mqtt", "amqp", "file")
TOPICS = ("event", "alert", "device", "person", "review")
LISTS = ("staff", "visitor", "blacklist", "stranger", "vip")
DECISIONS = ("matched", "ambiguous", "unknown", "poor_quality", "no_face")
SEVERITIES = ("info", "warning", "critical")
NAMED = ("lists", "devices", "groups", "decisions", "persons", "kinds", "severities")
FORMATS = ("original", "a", "b", "c", "event", "template")
PICTURES = ("inline", "url", "none")
TIMES = click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"))
WORDS = {"true": True, "false": False}

# What can be said of a new one and of one that is there; what is not given stays, or is as usual.
SAYING = (
    click.option(
        "--target",
        "target",
        multiple=True,
        metavar="NAME=VALUE",
        help="Where to: url=https://..., or of mqtt host=, port=, topic=, of amqp host=, exchange=, routing_key=, of file path=. Several times.",
    ),
    click.option(
        "--header", "headers", multiple=True, metavar="NAME=VALUE", help="A header of your own. Several times."
    ),
    click.option(
        "--secret-file",
        "secrets",
        multiple=True,
        metavar="NAME=FILE",
        help="A secret's value from a file: token, username, password, client_certificate, client_key. Several times.",
    ),
    click.option("--topic", "topics", multiple=True, type=click.Choice(TOPICS), help="What is told. Several times."),
    click.option("--list", "lists", multiple=True, type=click.Choice(LISTS), help="Only these lists."),
    click.option("--device", "devices", multiple=True, type=int, help="Only devices of these ids."),
    click.option("--group", "groups", multiple=True, help="Only these groups, of the person or of the device."),
    click.option("--decision", "decisions", multiple=True, type=click.Choice(DECISIONS), help="Only these decisions."),
    click.option("--person", "persons", multiple=True, type=int, help="Only people of these ids."),
    click.option(
        "--kind", "kinds", multiple=True, help="Of alerts and the like only these: opened, escalated, closed ..."
    ),
    click.option("--severity", "severities", multiple=True, type=click.Choice(SEVERITIES), help="Only such alerts."),
    click.option("--min-score", type=float, help="Only from this score of the device on, 0 to 1."),
    click.option("--every", "seconds", type=float, help="Not at once, but every so many seconds."),
    click.option("--cron", help="By a cron expression of five fields."),
    click.option("--window", metavar="HH:MM-HH:MM", help="Only within this time of the day, such as 22:00-05:00."),
    click.option("--timezone", help="Of --cron and --window; without it that of the site."),
    click.option("--format", "form", type=click.Choice(FORMATS), help="In which form."),
    click.option(
        "--template-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A template in Jinja."
    ),
    click.option("--pictures", type=click.Choice(PICTURES), help="How pictures go along."),
    click.option("--batch", type=int, help="At most so many in one message."),
    click.option("--rate", type=int, help="At most so many a minute."),
    click.option("--ordered/--unordered", default=None, help="One after the other for each device, or not."),
)


def parted(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of the subscription, and the flags that every command has."""
    of_house = {"data_dir", "database_url", "recognition", "log_format"}
    flags = {name: options[name] for name in of_house}
    return {name: value for name, value in options.items() if name not in of_house}, flags


def document(said: dict[str, Any]) -> dict[str, Any]:
    """What was typed, in the words of the interface."""
    plain = {
        "topics": list(said["topics"]),
        "format": "template" if said["template_file"] and not said["form"] else said["form"],
        "template": None if said["template_file"] is None else said["template_file"].read_text(encoding="utf-8"),
        "pictures": said["pictures"],
        "batch_size": said["batch"],
        "rate_per_minute": said["rate"],
        "ordered": said["ordered"],
        "target": _target(said["target"], said["headers"]),
        "secrets": {name: Path(path).read_text(encoding="utf-8").strip() for name, path in _pairs(said["secrets"])},
        "filter": _filter(said),
        "schedule": _schedule(said),
    }
    return {name: value for name, value in plain.items() if value is not None and value not in ([], {})}


def _filter(said: dict[str, Any]) -> dict[str, Any]:
    found = {name: list(said[name]) for name in NAMED if said[name]}
    return found if said["min_score"] is None else found | {"min_score": said["min_score"]}


def _schedule(said: dict[str, Any]) -> dict[str, Any] | None:
    given = [name for name in ("seconds", "cron", "window") if said[name] is not None]
    if not given:
        return None
    if len(given) > 1:
        raise click.UsageError("give one of --every, --cron and --window")
    zone = {} if said["timezone"] is None else {"timezone": said["timezone"]}
    if said["seconds"] is not None:
        # Every 0 seconds is at once.
        return {"kind": "every", "seconds": said["seconds"]} if said["seconds"] else {"kind": "now"}
    if said["cron"] is not None:
        return {"kind": "cron", "cron": said["cron"], **zone}
    begin, _, end = said["window"].partition("-")
    return {"kind": "window", "from": begin.strip(), "to": end.strip(), **zone}


def _target(pairs: Sequence[str], headers: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: WORDS.get(value, value) for name, value in _pairs(pairs)}
    return found | {"headers": dict(_pairs(headers))} if headers else found


def _pairs(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    for each in given:
        name, sign, value = each.partition("=")
        if not sign:
            raise click.UsageError(f"{each!r} must be NAME=VALUE")
        yield name.strip(), value.strip()


def checked_by(schema: Any, document: dict[str, Any]) -> dict[str, Any]:
    from schemas.api import InvalidArguments, checked

    try:
        return checked(schema, document)
    except InvalidArguments as error:
        told = [
            f"  {name}: {' '.join(map(str, why)) if isinstance(why, list) else why}"
            for name, why in error.errors.items()
        ]
        raise click.ClickException("\n".join(["that does not fit:", *told])) from error
