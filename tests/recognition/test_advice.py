"""Whatever is found wrong with a picture, the person at the gate is told in a sentence what helps."""

from recognition.advice import ADVICE, advice
from recognition.gates import GATES, SHIPPED, judge


def test_every_finding_has_its_sentence_and_every_sentence_its_finding() -> None:
    reasons = {limit.reason for gate in GATES for limit in SHIPPED.of(gate)}
    assert ADVICE.keys() == reasons | {"no_face"}


def test_sentences_are_short_and_each_says_something_else() -> None:
    assert len(set(ADVICE.values())) == len(ADVICE)
    assert not [sentence for sentence in ADVICE.values() if len(sentence) > 70 or sentence[-1] != "."]


def test_findings_become_sentences_refusals_first() -> None:
    findings = judge({"luminance_mean": 20, "head_pose_yaw": 0.6, "blur": 0.9}, "enrol")
    said = advice(finding.reason for finding in findings)
    assert said == [ADVICE["too_blurred"], ADVICE["too_dark"], ADVICE["turned"]]


def test_what_nobody_at_a_gate_can_help_is_not_said() -> None:
    assert advice(["nobody_close_enough", "too_dark", "too_dark", "no_such_word"]) == [ADVICE["too_dark"]]
