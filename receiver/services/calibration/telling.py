"""What a calibration says, the same on the command line and on the page: what follows from it, and what to do next."""

from dataclasses import dataclass
from textwrap import fill

from receiver.domain.evaluation import CLOSEST
from receiver.services.calibration import words
from receiver.services.calibration.measured import Measured

WIDTH = 100

WEAK_OF_DLIB = """\
dlib's network learnt from photographs of adults, most of them public figures of the West. It tells East and South-East \
Asian faces apart far worse than others: on press photographs, at one false alarm in a hundred strangers overall, it \
accepted 12.3 % of the strangers of such looks and 0.09 % of all others; nine false alarms in ten were theirs. The \
correction by a cohort levels that out, but only if the other people and strangers in the library are like those at \
your door: with a cohort that has none of them it gets worse.

It is weak for children too. They resemble each other more than adults do, hardly any were among the photographs that \
it learnt from, and a face changes within a year or two. Do not let it decide alone about children, and renew their \
pictures often.

An average hides this: a threshold that is right on the whole may accept the strangers of one group ten times as often. \
Where a group carries most of the false alarms, keep pictures of strangers of that group in the library, enrol its \
people with more and better pictures, and let a person look before anybody is let in or turned away."""

WEAK_OF_OTHERS = """\
Nothing is known here of whom this model knows badly. Every network tells some groups of people apart worse than others, \
mostly those of whom it saw few photographs when it learnt, and nearly all are weak for children. Give strangers in \
sub-folders, one a group, and look at their false alarms one by one."""


METHOD = """\
Known people: each picture of a person with two or more was held against the mean of that person's other pictures, so \
against one picture fewer than at the gate. It counts as missed where the score is above the threshold, or somebody \
else is nearer or nearly as near.

Strangers: each picture was held against everybody who is enrolled, as a decision does it, with the same correction, \
margin and limits; each picture of the folder counts as another person, and strangers of the library count too.

People on the blacklist have a threshold of their own, which is not measured here; they count where they are nearer.

Shares count each person once. Their intervals are exact (Clopper and Pearson) for as many independent pictures as the \
people scatter like (Korn and Graubard). Pictures collected in advance are better lit and sharper than those of most \
gates: expect more misses there."""

PRIVATE = "This page shows faces and names. Keep it as you keep the library, and delete it when you have read it."


@dataclass(frozen=True, slots=True)
class Section:
    """The words around some faces to look at."""

    title: str
    about: str
    none: str


