"""Makes the Flask application from the services it is given."""

from dataclasses import dataclass
from typing import Any

import orjson
from flask import Flask
from flask.json.provider import DefaultJSONProvider

from receiver.services.accounts import Accounts
from receiver.services.admitting import Admitting
from receiver.services.adoptions import Adoptions
from receiver.services.api_keys import ApiKeys
from receiver.services.asking import Asking
from receiver.services.attempts import Attempts
from receiver.services.auditing import Audit
from receiver.services.correcting import Correcting
from receiver.services.corrections_shown import CorrectionsShown
from receiver.services.erasures import Erasures
from receiver.services.exporting import Exporting
from receiver.services.health import Health
from receiver.services.holding import Holding
from receiver.services.import_jobs import ImportJobs
from receiver.services.intake import Intake
from receiver.services.keeping_faces import KeepingFaces
from receiver.services.library_checks import LibraryChecks
from receiver.services.logging_in import LoggingIn
from receiver.services.looking import Looking
from receiver.services.originals import Originals
from receiver.services.people import People
from receiver.services.replaying import Replaying
from receiver.services.reviewing import Reviewing
from receiver.services.reviews_shown import ReviewList
from receiver.services.searching import Searching
from receiver.services.signing import Signer
from receiver.services.splitting import Splitting
from receiver.services.statuses import Statuses
from receiver.services.trusting import Trusting
from receiver.services.undoing import Undoing
from receiver.services.visiting import Visiting
from receiver.settings import Settings
from receiver.store.pictures import Pictures
from receiver.web import auditing, auth, headers, login_limits, metrics, problems, sophon
from receiver.web.api import setup
from receiver.web.device_paths import KeyTaking
from receiver.web.proofs import ProofReader


class BoundedJson(DefaultJSONProvider):
    """Reads request bodies with bounds on depth and digits, whatever a client nests; shows keys in the order they were made."""

    sort_keys = False

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        """A JSON document; ValueError if it is none."""
        return orjson.loads(s)


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
    login_limits.register(app, services.attempts)
    app.wsgi_app = KeyTaking(app.wsgi_app)  # type: ignore[method-assign]
    return app
