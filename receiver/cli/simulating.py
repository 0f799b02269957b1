"""simulate: a gate made of software."""

from pathlib import Path
from typing import Any

import click

from receiver.domain.errors import GatehouseError
from receiver.simulator.options import GENERATIONS, WANT_ACTIONS, SimulationOptions, read_fraction


class Fraction(click.ParamType[float]):
    """``10%`` or ``0.1``."""

    name = "fraction"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return read_fraction(str(value))
        except GatehouseError as error:
            self.fail(error.detail, param, ctx)


@click.command("simulate")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--url", default="http://127.0.0.1:9528", show_default=True, help="The server.")
@click.option("--rate", default=0.0, help="Events a second; 0: as fast as it answers.")
@click.option("--count", default=100, show_default=True, help="How many events.")
@click.option("--generation", type=click.Choice(GENERATIONS, case_sensitive=False), default="a", show_default=True)
@click.option("--want-action", type=click.Choice(WANT_ACTIONS), default="0", show_default=True)
@click.option("--person-type", type=click.IntRange(1, 5), help="1 staff, 2 visitor, 3 blacklist, 4 stranger, 5 VIP.")
@click.option(
    "--duplicates", type=Fraction(), default="0", show_default=True, help="Share that is sent twice, like 10%."
)
@click.option("--corrupt", type=Fraction(), default="0", show_default=True, help="Share that is broken, like 5%.")
@click.option(
    "--real-time", type=Fraction(), default="0", show_default=True, help="Share that is also told in real time."
)
@click.option("--seed", type=int, help="Makes a run repeatable.")
@click.option("--connections", default=4, show_default=True)
@click.option("--devices", default=1, show_default=True, help="How many boxes.")
@click.option("--identity-prefix", default="", help="Stands before every identity id.")
def simulate_command(**options: Any) -> None:
    """Post events made from FOLDER (one sub-folder a person), as a gate would, and print the balance."""
    from receiver.simulator import run

    try:
        wanted = SimulationOptions(**options)
        with click.progressbar(length=wanted.count, label="Posting") as bar:
            done = 0

            def show(progress: Any) -> None:
                nonlocal done
                bar.update(progress.done - done)
                done = progress.done

            balance = run(wanted, show)
    except GatehouseError as error:
        raise click.ClickException(error.detail) from error
    click.echo(balance.render())
    if not balance.adds_up:
        raise SystemExit(1)
