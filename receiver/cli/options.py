"""Options that several commands have, and how settings are loaded with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from receiver import settings as declared
from receiver.cli.audited import noted
from receiver.settings import SettingError, Settings

if TYPE_CHECKING:
    from receiver.bootstrap import House

FLAGS = (
    click.option("--data-dir", help="Folder for the database, pictures and secrets."),
    click.option("--database-url", help="postgresql://...; empty: SQLite in the data folder."),
    click.option("--recognition", help="onnx, face_recognition or off."),
    click.option("--log-format", help="text or json."),
)
SERVER_FLAGS = (
    click.option("--host", help="Address to listen on."),
    click.option("--port", help="Port to listen on."),
    click.option("--upstream-url", help="Where events are sent on; several separated by commas."),
    click.option("--upstream-every", help="Seconds, or a cron expression."),
    click.option("--echo", is_flag=True, default=None, help="Print one line per event."),
)

Command = Callable[..., Any]


def with_flags(*groups: tuple[Callable[[Command], Command], ...]) -> Callable[[Command], Command]:
    """Adds groups of options to a command."""

    def decorate(command: Command) -> Command:
        for option in reversed([each for group in groups for each in group]):
            command = option(command)
        return command

    return decorate


def load(flags: dict[str, Any]) -> Settings:
    """The settings with the flags on top; a bad one ends the program with a sentence."""
    try:
        return declared.load(flags=flags)
    except SettingError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def opened(flags: dict[str, Any]) -> Iterator["House"]:
    """The house of these settings, for one command."""
    from receiver.bootstrap import open_house
    from receiver.domain.errors import SetupError

    try:
        house = open_house(load(flags))
    except SetupError as error:
        raise click.ClickException(error.detail) from error
    try:
        with noted(house.audit):
            yield house
    finally:
        house.close()


def as_arguments(flags: dict[str, Any]) -> list[str]:
    """The flags as they were given, for a child process."""
    arguments: list[str] = []
    for name, value in flags.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(option)
        elif value is not None:
            arguments += [option, str(value)]
    return arguments
