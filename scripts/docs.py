"""Writes the pages under docs/reference from the code, so that they never say anything else than the code does."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from flask import Flask
from prometheus_client.metrics import MetricWrapperBase

from receiver import metrics, settings
from receiver.cli import COMMANDS, cli
from receiver.cli.options import FLAGS, SERVER_FLAGS
from receiver.web import device_paths
from receiver.web.api import setup

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
WRITTEN = "<!-- Written by ./scripts/docs; change the code, not this page. -->"
PROGRAM = "python Event_Receive_server.py"
HELP_WIDTH = 100
METHODS = ("get", "post", "put", "patch", "delete")
DEVICE_ROUTES = (
    ("History events: what a box kept and posts until it is answered 200", device_paths.HISTORY_PATHS),
    ("Real-time events: the same passage told at once", device_paths.REAL_TIME_PATHS),
    ("Status of a box and of its capture devices", device_paths.STATUS_PATHS),
)

Json = Mapping[str, Any]


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"docs/reference/{name}")


def pages() -> dict[str, str]:
    """File name -> text of every generated page."""
    makers: dict[str, Callable[[], str]] = {
        "settings.md": settings_page,
        "metrics.md": metrics_page,
        "api.md": lambda: api_page(api_document()),
        "cli.md": cli_page,
    }
    return {name: make() for name, make in makers.items()}


def page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", WRITTEN, *(part.strip("\n") for part in parts)]) + "\n"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *(map(cell, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    return f"`{text}`" if str(text) else ""


def settings_page() -> str:
    flags = {each.name: each.opts[0] for each in options_of((*FLAGS, *SERVER_FLAGS))}
    secret = {each.name for each in fields(settings.Settings) if each.metadata.get("secret")}
    rows = []
    for shown in settings.shown(settings.Settings()):
        field = settings.names()[shown.name]
        doc = f"{shown.doc} Secret: `settings` stars it." if field in secret else shown.doc
        rows.append((code(shown.name), code(shown.value) or "(empty)", code(flags.get(field, "")), doc))
    return page(
        "Settings",
        "A setting is taken from the last of these that names it: its default, `gatehouse.toml` in the folder where the "
        "server starts (in lower case without the prefix: `port = 9600`), the environment, a flag of the command line.",
        "`GATEHOUSE_X_FILE` reads the value of `GATEHOUSE_X` from a file. An unknown `GATEHOUSE_` name stops the start, "
        "with the name that was probably meant; "
        + " and ".join(code(f"{name}*" if name.endswith("_") else name) for name in settings.IGNORED)
        + " are left to the tests and to `./scripts/setup`. "
        "`python Event_Receive_server.py settings` prints the values in force and where each comes from.",
        table(("Name", "Default", "Flag", "Meaning"), rows),
    )


def options_of(decorators: Iterable[Callable[[Any], Any]]) -> list[click.Option]:
    """The options that a group of decorators adds."""

    def bare() -> None:
        """Nothing; it only carries the options."""

    for decorate in decorators:
        decorate(bare)
    return [each for each in getattr(bare, "__click_params__", []) if isinstance(each, click.Option)]


def metrics_page() -> str:
    rows = []
    for found in vars(metrics).values():
        if isinstance(found, MetricWrapperBase):
            (described,) = found.describe()
            name = f"{described.name}_total" if described.type == "counter" else described.name
            labels = ", ".join(map(code, found._labelnames))  # noqa: SLF001 - the library shows them nowhere else
            rows.append((code(name), described.type, labels, described.documentation))
        if isinstance(found, metrics.SubscriptionMetric):
            name = f"{found.name}_total" if found.kind == "counter" else found.name
            rows.append((code(name), found.kind, code("subscription"), found.documentation))
    return page(
        "Metrics",
        "`GET /metrics` gives them in Prometheus' text format, added up over all processes that `serve` has started; "
        "counters begin at 0 with each start of the server; those of subscriptions are kept in the database.",
        table(("Name", "Kind", "Labels", "Meaning"), sorted(rows)),
    )


def api_document() -> Json:
    """The OpenAPI document as the server gives it at /v1/openapi.json; no server and no store is needed for it."""
    found: Json = setup.register(Flask("gatehouse")).spec.to_dict()
    return found


def api_page(document: Json) -> str:
    """The interface as a page, from its OpenAPI document."""
    shapes = document.get("components", {}).get("schemas", {})
    return page(
        "The interface",
        document["info"].get("description", ""),
        "The same as OpenAPI 3: `/v1/openapi.json`; to try it out in a browser, also offline: `/docs`.",
        *operations(document["paths"]),
        "## What devices post",
        "They stand outside `/v1`, under the path names that boxes are configured with; see "
        "[compat/sophon.md](../compat/sophon.md) for what they take and answer.",
        table(("What", "`POST` to any of"), ((what, ", ".join(map(code, paths))) for what, paths in DEVICE_ROUTES)),
        "## Shapes",
        *(part for name, shape in sorted(shapes.items()) for part in shape_parts(name, shape)),
    )


def operations(paths: Json) -> Iterator[str]:
    """Every operation, under its tag."""
    last_tag = ""
    for path, item in paths.items():
        for method in METHODS:
            if method in item:
                tag = item[method].get("tags", [""])[0]
                if tag != last_tag:
                    yield f"## {tag.capitalize()}"
                    last_tag = tag
                yield from operation(f"{method.upper()} {path}", item.get("parameters", []), item[method])


def operation(title: str, shared: list[Json], found: Json) -> Iterator[str]:
    yield f"### `{title}`"
    yield " ".join(found[key] for key in ("summary", "description") if found.get(key))
    parameters = [each for each in (*shared, *found.get("parameters", [])) if "name" in each]
    if parameters:
        rows = (
            (code(each["name"]), each["in"], kind_of(each["schema"]), each.get("description", ""))
            for each in parameters
        )
        yield table(("Parameter", "In", "Kind", "Meaning"), rows)
    for kind, content in found.get("requestBody", {}).get("content", {}).items():
        yield f"Takes {code(kind)}: {kind_of(content.get('schema', {}))}"
    yield "\n".join(
        f"- {status}: {answer_of(answer)}" for status, answer in sorted(found["responses"].items()) if status.isdigit()
    )


def answer_of(answer: Json) -> str:
    if "$ref" in answer:
        return str(answer["$ref"]).rpartition("/")[2].replace("_", " ").lower()
    kinds = [
        f"{code(kind)} {kind_of(content.get('schema', {}))}".strip()
        for kind, content in answer.get("content", {}).items()
    ]
    return ", ".join([answer.get("description", ""), *kinds])


def shape_parts(name: str, shape: Json) -> Iterator[str]:
    yield f"### {name}"
    rows = (
        (code(key), kind_of(each), each.get("description", "")) for key, each in shape.get("properties", {}).items()
    )
    required = shape.get("required", [])
    yield table(("Key", "Kind", "Meaning"), rows)
    if required:
        yield f"Required: {', '.join(map(code, required))}."


def kind_of(schema: Json) -> str:
    """A schema in a few words: its type, choices, bounds and default; a reference as a link."""
    for several in ("allOf", "anyOf", "oneOf"):
        if several in schema:
            return " or ".join(kind_of(each) for each in schema[several])
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    words = [schema.get("format") or schema.get("type") or "any"]
    choices = [code(each) for each in schema.get("enum", []) if each not in (None, "")]
    words += [f"one of {', '.join(choices)}"] if choices else []
    words += [f"{schema['minimum']} to {schema['maximum']}"] if {"minimum", "maximum"} <= schema.keys() else []
    words += [f"default {code(schema['default'])}"] if schema.get("default") not in (None, "") else []
    return ", ".join(words)


def cli_page() -> str:
    program = click.Context(cli, info_name=PROGRAM, terminal_width=HELP_WIDTH, **cli.context_settings)
    parts: list[str] = []
    for name in COMMANDS:
        command = cli.get_command(program, name)
        if command is not None:
            parts += help_of(command, program, name)
    return page(
        "The command line",
        f"`{PROGRAM}` without a command is `serve` with its defaults. Flags stand above the environment and "
        "`gatehouse.toml`; see [settings.md](settings.md).",
        *parts,
    )


def help_of(command: click.Command, above: click.Context, name: str) -> Iterator[str]:
    """The help text of a command and of the commands below it, as a terminal shows it."""
    context = click.Context(command, above, name)
    words = context.command_path.removeprefix(PROGRAM).split()
    yield f"#{'#' * len(words)} {' '.join(words)}"
    yield f"```text\n{command.get_help(context).rstrip()}\n```"
    if isinstance(command, click.Group):
        for inner_name, inner in command.commands.items():
            yield from help_of(inner, context, inner_name)


if __name__ == "__main__":
    main()
