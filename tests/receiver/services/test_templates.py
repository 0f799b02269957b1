"""Templates are bounded: no words that they hold can take the server's time, memory, files or secrets."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from receiver.domain.errors import Invalid
from receiver.services.forwarding.templates import Templates
from tests.source import ROOT

DOCUMENT: dict[str, Any] = {
    "type": "event",
    "timestamp": "2026-03-01T08:30:00+00:00",
    "data": {"id": 7, "list": "staff", "decision": None, "reported": {"identity_name": 'Test "Person"'}},
}


@pytest.fixture(scope="module")
def templates() -> Iterator[Templates]:
    made = Templates()
    yield made
    made.close()


def test_a_template_says_it_in_somebody_elses_words(templates: Templates) -> None:
    text = '{"who": {{ event.reported.identity_name|tojson }}, "list": "{{ data.list }}", "kind": "{{ type }}"}'
    templates.check(text)
    made = orjson.loads(templates.render(text, DOCUMENT))
    assert made == {"who": 'Test "Person"', "list": "staff", "kind": "event"}


def test_what_an_event_does_not_have_is_empty_at_any_depth(templates: Templates) -> None:
    assert templates.render("[{{ event.decision.person.name }}{{ nobody.knows.it }}]", DOCUMENT) == "[]"
    made = templates.render('{"who": {{ event.decision.person.name|tojson }}, "all": {{ [nobody]|tojson }}}', DOCUMENT)
    assert orjson.loads(made) == {"who": None, "all": [None]}


def test_the_template_of_the_page_makes_json_of_every_event(templates: Templates) -> None:
    page = (ROOT / "docs" / "how-to" / "subscriptions.md").read_text(encoding="utf-8")
    found = re.search(r"```jinja\n(.*?)```", page, re.DOTALL)
    assert found is not None
    empty = DOCUMENT | {"data": {"reported": {"identity_name": "", "score": None}, "gate": None, "decision": None}}
    made = orjson.loads(templates.render(found[1], empty))
    assert made == {"who": "", "where": None, "at": DOCUMENT["timestamp"], "sure": None, "known": False}


@pytest.mark.parametrize(
    "text",
    [
        "{% if %}",
        "{{ event",
        "{% for each in event %}",
        "{{ x|no_such_filter }}",
        "{% macro a() %}{{ a(" * 50,
    ],
)
def test_what_is_no_template_is_refused_when_it_is_saved(templates: Templates, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        templates.check(text)
    assert refused.value.reason == "bad_template"


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 9 ** (9 ** 9) }}",
        "{% for a in range(9) %}{{ event.list|center(9999999999) }}{% endfor %}",
        "{% for a in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        "{{ 1 / 0 }}",
        "{% include '/etc/hostname' %}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ('a'|center(9999999999))|length }}",
        "{{ data.update({'list': 'vip'}) }}",
    ],
)
def test_a_template_that_takes_too_much_or_reaches_out_fails_by_itself(templates: Templates, text: str) -> None:
    with pytest.raises(Invalid) as failed:
        templates.render(text, DOCUMENT)
    assert failed.value.reason == "template_failed"
    assert templates.render("{{ event.id }}", DOCUMENT) == "7", "the next one is rendered all the same"


@pytest.mark.parametrize(
    "text",
    [
        "{{ self._TemplateReference__context.environment.globals.range.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
    ],
)
def test_nothing_of_the_server_is_within_its_reach(templates: Templates, text: str) -> None:
    assert not templates.render(text, DOCUMENT)


def test_the_process_starts_again_after_it_was_ended() -> None:
    templates = Templates()
    assert templates.render("{{ event.id }}", DOCUMENT) == "7"
    templates.close()
    assert templates.render("{{ event.list }}", DOCUMENT) == "staff"
    templates.close()
