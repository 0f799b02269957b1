"""A site's own limits: what is typed is what is in force, and a slip is told with what would do."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recognition.gates import GATES, LEVELS, MAY_REFUSE, SHIPPED, Gate, GateLimits, Level
from recognition.limits import parse_limits
from recognition.scores import MEASURES

PLACES = [
    (gate, limit, level)
    for gate in GATES
    for limit in SHIPPED.of(gate)
    for level in LEVELS
    if level == "warn" or limit.reason in MAY_REFUSE
]


def bound(limits: GateLimits, gate: Gate, measure: str, sign: str, level: Level) -> float | None:
    (limit,) = [each for each in limits.of(gate) if (each.measure, each.sign) == (measure, sign)]
    return limit.bound(level)


def test_nothing_said_is_nothing_changed() -> None:
    for text in ("", "  ", " , ;"):
        assert parse_limits(text) == SHIPPED
    assert str(SHIPPED) == ""


def test_an_entry_changes_one_limit_and_nothing_else() -> None:
    limits = parse_limits("register.inter_eye_distance < 30")
    assert bound(limits, "register", "inter_eye_distance", "<", "refuse") == 30
    assert bound(limits, "register", "inter_eye_distance", "<", "warn") == 40
    assert (limits.recognise, limits.enrol) == (SHIPPED.recognise, SHIPPED.enrol)
    assert sum(mine != shipped for mine, shipped in zip(limits.register, SHIPPED.register, strict=True)) == 1


def test_case_blanks_and_semicolons_do_not_matter() -> None:
    assert parse_limits("Enrol.BLUR>.6;recognise.luminance_mean<45  Warn") == parse_limits(
        " recognise . luminance_mean < 45 warn , enrol.blur > 0.60 refuse,"
    )


def test_a_limit_can_be_taken_away() -> None:
    limits = parse_limits("enrol.dynamic_range<never warn, enrol.blur>never")
    assert bound(limits, "enrol", "dynamic_range", "<", "warn") is None
    assert bound(limits, "enrol", "blur", ">", "refuse") is None
    assert bound(limits, "enrol", "blur", ">", "warn") == bound(SHIPPED, "enrol", "blur", ">", "warn")


@st.composite
def texts(draw: st.DrawFn) -> str:
    entries = []
    for gate, limit, level in draw(
        st.lists(st.sampled_from(PLACES), unique_by=lambda each: (each[0], each[1], each[2]))
    ):
        measure = MEASURES[limit.measure]
        number = draw(st.integers(int(measure.low * 100), int(measure.high * 100)).map(lambda n: f"{n / 100:g}"))
        entries.append(f"{gate}.{limit.measure}{limit.sign}{draw(st.sampled_from([number, 'never']))} {level}")
    return ", ".join(entries)


@given(texts())
def test_what_is_printed_reads_back_as_the_same_limits(text: str) -> None:
    limits = parse_limits(text)
    assert parse_limits(str(limits)) == limits


@given(st.text() | st.from_regex(r"[a-z]+\.[a-z_]+[<>]-?\d{1,4}( warn)?", fullmatch=True))
def test_any_text_gives_limits_or_a_sentence(text: str) -> None:
    try:
        assert isinstance(parse_limits(text), GateLimits)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - which of the two it is depends on the text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("registr.blur>0.5", "did you mean register?"),
        ("door.blur>0.5", "there are recognise, register, enrol"),
        ("enrol.blurr>0.5", "did you mean blur?"),
        ("enrol.head_pose>0.5 warn", "did you mean head_pose_"),
        ("recognise.single_face_present>0.5", "the gate recognise does not judge single_face_present"),
        ("enrol.blur<0.5", "write blur>"),
        ("enrol.blur>66", "from 0 to 1, or by never"),
        ("enrol.blur>nan", "from 0 to 1, or by never"),
        ("enrol.luminance_mean<inf", "from 0 to 255, or by never"),
        ("enrol.blur>=0.5", "from 0 to 1, or by never"),
        ("enrol.blur>0.5 worn", "did you mean warn?"),
        ("enrol.blur 0.5", "must be GATE.MEASURE<NUMBER"),
        ("0.5", "must be GATE.MEASURE<NUMBER"),
        ("enrol.blur>0.5, enrol.blur>0.6", "set twice"),
    ],
)
def test_a_slip_is_told_with_what_would_do(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text.rpartition(", ")[2]))) as caught:
        parse_limits(text)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "measure", sorted({limit.measure + limit.sign for limit in SHIPPED.enrol if limit.reason not in MAY_REFUSE})
)
def test_what_may_only_warn_cannot_be_made_to_refuse(measure: str) -> None:
    with pytest.raises(ValueError, match="may only warn"):
        parse_limits(f"enrol.{measure}0.3")
    assert parse_limits(f"enrol.{measure}0.3 warn") != SHIPPED
