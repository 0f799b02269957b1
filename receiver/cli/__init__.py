"""The command line; without a command it is `serve`."""

import importlib
import os
import sys
from typing import Any

import click

# Command -> the module of this package that has it; a command that is not called is not imported.
COMMANDS = {
    "serve": "processes",
    "web": "processes",
    "worker": "processes",
    "db": "administration",
    "accounts": "accounts",
    "keys": "keys",
    "people": "people",
    "devices": "devices",
    "strangers": "strangers",
    "reviews": "reviewing",
    "alerts": "alerting",
    "rules": "ruling",
    "retention": "erasing",
    "subscriptions": "subscriptions",
    "deliveries": "deliveries",
    "tasks": "administration",
    "settings": "administration",
    "audit": "auditing",
    "check": "checking",
    "simulate": "simulating",
}


class LazyGroup(click.Group):
    """Finds its commands in modules that are imported only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's interface
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"receiver.cli.{COMMANDS[cmd_name]}")
        found: click.Command = getattr(module, f"{cmd_name}_command")
        return found


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Gatehouse: receives face-recognition events, keeps them, knows the faces and passes them on."""


def main(arguments: list[str] | None = None) -> Any:
    """Runs the command line."""
    # Faces, names and secrets: what is written into the data folder is for this user alone.
    os.umask(0o077)
    given = sys.argv[1:] if arguments is None else arguments
    if not given or (given[0].startswith("-") and given[0] not in {"-h", "--help"}):
        given = ["serve", *given]
    return cli(given, prog_name="Event_Receive_server.py")
