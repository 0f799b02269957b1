"""serve, web and worker: the processes of a running server."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from receiver.cli.options import FLAGS, SERVER_FLAGS, as_arguments, load, with_flags

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.settings import Settings

parent_option = click.option("--parent-fd", type=int, hidden=True, help="A pipe that closes when the parent is gone.")


@click.command("serve")
@with_flags(FLAGS, SERVER_FLAGS)
def serve_command(**flags: Any) -> None:
    """Run everything: web processes (one, unless set otherwise) and a worker, restarted if they fail."""
    from receiver.cli.parent import may_listen, own_metrics, run

    settings = load(flags)
    taken = may_listen(settings.host, settings.port)
    if taken is not None:
        raise click.ClickException(
            f"port {settings.port} on {settings.host}: {taken}; is the server running already? --port takes another one"
        )
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(own_metrics(settings.data_dir)))
    # A worker in any case: also where nothing is recognised or passed on, people are erased and old events cleared.
    children = [*["web"] * settings.web_processes, "worker"]
    raise SystemExit(run(children, as_arguments(flags)))


@click.command("web")
@with_flags(FLAGS, SERVER_FLAGS)
@parent_option
def web_command(parent_fd: int | None, **flags: Any) -> None:
    """Run a web process: intake, API and documentation."""
    # As in the worker: it searches the library for `/v1/search`.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    settings = _start(flags, parent_fd)
    from receiver.assembly.security import seal_rest
    from receiver.web.serving import serve

    with _starting():
        from receiver.bootstrap import make_front, open_house

        house = open_house(settings)
        _first_start(house)
        serve(make_front(house), settings)
    seal_rest(house)
    house.close()


@click.command("worker")
@with_flags(FLAGS, SERVER_FLAGS)
@parent_option
def worker_command(parent_fd: int | None, **flags: Any) -> None:
    """Run a worker process: recognition, forwarding, schedules."""
    # One search thread is faster than several on shared cores, and numpy reads this when it is first imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    settings = _start(flags, parent_fd)
    # Events must get in first: whoever recognises steps back.
    os.nice(5)
    from receiver.assembly.security import seal_rest
    from receiver.bootstrap import make_worker, open_house
    from receiver.domain.errors import SetupError

    with _starting():
        house = open_house(settings)
        worker = make_worker(house)
    try:
        worker.run()
    except SetupError as error:
        raise click.ClickException(error.detail) from error
    finally:
        seal_rest(house)
        house.close()


def wsgi_app() -> Any:
    """The Flask application alone, for a WSGI server that somebody runs already."""
    from receiver import logs
    from receiver.bootstrap import make_app, open_house
    from receiver.web.proxies import behind_proxies

    os.umask(0o077)
    settings = load({})
    logs.configure(settings.log_format)
    house = open_house(settings)
    _first_start(house)
    app = make_app(house)
    # A WSGI server's workers find the application under its own name too.
    app.wsgi_app = behind_proxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[assignment,method-assign]
    return app


def _first_start(house: "House") -> None:
    """Tells the first password, once: it is kept nowhere."""
    from receiver.assembly.entrance import first_start

    made = first_start(house)
    if made is None:
        return
    if made.password is None:
        click.echo(f"The account {made.name} was made, with the password of GATEHOUSE_ADMIN_PASSWORD.")
        return
    click.echo(
        f"The account {made.name} was made. Its one-time password, shown this once:\n\n    {made.password}\n\n"
        "The first login must set another one. Lost it? `accounts passwd admin` makes a new one."
    )


def _start(flags: dict[str, Any], parent_fd: int | None) -> "Settings":
    from receiver import logs

    settings = load(flags)
    logs.configure(settings.log_format)
    if parent_fd is not None:
        threading.Thread(target=_end_with_parent, args=(parent_fd,), name="parent-watch", daemon=True).start()
    return settings


@contextmanager
def _starting() -> Iterator[None]:
    """What keeps a process from starting is a sentence; the exit code tells the parent whether it may pass by itself."""
    from receiver.domain.errors import SetupError, Unavailable

    try:
        yield
    except SetupError as error:
        raise _WrongSetting(error.detail) from error
    except Unavailable as error:
        raise _NoDatabase(error.detail) from error


class _WrongSetting(click.ClickException):
    exit_code = os.EX_CONFIG


class _NoDatabase(click.ClickException):
    exit_code = os.EX_TEMPFAIL


def _end_with_parent(parent_fd: int) -> None:
    """A parent that was killed cannot tell its children: the pipe's end does."""
    while os.read(parent_fd, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
