"""db backup and db restore: everything into one file, and back."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, load, opened, with_flags
from receiver.cli.telling import refusing

if TYPE_CHECKING:
    from receiver.services.upkeep.backing_up import BackupParts
    from receiver.settings import Settings

TOLD = ("event", "person", "face", "picture")


@click.command("backup")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@with_flags(FLAGS)
def backup_command(path: Path, **flags: Any) -> None:
    """Write events, people, pictures and the audit log into the file PATH; the server may run meanwhile.

    The file holds faces and names: it is for your account only, and should lie on another disk. It has no secrets: keys of
    the data folder, certificates and settings are not in it, nor are networks of your own in the folder models.
    """
    from receiver.services.upkeep.backing_up import BackingUp

    with opened(flags) as house, refusing():
        manifest = BackingUp(_parts(house.settings)).write(path.absolute())
    click.echo(f"{path}: {_told(manifest['counts'])}, {path.stat().st_size // 1024} KiB.")
    click.echo("`db restore` brings it back; try it once, with --data-dir in an empty folder.")


@click.command("restore")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace what is there already.")
@with_flags(FLAGS)
def restore_command(path: Path, *, force: bool, **flags: Any) -> None:
    """Bring the backup PATH back, into an empty data folder or database; the server must not run.

    Whoever was erased after the backup is erased again at once, as far as erased.jsonl of the data folder tells. An audit
    log that is there already stays.
    """
    from receiver.services.upkeep.restoring import Restoring

    with refusing():
        restored = Restoring(_parts(load(flags))).read(path.absolute(), is_forced=force)
    # Opening brings the tables to this version and erases again whom the backup has brought back.
    with opened(flags):
        click.echo(f"Brought back: {_told(restored.counts)}.")
    if restored.kept_log:
        click.echo("The audit log that was there stays; the backup's older one was left alone.")


def _parts(settings: "Settings") -> "BackupParts":
    from receiver.services.upkeep.backing_up import BackupParts

    return BackupParts(settings.data_dir, settings.database_url)


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts.get(name, 0)} {name}s" for name in TOLD)
