"""Makes the Flask application from the services it is given."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider

from receiver.services.accounts.accounts import Accounts
from receiver.services.accounts.admitting import Admitting
from receiver.services.accounts.api_keys import ApiKeys
from receiver.services.accounts.attempts import Attempts
from receiver.services.accounts.logging_in import LoggingIn
from receiver.services.accounts.signing import Signer
from receiver.services.adopting.adoptions import Adoptions
from receiver.services.alerting.alerting import Alerting
from receiver.services.alerting.alerts_shown import AlertsShown
from receiver.services.alerting.frames import Frames
from receiver.services.alerting.opening import Opening
from receiver.services.alerting.setting_rules import SettingRules
from receiver.services.alerting.trying_rules import TryingRules
from receiver.services.asking.asking import Asking
from receiver.services.asking.visiting import Visiting
from receiver.services.audit.auditing import Audit
from receiver.services.checking.library_checks import LibraryChecks
from receiver.services.correcting.correcting import Correcting
from receiver.services.correcting.corrections_shown import CorrectionsShown
from receiver.services.correcting.splitting import Splitting
from receiver.services.correcting.undoing import Undoing
from receiver.services.devices.trusting import Trusting
from receiver.services.erasing.erasures import Erasures
from receiver.services.erasing.exporting import Exporting
from receiver.services.forwarding.deliveries_shown import DeliveryList
from receiver.services.forwarding.previewing import Previewing
from receiver.services.forwarding.repeating import Repeating
from receiver.services.forwarding.subscribing import Subscribing
from receiver.services.forwarding.subscriptions_shown import SubscriptionList
from receiver.services.importing.import_jobs import ImportJobs
from receiver.services.intake.intake import Intake
from receiver.services.intake.originals import Originals
from receiver.services.intake.replaying import Replaying
from receiver.services.intake.statuses import Statuses
from receiver.services.looking.looking import Looking
from receiver.services.looking.searching import Searching
from receiver.services.people.holding import Holding
from receiver.services.people.keeping_faces import KeepingFaces
from receiver.services.people.people import People
from receiver.services.reviewing.reviewing import Reviewing
from receiver.services.reviewing.reviews_shown import ReviewList
from receiver.services.upkeep.health import Health
from receiver.services.vehicles.registering import Vehicles
from receiver.services.vehicles.reporting import Reporting
from receiver.services.vehicles.vehicles_shown import VehiclesShown
from receiver.settings import Settings
from receiver.store.pictures import Pictures
from receiver.web import auditing, auth, headers, login_limits, metrics, problems, sophon
from receiver.web.api import setup
from receiver.web.compat import server_api
from receiver.web.device_paths import KeyTaking
from receiver.web.proofs import ProofReader
from receiver.web.seats import Seats


class BoundedJson(DefaultJSONProvider):
    """Reads request bodies with bounds on depth and digits, whatever a client nests; shows keys in the order they were made."""

    sort_keys = False

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """An answer, written as it goes out: compact, in UTF-8, moments in ISO 8601."""
        document = self._prepare_response_obj(args, kwargs)
        try:
            body = orjson.dumps(document)
        except TypeError:  # lone surrogates, integers beyond 64 bits: devices send both
            body = self.dumps(document, default=_as_text).encode()
        return Response(body, mimetype=self.mimetype)

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """A JSON document; ValueError if it is none."""
        return orjson.loads(s)


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value)} is nothing that JSON has")


@dataclass(frozen=True, slots=True)
class Services:
    """What the views may call."""

    settings: Settings
    intake: Intake
    statuses: Statuses
    asking: Asking
    visiting: Visiting
    people: People
    faces: KeepingFaces
    looking: Looking
    searching: Searching
    pictures: Pictures
    originals: Originals
    replaying: Replaying
    health: Health
    imports: ImportJobs
    trusting: Trusting
    proofs: ProofReader
    adoptions: Adoptions
    erasures: Erasures
    exporting: Exporting
    library_checks: LibraryChecks
    holding: Holding
    audit: Audit
    admitting: Admitting
    logging_in: LoggingIn
    accounts: Accounts
    api_keys: ApiKeys
    attempts: Attempts
    signer: Signer
    correcting: Correcting
    splitting: Splitting
    undoing: Undoing
    corrections: CorrectionsShown
    reviews: ReviewList
    reviewing: Reviewing
    live_seats: Seats
    vehicles: Vehicles
    vehicle_reporting: Reporting
    vehicles_shown: VehiclesShown
    alerting: Alerting
    frames: Frames
    alerts_shown: AlertsShown
    opening: Opening
    rules: SettingRules
    trying_rules: TryingRules
    subscriptions: SubscriptionList
    subscribing: Subscribing
    previewing: Previewing
    deliveries: DeliveryList
    repeating: Repeating


def create_app(services: Services) -> Flask:
    """The application with all routes."""
    app = Flask("gatehouse", static_folder=None)
    app.json = BoundedJson(app)
    app.config["MAX_CONTENT_LENGTH"] = services.settings.body_limit
    app.config["MAX_FORM_MEMORY_SIZE"] = services.settings.body_limit
    app.extensions["gatehouse"] = services
    headers.register(app, services.settings)
    auditing.register(app)
    auth.register(app)
    setup.register(app)
    problems.register(app)
    app.register_blueprint(sophon.blueprint)
    app.register_blueprint(metrics.blueprint)
    app.register_blueprint(server_api.blueprint)
    login_limits.register(app, services.attempts)
    app.wsgi_app = KeyTaking(app.wsgi_app)  # type: ignore[method-assign]
    return app