TAKEN = Section(
    "Strangers who would be called by a name",
    "Look whether they are strangers at all: in every larger collection some are the enrolled person, under another name "
    "or in the background. Take those out of the folder and calibrate again.",
    "At the threshold in force no stranger would be called by anybody's name.",
)
ALIKE = Section(
    "People who look alike",
    "A picture of the one would be called by the other's name, were the one not enrolled. Enrol more and better pictures "
    "of both, and let a second factor (a badge, a person) decide between them. The same face under two names is one "
    "person enrolled twice: merge them.",
    "No two people are so much alike that one would be called by the other's name.",
)
CONTRADICTING = Section(
    "People whose pictures contradict each other",
    "A picture is further from its person's other pictures than two pictures of one person should be, or nearer to "
    "somebody else. Mostly it shows somebody else, or is old, blurred or turned away: take it out, or enrol a better one.",
    "Every picture fits its person's other pictures.",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that follows from a calibration, with what to do about it."""

    headline: str
    text: str
    is_warning: bool = False


def unit(scoring: str) -> str:
    """What a score is, for the axis of a diagram."""
    plain = "Distance (lower is more alike)"
    return plain if scoring == "plain" else "Distance less the cohort's share (lower is more alike)"


def subtitle(found: Measured, source: str) -> str:
    """What was measured, in one line."""
    pictures = len(found.genuine.scores)
    strangers = (
        f"held against {words.counted(found.impostors.people, 'stranger')}{source and f' ({source})'}"
        if found.strangers
        else "held against each other, for want of strangers"
    )
    return (
        f"{words.counted(found.people, 'person', 'people')}, {words.counted(pictures, 'picture')} of those with two or more, "
        f"{strangers}. Model {found.model}, scoring {found.scoring}, {found.made_at:%Y-%m-%d %H:%M} UTC."
    )


def cards(found: Measured) -> list[dict[str, str]]:
    """The three figures that matter."""
    after = words.number(found.then.threshold)
    changed = after != words.number(found.now.threshold)
    return [
        {
            "kind": "known",
            "title": "Known people's pictures missed",
            "figure": words.percent(found.now.fnir.value),
            "note": f"95 % interval {words.ends(found.now.fnir)}",
        },
        {
            "kind": "stranger",
            "title": "Strangers called by a name" if found.strangers else "Called by somebody else's name",
            "figure": words.percent(found.now.fpir.value),
            "note": f"95 % interval {words.ends(found.now.fpir)}; accepted are {words.percent(found.accepted)}",
        },
        {
            "kind": "",
            "title": "Threshold in force",
            "figure": words.number(found.now.threshold),
            "note": f"{after} once these scores count" if changed else "these scores do not change it",
        },
    ]


def findings(found: Measured, *, is_kept: bool) -> list[Finding]:
    """What follows, most urgent first."""
    return [
        *_uneven(found),
        *_too_many(found),
        *_faces_to_look_at(found),
        *_too_few(found),
        _threshold_words(found, is_kept=is_kept),
    ]


def _uneven(found: Measured) -> list[Finding]:
    """A warning for each group that carries far more of the false alarms than its size would."""
    return [
        Finding(
            f"Most false alarms come from {_group_name(found, each.group)}"
            if each.is_crowded
            else f"Confused more often than others: {_group_name(found, each.group)}",
            f"It is {words.percent(each.size)} of the strangers and {words.percent(each.portion)} of those closest to somebody: "
            "for people like these the true rate is far above the average. Keep strangers, and enrol more pictures, of that "
            "group, so that the correction by a cohort can level it out, and calibrate again; until then let a person look "
            "at every match there.",
            is_warning=True,
        )
        for each in found.groups
        if each.is_uneven
    ]


def _group_name(found: Measured, group: str) -> str:
    return f"the group {group}" if found.clusters is None else f"cluster {group} of alike strangers"


def _too_many(found: Measured) -> list[Finding]:
    if not found.strangers or found.now.fpir.low <= found.accepted:
        return []
    return [
        Finding(
            "More strangers are called by a name than you accept",
            f"{words.interval(found.now.fpir)} instead of {words.percent(found.accepted)}. "
            "Look first, on the page, whether they are strangers; the threshold becomes stricter once these scores count.",
            is_warning=True,
        )
    ]


def _faces_to_look_at(found: Measured) -> list[Finding]:
    made = []
    if found.look_alikes:
        headline = f"{words.counted(len(found.look_alikes), 'pair')} of people look alike"
        made.append(
            Finding(headline, "Their pictures are on the page. " + ALIKE.about.partition(". ")[2], is_warning=True)
        )
    if found.contradictions:
        amount = words.counted(len(found.contradictions), "picture contradicts", "pictures contradict")
        text = "Look at them on the page, and take out or replace what does not show the person well."
        made.append(Finding(f"{amount} the person's other pictures", text, is_warning=True))
    return made


def _too_few(found: Measured) -> list[Finding]:
    made = []
    if not found.genuine.people:
        made.append(
            Finding(
                "Nobody has two pictures",
                "So nothing can be said of how many known people are missed. Add a second and third picture of each with "
                "`people add` or in the browser; they also halve the misses.",
                is_warning=True,
            )
        )
    if not found.strangers:
        made.append(
            Finding(
                "No strangers were given",
                "Known people were held against each other instead, each as if not enrolled. That tells something, but "
                "only strangers may loosen the threshold: give --strangers with one picture of each of 300 or more people "
                "who pass your door and are not enrolled.",
            )
        )
    return made


def _threshold_words(found: Measured, *, is_kept: bool) -> Finding:
    before, after = words.number(found.now.threshold), words.number(found.then.threshold)
    stored = (
        "The result is stored; running servers follow at their next look."
        if is_kept
        else "Nothing was stored (--no-store)."
    )
    if before == after:
        return Finding(
            f"The threshold stays at {before}", f"It agrees with what was measured, as far as that can tell. {stored}"
        )
    way = "stricter" if found.then.threshold < found.now.threshold else "looser"
    verb = "becomes" if is_kept else "would become"
    return Finding(
        f"The threshold {verb} {way}: {after} instead of {before}",
        f"There {words.interval(found.then.fnir)} of known people's pictures are missed and {words.interval(found.then.fpir)} of "
        f"strangers are called by a name. {stored}",
    )


def rate_rows(found: Measured) -> list[dict[str, str]]:
    """The table of rates."""
    who = ("stranger", "strangers") if found.strangers else ("person", "people")
    return [
        {
            "rate": words.percent(point.rate),
            "threshold": words.number(point.threshold),
            "missed": words.missed(point),
            "told": words.told(point, *who),
        }
        for point in found.rates
    ]


def rates_note(found: Measured) -> str:
    """How the table is to be read."""
    return (
        "FNIR's interval holds for the rate, not for one threshold: it also covers where among so few strangers that threshold "
        f"may truly lie. {words.counted(found.genuine.people, 'person has', 'people have')} two or more pictures."
    )


def about_groups(*, is_labelled: bool) -> str:
    """How the bars are to be read."""
    first = (
        "Each sub-folder of the strangers is a group."
        if is_labelled
        else "No groups were given, so strangers were sorted by their faces alone (k-means, always the same for the same pictures); "
        "the pictures are each cluster's most typical ones. What such a cluster has in common is for you to see."
    )
    return (
        f"{first} The full bar is the share of the group that is called by a name at the threshold in force, with its 95 % interval. "
        f"The pale bar is the share of the group among the {CLOSEST} strangers closest to anybody: who would be next. "
        "With even treatment all bars of a kind are about equally long."
    )


def weak(model: str) -> list[str]:
    """For whom the model is weak, a paragraph each."""
    text = WEAK_OF_DLIB if model.startswith("dlib-resnet") else WEAK_OF_OTHERS
    return text.split("\n\n")


def method(found: Measured) -> list[str]:
    """How it was measured, a paragraph each."""
    refused = sum(map(len, found.refused.values()))
    reasons = ", ".join(f"{len(pictures)} {reason}" for reason, pictures in sorted(found.refused.items()))
    unusable = [f"{words.counted(refused, 'picture')} of strangers could not be used: {reasons}."] if refused else []
    return [*METHOD.split("\n\n"), *unusable, PRIVATE]


def lines(found: Measured, source: str, *, is_kept: bool) -> list[str]:
    """All of it for the command line."""
    made = [subtitle(found, source), ""]
    made += [
        f"At the threshold in force, {words.number(found.now.threshold)}:",
        f"  known people's pictures missed (FNIR)      {words.interval(found.now.fnir)}",
        f"  {'strangers called by a name' if found.strangers else 'called by another name   '} (FPIR)          {words.interval(found.now.fpir)}",
        "",
        "At a false alarm rate (FPIR) of:",
    ]
    made += [
        f"  {row['rate']:>6}  threshold {row['threshold']:>6}  missed {row['missed']}\n          {row['told']}"
        for row in rate_rows(found)
    ]
    made += ["", *_group_lines(found)]
    for each in findings(found, is_kept=is_kept):
        made += [("! " if each.is_warning else "- ") + each.headline, _wrapped(each.text)]
    made += ["", "For whom the model is weak:", *(_wrapped(paragraph) for paragraph in weak(found.model))]
    return made


def _wrapped(text: str) -> str:
    return fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _group_lines(found: Measured) -> list[str]:
    if not found.groups:
        return []
    kind = "group" if found.clusters is None else "cluster of alike strangers"
    rows = [
        f"  {each.group:<16.16} {each.fpir.people:>5} strangers  {words.interval(each.fpir):<26} {words.percent(each.closest.value)} are among the closest"
        for each in found.groups
    ]
    return [f"False alarms by {kind}:", *rows, ""]
