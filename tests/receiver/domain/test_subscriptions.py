"""Filters want what they name; what cannot be kept is refused; a destination is a place and who we are there."""

from dataclasses import replace

import pytest

from receiver.domain.errors import Invalid
from receiver.domain.subscriptions import (
    Channel,
    Facts,
    Filter,
    Form,
    Origin,
    Subscription,
    SubscriptionState,
    Topic,
    check,
)

EVENT = Facts(7, "staff", ("night", ""), "matched", 3, 0.8)
PLAIN = Subscription(1, "one", Origin.API, Channel.HTTP, {"url": "http://one.example/"})


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        (Filter(), True),
        (Filter(lists=frozenset({"staff", "vip"})), True),
        (Filter(lists=frozenset({"vip"})), False),
        (Filter(devices=frozenset({7})), True),
        (Filter(devices=frozenset({8})), False),
        (Filter(groups=frozenset({"night"})), True),
        (Filter(groups=frozenset({"day"})), False),
        (Filter(decisions=frozenset({"unknown"})), False),
        (Filter(persons=frozenset({3})), True),
        (Filter(min_score=0.8), True),
        (Filter(min_score=0.81), False),
        (Filter(devices=frozenset({7}), persons=frozenset({4})), False),
    ],
)
def test_an_event_passes_where_everything_fits(wanted: Filter, *, passes: bool) -> None:
    assert wanted.passes(EVENT, Topic.EVENT) is passes


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(frozenset({"staff"})),
        Filter(persons=frozenset({1})),
        Filter(groups=frozenset({"a"})),
        Filter(min_score=0),
    ],
)
def test_an_event_without_what_is_asked_for_does_not_pass_and_others_do(wanted: Filter) -> None:
    assert not wanted.passes(Facts(7), Topic.EVENT)
    assert wanted.passes(Facts(7), Topic.DEVICE)


def test_what_needs_the_decision_says_so() -> None:
    assert not Filter(devices=frozenset({1}), min_score=0.5).needs_decision
    assert Filter(decisions=frozenset({"matched"})).needs_decision


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": " "}, "bad_name"),
        ({"name": "n" * 101}, "bad_name"),
        ({"topics": frozenset()}, "bad_topics"),
        ({"filter": Filter(devices=frozenset(range(1001)))}, "bad_filter"),
        ({"filter": Filter(min_score=1.1)}, "bad_filter"),
        ({"batch_size": 0}, "bad_batch_size"),
        ({"batch_size": 501}, "bad_batch_size"),
        ({"rate_per_minute": 0}, "bad_rate"),
        ({"form": Form.TEMPLATE}, "bad_template"),
        ({"template": "{{ event }}"}, "bad_template"),
    ],
)
def test_what_cannot_be_kept_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        check(replace(PLAIN, **changes))  # type: ignore[arg-type]
    assert refused.value.reason == reason


def test_another_password_is_another_destination_and_another_signing_secret_is_not() -> None:
    with_token = replace(PLAIN, secrets={"token": "a"})
    assert PLAIN.destination_key != with_token.destination_key
    assert with_token.destination_key != replace(PLAIN, secrets={"token": "b"}).destination_key
    assert replace(PLAIN, secrets={"signing_secret": "x"}).destination_key == PLAIN.destination_key


def test_states_say_what_happens() -> None:
    may = {
        state: (each.takes_new, each.may_send) for state in SubscriptionState for each in [replace(PLAIN, state=state)]
    }
    assert may == {
        SubscriptionState.ENABLED: (True, True),
        SubscriptionState.PAUSED: (True, False),
        SubscriptionState.FAILING: (True, True),
        SubscriptionState.DISABLED: (False, False),
    }


def test_secrets_are_not_shown() -> None:
    assert "s3cret" not in repr(replace(PLAIN, secrets={"token": "s3cret"}))


def test_kinds_and_severities_are_asked_of_everything_but_events() -> None:
    escalation = Filter(kinds=frozenset({"escalated"}), severities=frozenset({"critical"}))
    assert escalation.passes(Facts(kind="escalated", severity="critical"), Topic.ALERT)
    assert not escalation.passes(Facts(kind="opened", severity="critical"), Topic.ALERT)
    assert not escalation.passes(Facts(kind="escalated", severity="info"), Topic.ALERT)
    # What has no severity is not kept out by one.
    assert escalation.passes(Facts(kind="escalated"), Topic.REVIEW)
    assert escalation.passes(EVENT, Topic.EVENT)
    assert not escalation.needs_decision
