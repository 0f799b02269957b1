"""What to tell the person at the gate: one short English sentence for each word that says what is wrong with a picture."""

from collections.abc import Iterable, Mapping


def N_(sentence: str) -> str:  # noqa: N802 - the name by which every tool for translations finds a sentence
    """Mark a sentence for ./scripts/translations; it is shown in the reader's language later."""
    return sentence


ADVICE: Mapping[str, str] = {
    "no_face": N_("No face can be seen: stand before the camera."),
    "several_faces": N_("One person at a time, please."),
    "face_too_small": N_("Come closer to the camera."),
    "face_unclear": N_("Look at the camera and uncover your face."),
    "too_blurred": N_("The picture is blurred: stand still for a moment."),
    "too_dark": N_("It is too dark: step into the light."),
    "too_bright": N_("It is too bright: step out of the glare."),
    "low_contrast": N_("The picture is dull: keep strong light out of the camera."),
    "uneven_light": N_("The light comes from one side: turn your face towards it."),
    "noisy": N_("The picture is grainy: step into better light."),
    "tilted": N_("Hold your head upright."),
    "turned": N_("Turn to the camera."),
    "nodding": N_("Hold your head level."),
    "one_sided": N_("Look straight at the camera and show both halves of your face."),
}
"""Machine word of a finding, or ``no_face`` where there is nothing to judge -> what helps, said to the person."""


def advice(reasons: Iterable[str]) -> list[str]:
    """The sentences for some reasons, in their order, each once; words that no person at a gate can help are left out.

    Args:
        reasons: machine words as in ``Finding.reason`` and in a decision's reasons.
    """
    return list(dict.fromkeys(ADVICE[reason] for reason in reasons if reason in ADVICE))
