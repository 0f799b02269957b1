"""Every metric, declared once with its documentation; Prometheus' text format at /metrics."""

from dataclasses import dataclass

from prometheus_client import Counter, Histogram

EVENTS = Counter("gatehouse_events", "Items of device messages by what became of them.", ["result"])
DEVICES_PENDING = Counter(
    "gatehouse_devices_pending",
    "Devices that were met for the first time and wait for somebody to trust them, by why they are not trusted.",
    ["why"],
)
REQUESTS = Histogram(
    "gatehouse_request_seconds",
    "Time from a request's head to the end of its answer.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
RECOGNISED = Counter("gatehouse_recognised", "Events whose recognition has ended, by decision.", ["decision"])
SECOND_OPINIONS = Counter(
    "gatehouse_second_opinions",
    "Events in which a device named somebody, by what our reading of the face says to that.",
    ["says"],
)
REVISED = Counter(
    "gatehouse_revised",
    "Events whose decision the mean of several sightings at one gate and moment has taken the place of, by decision.",
    ["decision"],
)
RECOGNITION_SECONDS = Histogram(
    "gatehouse_recognition_seconds",
    "Time to read the faces of one event and decide.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
REGISTRATIONS = Counter("gatehouse_registrations", "What came of want_action 1001 and 1002.", ["outcome"])
STRANGERS = Counter(
    "gatehouse_strangers",
    "Strangers' faces without a device asking for anything: waiting (seen for the first time), made (seen twice: a stranger "
    "with a lasting id), learnt (a further picture of a known one).",
    ["outcome"],
)
ADOPTIONS = Counter("gatehouse_adoptions", "Device identities that were tried, by what came of it.", ["outcome"])
DELIVERIES = Counter("gatehouse_deliveries", "Tries to pass an event on, by outcome.", ["outcome"])
ALERTS = Counter(
    "gatehouse_alerts",
    "Changes of alerts: opened, repeated, acknowledged, assigned, commented, ended, escalated, closed; by severity.",
    ["change", "severity"],
)
FRAMES = Counter("gatehouse_frames", "Frames that were kept: of an alert, or calm ones of a device.", ["kind"])
DELIVERIES_DROPPED = Counter(
    "gatehouse_deliveries_dropped",
    "What was dropped because more waited than GATEHOUSE_BACKLOG_SIZE: pictures of deliveries, or deliveries of paused ones.",
    ["what"],
)
TASKS_BURIED = Counter("gatehouse_tasks_buried", "Tasks given up after their last attempt.", ["topic"])
LOGINS = Counter(
    "gatehouse_logins",
    "Tries to log in: in, wrong, limited (too many had failed, and it was not looked at).",
    ["outcome"],
)
ENGINE_TROUBLES = Counter(
    "gatehouse_engine_troubles",
    "Troubles of the engine processes that callers wait for: crash (one ended by itself), late (one took too long and "
    "was ended), full (a caller was turned away).",
    ["kind"],
)
CONNECTIONS_REFUSED = Counter(
    "gatehouse_connections_refused",
    "Connections that were closed by us: all (there are as many as there may be), address (one address has its share), "
    "reader (it took nothing of its answer), bad_http, head_too_large.",
    ["why"],
)
AUDIT_LOST = Counter(
    "gatehouse_audit_lost", "Deeds that the audit log could not keep; the log of the process has each."
)
LIVE = Counter("gatehouse_live", "Connections that were told of alerts live, by kind: sse, eio4, eio3.", ["kind"])
LIVE_REFUSED = Counter("gatehouse_live_refused", "Live connections that found no place.")


@dataclass(frozen=True, slots=True)
class SubscriptionMetric:
    """A metric that is read off the database whenever somebody asks, by the subscription's name.

    Attributes:
        kind: gauge, counter, or summary of a number and a sum.
    """

    name: str
    kind: str
    documentation: str


# Counted in the database: they outlive every process.
SUBSCRIPTION_WAITING = SubscriptionMetric("gatehouse_subscription_waiting", "gauge", "Deliveries that wait.")
SUBSCRIPTION_OLDEST = SubscriptionMetric(
    "gatehouse_subscription_oldest_seconds",
    "gauge",
    "For how long the oldest of them has been waiting; 0 if none waits.",
)
SUBSCRIPTION_DEAD = SubscriptionMetric(
    "gatehouse_subscription_dead", "gauge", "Deliveries that were given up, until somebody retries them."
)
SUBSCRIPTION_WITHOUT_PICTURES = SubscriptionMetric(
    "gatehouse_subscription_without_pictures", "gauge", "Deliveries whose pictures were dropped for want of disk."
)
SUBSCRIPTION_FAILING = SubscriptionMetric(
    "gatehouse_subscription_failing", "gauge", "1: it is enabled, and its destination does not work."
)
SUBSCRIPTION_SENT = SubscriptionMetric(
    "gatehouse_subscription_delivered", "counter", "Deliveries that the other side has taken."
)
SUBSCRIPTION_FAILED = SubscriptionMetric("gatehouse_subscription_failed", "counter", "Tries that came to nothing.")
SUBSCRIPTION_SECONDS = SubscriptionMetric(
    "gatehouse_subscription_seconds", "summary", "Time that the tries took that were taken."
)
