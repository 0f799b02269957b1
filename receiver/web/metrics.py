"""The metrics of all processes of this server at /metrics, in Prometheus' text format."""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from receiver import metrics
from receiver.domain.accounts import Role
from receiver.domain.errors import Unavailable
from receiver.services.forwarding.subscriptions_shown import Counted
from receiver.web.auth import needs

if TYPE_CHECKING:
    from receiver.web.app import Services

blueprint = Blueprint("metrics", __name__)

LABEL = "subscription"


@blueprint.get("/metrics", endpoint="metrics")
@needs(Role.VIEWER)
def show() -> Response:
    """Counters since the start of the server; those of subscriptions since they were made."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    services: Services = current_app.extensions["gatehouse"]
    try:
        counted = services.subscriptions.counted()
    except Unavailable:
        # Whoever watches a server whose database is away wants the rest all the more.
        counted = []
    return Response(
        generate_latest(registry) + generate_latest(OfSubscriptions(counted)), content_type=CONTENT_TYPE_LATEST
    )


class OfSubscriptions(Collector):
    """What the database knows of subscriptions, as metrics."""

    def __init__(self, counted: list[Counted]) -> None:
        self._counted = counted

    def collect(self) -> Iterable[Metric]:
        """One family for each of them."""
        now = datetime.now(UTC)
        yield self._gauge(metrics.SUBSCRIPTION_WAITING, lambda each: each.books.waiting)
        yield self._gauge(metrics.SUBSCRIPTION_OLDEST, lambda each: _age(each.oldest, now))
        yield self._gauge(metrics.SUBSCRIPTION_DEAD, lambda each: each.books.dead)
        yield self._gauge(metrics.SUBSCRIPTION_WITHOUT_PICTURES, lambda each: each.books.bared)
        yield self._gauge(metrics.SUBSCRIPTION_FAILING, lambda each: each.is_failing)
        yield self._counter(metrics.SUBSCRIPTION_SENT, lambda each: each.books.delivered)
        yield self._counter(metrics.SUBSCRIPTION_FAILED, lambda each: each.kept.failed)
        about = metrics.SUBSCRIPTION_SECONDS
        summary = SummaryMetricFamily(about.name, about.documentation, labels=[LABEL])
        for each in self._counted:
            summary.add_metric([each.name], each.kept.sent, each.kept.seconds)
        yield summary

    def _gauge(self, about: metrics.SubscriptionMetric, read: Callable[[Counted], float]) -> Metric:
        family = GaugeMetricFamily(about.name, about.documentation, labels=[LABEL])
        for each in self._counted:
            family.add_metric([each.name], float(read(each)))
        return family

    def _counter(self, about: metrics.SubscriptionMetric, read: Callable[[Counted], float]) -> Metric:
        family = CounterMetricFamily(about.name, about.documentation, labels=[LABEL])
        for each in self._counted:
            family.add_metric([each.name], float(read(each)))
        return family


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
