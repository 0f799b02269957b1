"""check: whether this machine and these settings can run the server."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, SERVER_FLAGS, load, with_flags
from receiver.cli.parent import may_listen

if TYPE_CHECKING:
    from receiver.settings import Settings

Finding = tuple[bool, str]
# More subscriptions than there may be.
MOST = 500


@click.command("check")
@with_flags(FLAGS, SERVER_FLAGS)
def check_command(**flags: Any) -> None:
    """Try everything that the server needs, and say what is missing."""
    settings = load(flags)
    is_good = True
    for is_fine, sentence in _findings(settings):
        is_good = is_good and is_fine
        click.echo(f"{click.style('ok  ', fg='green') if is_fine else click.style('FAIL', fg='red')}  {sentence}")
    raise SystemExit(0 if is_good else 1)


def _findings(settings: "Settings") -> Iterator[Finding]:
    checks: list[Callable[[Settings], Finding]] = [_data_dir, _disk, _database, _port]
    if settings.engine_name != "off":
        checks.append(_engine)
    for check in checks:
        yield check(settings)
    for url in settings.upstream_url:
        yield _upstream(url)
    yield from _subscriptions(settings)


def _data_dir(settings: "Settings") -> Finding:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return False, f"the data folder {settings.data_dir} cannot be made: {error.strerror}"
    return os.access(settings.data_dir, os.W_OK), f"data folder {settings.data_dir.absolute()}"


def _disk(settings: "Settings") -> Finding:
    free = shutil.disk_usage(settings.data_dir).free
    return free >= settings.disk_reserve, f"{free // 2**20} MiB free, reserve {settings.disk_reserve // 2**20} MiB"


def _database(settings: "Settings") -> Finding:
    from receiver.domain.errors import GatehouseError
    from receiver.store.store import open_store

    try:
        store = open_store(settings.database_url, settings.data_dir)
        store.ping()
        is_current = store.is_current()
        store.close()
    except GatehouseError as error:
        return False, error.detail
    return True, "database answers" + ("" if is_current else "; its tables are made or upgraded at the next start")


def _port(settings: "Settings") -> Finding:
    taken = may_listen(settings.host, settings.port)
    if taken is not None:
        return False, f"port {settings.port} on {settings.host}: {taken}; is the server running already?"
    return True, f"port {settings.port} on {settings.host} is free"


def _engine(settings: "Settings") -> Finding:
    """The engine with the library's network, and what the library's model and size mean for those who are enrolled."""
    from receiver.domain.errors import GatehouseError
    from recognition import load_engine
    from recognition.engine import MIRROR, RecognitionError

    try:
        model, sentence = _library(settings)
        network = model.removesuffix(MIRROR)
        engine = load_engine(
            settings.engine_name, settings.data_dir / "models", embedder=network, cnn=settings.cnn_detector
        )
    except (RecognitionError, GatehouseError) as error:
        return False, error.detail
    if engine.model != network:
        return False, f"the library's model is {model}, but the engine {engine.name} gives embeddings of {engine.model}"
    return True, f"recognition engine {engine.name}, model {model}" + (f": {sentence}" if sentence else "")


def _library(settings: "Settings") -> tuple[str, str]:
    """The model that decides and what to expect of it; without tables of this version what the settings say, and nothing."""
    from receiver.bootstrap import make_decider, open_house
    from receiver.domain.errors import SetupError, Unavailable
    from receiver.store import library

    try:
        house = open_house(settings, is_upgrading=False)
    except (SetupError, Unavailable):
        return settings.model, ""
    try:
        with house.store.read() as tx:
            active = library.active(tx)
            if active is None:
                return settings.model, ""
            return str(active.model), make_decider(house).summary(tx).sentence
    finally:
        house.close()


def _upstream(url: str) -> Finding:
    import requests

    from receiver.settings import without_password

    try:
        answer = requests.head(url, timeout=5, allow_redirects=False)
    except requests.RequestException as error:
        return (
            False,
            f"upstream {without_password(url)} does not answer ({type(error).__name__}); events will wait for it",
        )
    return True, f"upstream {without_password(url)} answers (HTTP {answer.status_code} to HEAD)"


def _subscriptions(settings: "Settings") -> Iterator[Finding]:
    """Each subscription that sends nothing, and why; what has never been started has none."""
    from receiver.bootstrap import open_house
    from receiver.domain.errors import GatehouseError
    from receiver.services.forwarding.subscriptions_shown import SubscriptionList

    try:
        house = open_house(settings, is_upgrading=False)
    except GatehouseError:
        return
    try:
        rows = SubscriptionList(house.store).page(0, MOST, None).items
    except GatehouseError:
        # The database has been told of already.
        return
    finally:
        house.close()
    for row in rows:
        if row["state"] in {"failing", "paused"}:
            figures = row["figures"]
            why = f" ({row['reason']}: {figures['last_error'] or 'somebody must look'})" if row["reason"] else ""
            sentence = (
                f"subscription {row['id']}, {row['name']}, is {row['state']}{why}; {figures['waiting']} deliveries wait"
            )
            # Somebody has paused it, or it is broken.
            yield row["state"] == "paused" and not row["reason"], sentence
