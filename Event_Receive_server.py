"""The server at the gate: `python Event_Receive_server.py` starts it; `app` is there for any WSGI server."""

from typing import Any

from receiver.cli import main


def __getattr__(name: str) -> Any:
    # Made when somebody asks for it: importing this file does no work.
    if name == "app":
        from receiver.cli.processes import wsgi_app  # noqa: PLC0415

        globals()["app"] = wsgi_app()
        return globals()["app"]
    raise AttributeError(name)


if __name__ == "__main__":
    main()
