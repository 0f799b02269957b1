"""The page at /docs that shows the interface; the package's own page has a script in it, which our headers forbid."""

from pathlib import Path

from flask import Blueprint, Flask, Response
from flask_swagger_ui import get_swaggerui_blueprint

from receiver.web.auth import public

PAGES = Path(__file__).parent / "pages"
ADDRESS = "/docs"

blueprint = Blueprint("docs", __name__, url_prefix=ADDRESS)


@blueprint.get("/start.js")
@public
def start() -> Response:
    """The script that starts the page."""
    return Response((PAGES / "start.js").read_bytes(), mimetype="text/javascript")


def register(app: Flask) -> None:
    """Adds the page; a template of the application goes before one of a package's."""
    app.template_folder = str(PAGES)
    app.register_blueprint(blueprint)
    app.register_blueprint(
        get_swaggerui_blueprint(ADDRESS, "/v1/openapi.json", config={"app_name": "Gatehouse", "validatorUrl": "none"})
    )
