"""Puts together what opens, shows and changes alerts: bootstrap's part for what a person should look at now."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from receiver.assembly.house import House
    from receiver.services.alerting.alerting import Alerting
    from receiver.services.alerting.event_alerts import EventAlerts
    from receiver.services.alerting.failing import FailingSubscriptions
    from receiver.services.alerting.frames import Frames
    from receiver.services.alerting.rule_book import RuleBook
    from receiver.services.alerting.setting_rules import SettingRules


def services_of(house: "House") -> dict[str, Any]:
    """What the views are given."""
    from receiver.services.alerting.alerts_shown import AlertsShown
    from receiver.services.alerting.opening import Opening
    from receiver.services.alerting.trying_rules import TryingRules

    alerting = make_alerting(house)
    return {
        "alerting": alerting,
        "frames": make_frames(house),
        "alerts_shown": AlertsShown(house.store),
        "opening": Opening(house.store, alerting),
        "rules": make_rules(house),
        "trying_rules": TryingRules(house.store, house.settings.timezone),
    }


def work_of(house: "House") -> dict[str, Any]:
    """What the worker is given; where faces are read the recogniser judges events."""
    from receiver.services.alerting.frames import FrameRoom
    from receiver.services.alerting.judging import Judging
    from receiver.services.alerting.watching import Watching
    from receiver.services.upkeep.housekeeping import Housekeeping

    judging = Judging(house.store, make_judge(house)) if house.settings.engine_name == "off" else None
    room = FrameRoom(house.store, house.settings.frames_size, Housekeeping(house.store, house.pictures).drop_unneeded)
    return {"judging": judging, "watching": Watching(house.store, make_alerting(house), make_book(house), room)}


def make_alerting(house: "House") -> "Alerting":
    """What devices, programs, people and rules do with alerts."""
    from receiver.services.alerting.alerting import Alerting
    from receiver.services.alerting.passing_on import pass_on

    return Alerting(house.store, house.announced.ring, pass_on)


def make_failing(house: "House") -> "FailingSubscriptions":
    """Alerts about what cannot be passed on."""
    from receiver.services.alerting.failing import FailingSubscriptions

    return FailingSubscriptions(make_alerting(house))


def make_book(house: "House") -> "RuleBook":
    """The rules of this process."""
    from receiver.services.alerting.rule_book import RuleBook

    return RuleBook(house.settings.timezone)


def make_rules(house: "House") -> "SettingRules":
    """What people do with rules."""
    from receiver.services.alerting.setting_rules import SettingRules

    return SettingRules(house.store, house.settings.timezone)


def make_judge(house: "House") -> "EventAlerts":
    """Judges decided events by the rules."""
    from receiver.services.alerting.event_alerts import EventAlerts

    return EventAlerts(make_alerting(house), make_book(house))


def make_frames(house: "House") -> "Frames":
    """Takes frames in and gives them back."""
    from receiver.services.alerting.frames import Frames
    from receiver.services.upkeep.room import Room

    room = Room(house.settings.data_dir, house.settings.disk_reserve)
    return Frames(house.store, house.pictures, house.settings.pixel_limit, room.check)
