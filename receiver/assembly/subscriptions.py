"""Puts together what concerns subscriptions: bootstrap's part for telling others."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from receiver.assembly import alarms

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.domain.schedules import Schedule
    from receiver.forwarder.channels import Channels
    from receiver.services.forwarding.composing import Composing
    from receiver.services.forwarding.deliveries_shown import DeliveryList
    from receiver.services.forwarding.previewing import Previewing
    from receiver.services.forwarding.repeating import Repeating
    from receiver.services.forwarding.subscribing import Subscribing
    from receiver.services.forwarding.subscriptions_shown import SubscriptionList
    from receiver.services.forwarding.templates import Templates
    from receiver.settings import Settings

OUTGOING = "outgoing"


@dataclass(frozen=True, slots=True)
class Desk:
    """What the views and the commands work with."""

    shown: "SubscriptionList"
    subscribing: "Subscribing"
    previewing: "Previewing"
    deliveries: "DeliveryList"
    repeating: "Repeating"


def make_desk(house: "House") -> Desk:
    """Showing and changing; nothing is sent."""
    from receiver.services.forwarding.deliveries_shown import DeliveryList
    from receiver.services.forwarding.previewing import Previewing
    from receiver.services.forwarding.repeating import Repeating
    from receiver.services.forwarding.sending import destination_of
    from receiver.services.forwarding.subscribing import Checks, Subscribing
    from receiver.services.forwarding.subscriptions_shown import SubscriptionList
    from receiver.services.forwarding.templates import Templates

    templates, channels = Templates(), make_channels(house)
    composing = make_composing(house, templates)
    checks = Checks(lambda wanted: channels.check(destination_of(wanted)), templates.check)
    return Desk(
        shown=SubscriptionList(house.store),
        subscribing=Subscribing(house.store, checks, house.doorbell.ring),
        previewing=Previewing(house.store, composing),
        deliveries=DeliveryList(house.store),
        repeating=Repeating(house.store, house.doorbell.ring),
    )


def services_of(house: "House") -> dict[str, Any]:
    """What the views are given."""
    desk = make_desk(house)
    return {
        "subscriptions": desk.shown,
        "subscribing": desk.subscribing,
        "previewing": desk.previewing,
        "deliveries": desk.deliveries,
        "repeating": desk.repeating,
    }


def work_of(house: "House") -> dict[str, Any]:
    """What the worker does for them."""
    from receiver.services.forwarding.clearing import Bounds, Clearing
    from receiver.services.forwarding.forwarding import Forwarding, ForwardingParts, utc_now
    from receiver.services.forwarding.repeating import Repeating
    from receiver.services.forwarding.settling import Hooks
    from receiver.services.forwarding.templates import Templates
    from receiver.services.publishing.telling import Telling

    failing = alarms.make_failing(house)
    hooks = Hooks(failing.note, failing.settle)
    parts = ForwardingParts(house.store, make_composing(house, Templates()), make_channels(house), hooks=hooks)
    ours = house.settings
    bounds = Bounds(ours.deliveries_days, ours.deliveries_kept, ours.backlog_size)
    return {
        "forwarding": Forwarding(parts),
        "repeating": Repeating(house.store),
        "telling": Telling(house.store),
        "clearing": Clearing(house.store, bounds, utc_now, failing.note_dropped),
    }


def settle_upstream(house: "House") -> None:
    """The addresses of the settings are subscriptions like any other, ready-made."""
    from receiver.domain.errors import Invalid, SetupError
    from receiver.domain.signatures import read_secret
    from receiver.store import subscriptions

    settings = house.settings
    wanted = dict.fromkeys(settings.upstream_url, schedule_of(settings))
    try:
        if settings.upstream_secret:
            read_secret(settings.upstream_secret)
    except Invalid as error:
        raise SetupError(error.reason, f"GATEHOUSE_UPSTREAM_SECRET: {error.detail}") from error
    # Web and worker processes start together: both would find that there is none yet.
    with house.store.write(lock="upstream") as tx:
        subscriptions.settle(tx, wanted, datetime.now(UTC), settings.upstream_secret)


def schedule_of(settings: "Settings") -> "Schedule":
    """When the settings' upstream is sent to."""
    from receiver.domain.schedules import Schedule, ScheduleKind

    text, zone = settings.upstream_every, str(settings.timezone)
    if len(text.split()) > 1:
        return Schedule(ScheduleKind.CRON, cron=text, timezone=zone)
    return Schedule(ScheduleKind.EVERY, seconds=float(text), timezone=zone)


def make_composing(house: "House", templates: "Templates") -> "Composing":
    """What makes messages; the process that fills templates starts with the first one, and ends with the house."""
    from receiver.services.asking.asking import Asking
    from receiver.services.forwarding.composing import Composing, ComposingParts
    from receiver.services.intake.originals import Originals

    parts = ComposingParts(
        store=house.store,
        originals=Originals(house.store, house.pictures),
        asking=Asking(house.store, house.visit_pause),
        pictures=house.pictures,
        templates=templates,
        public_url=house.settings.public_url,
    )
    composing = Composing(parts)
    house.closers.append(composing.close)
    return composing


def make_channels(house: "House") -> "Channels":
    """All ways out; connections are made when something is sent."""
    from receiver.forwarder.channels import Channels
    from receiver.forwarder.guard import Guard

    channels = Channels(Guard(house.settings.destination_networks), house.settings.data_dir / OUTGOING)
    house.closers.append(channels.close)
    return channels
