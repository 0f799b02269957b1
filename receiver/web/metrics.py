"""The metrics of all processes of this server at /metrics, in Prometheus' text format."""

import os

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from receiver.domain.accounts import Role
from receiver.web.auth import needs

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@needs(Role.VIEWER)
def metrics() -> Response:
    """Counters since the start of the server."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
