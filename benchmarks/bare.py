"""The yardstick: a bare Flask view that reads the body and answers, behind the receiver's own front and server."""

import os
import tempfile
from pathlib import Path
from typing import Any

from flask import Flask, request

from receiver import logs
from receiver.settings import MIB, Settings
from receiver.web.calling import Caller
from receiver.web.front import Front, FrontHooks, FrontLimits

DEADLINE = "BENCH_BODY_DEADLINE"  # seconds a body may take


def make_front() -> Front:
    """The ASGI application, for whichever server runs it."""
    app = Flask("bare", static_folder=None)

    @app.post("/HistoryEvent")
    def history_event() -> dict[str, Any]:
        length = len(request.get_data(cache=False))
        return {"status": 0, "message": "SUCCESS", "data": {"items": [{"event_id": length, "result": "new"}]}}

    logs.configure("text")
    seconds = float(os.environ.get(DEADLINE, "60"))
    own_line = frozenset({"/HistoryEvent"})
    limits = FrontLimits(128 * MIB, seconds, Settings().web_threads, Path(tempfile.gettempdir()), own_line)
    # Flask on the intake's one thread, as the receiver's own events: through the pool it would be slower.
    caller = Caller(app.wsgi_app)
    return Front(app.wsgi_app, limits, FrontHooks(lambda arrivals: [caller.answer(each) for each in arrivals]))


if __name__ == "__main__":
    from receiver.settings import load
    from receiver.web.serving import serve

    serve(make_front(), load())
