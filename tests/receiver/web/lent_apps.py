"""Flask applications that one site after another is given: making one takes longer than most tests do.

Whatever the making of an application takes from its site is looked up anew each time, in the site that has it by then. Only what
it reads of the settings stays: an application goes to sites whose settings say the same there, and only as it was made.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, cast
from unittest import mock

from flask import Flask

from receiver import bootstrap
from receiver.assembly.house import House
from receiver.settings import Settings
from receiver.web.app import Services, create_app


class Current:
    """Stands for something of the site that has the application by then."""

    def __init__(self, found: Callable[[], Any]) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found(), name)


class Reading(Current):
    """The same for settings; remembers what was read of them."""

    def __init__(self, found: Callable[[], Any]) -> None:
        super().__init__(found)
        self.read: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        found = super().__getattr__(name)
        self.read[name] = found
        return found


class AnySite:
    """What an application is made with in place of one site's services."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.settings = Reading(lambda: self.services.settings)

    def __getattr__(self, name: str) -> Current:
        return Current(lambda: getattr(self.services, name))


class LentApp:
    """An application, how it was made, and who has it."""

    def __init__(self, services: Services) -> None:
        self._site = AnySite(services)
        self.flask = create_app(cast("Services", self._site))
        self._stays = dict(self._site.settings.read)
        self._as_made = self._state()

    def suits(self, settings: Settings) -> bool:
        return all(getattr(settings, name) == value for name, value in self._stays.items())

    def lend(self, services: Services) -> Flask:
        """The application as if nobody had asked it yet."""
        self._site.services = self.flask.extensions["gatehouse"] = services
        self.flask.extensions.pop("test logins", None)
        self.flask._got_first_request = False
        return self.flask

    def is_as_made(self) -> bool:
        """Whether its last site has added nothing to it: no route, no hook, no setting."""
        return self._state() == self._as_made

    def _state(self) -> list[Any]:
        app = self.flask
        hooks = (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs)
        return [
            dict(app.config),
            dict(app.view_functions),
            app.wsgi_app,
            [{name: list(functions) for name, functions in each.items()} for each in hooks],
        ]


_free: list[LentApp] = []


@contextlib.contextmanager
def lent_app(house: House) -> Iterator[Flask]:
    """The web side of that house."""
    lent: list[LentApp] = []

    def chosen(services: Services) -> Flask:
        found = next((each for each in reversed(_free) if each.suits(services.settings)), None)
        if found is None:
            found = LentApp(services)
        else:
            _free.remove(found)
        lent.append(found)
        return found.lend(services)

    with mock.patch("receiver.web.app.create_app", chosen):
        app = bootstrap.make_app(house)
    try:
        yield app
    finally:
        _free.extend(each for each in lent if each.is_as_made())
