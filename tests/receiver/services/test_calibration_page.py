"""The page is one well-formed file that asks nobody for anything, says what was found, and escapes what comes from outside."""

import base64
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from receiver.domain.evaluation import Told, Tries, alarms_by_group, at_rate
from receiver.services.calibration import telling, words
from receiver.services.calibration.measured import (
    Contradiction,
    KnownFace,
    LookAlikes,
    Measured,
    NearestScores,
    Operating,
    OwnScores,
    Stranger,
)
from receiver.services.calibration.page import PageParts, curves, page
from receiver.services.calibration.portraits import Portraits, portrait
from recognition.engine import Box, RecognitionError

EVIL = "<script>alert('x')</script>&\"'"
VOID = {"meta", "img", "br", "link", "input", "hr"}
BOX = Box(10, 20, 60, 70)


class Reader(HTMLParser):
    """Notes whether tags close in order, all attributes and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in {"style", "title"}:
            self.text.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


def found(*, strangers: int = 400, groups: bool = False) -> Measured:
    """Ten people with three pictures each and some strangers; drawn, and always the same."""
    random = np.random.default_rng(6)
    faces = [KnownFace(place + 1, place // 3 + 1, "staff", bytes([place]) * 32, BOX) for place in range(30)]
    owners = np.array([face.person_id for face in faces])
    scores = random.normal(0.4, 0.06, 30)
    far = np.full(30, 0.2)
    own = OwnScores(np.arange(30), owners, scores, scores, np.roll(owners, 3), far)
    others = NearestScores(owners, scores + 0.3, scores + 0.3, np.roll(owners, 3), far)
    lowest = np.sort(random.normal(0.7, 0.06, strangers))
    away = NearestScores(
        -np.arange(strangers) - 1, lowest, lowest, random.integers(1, 11, strangers), np.full(strangers, 0.2)
    )
    who = [Stranger(f"{EVIL}{place}.jpg", EVIL if groups and place % 2 else "", BOX) for place in range(strangers)]
    genuine = Tries(scores, owners)
    impostors = Tries(away.scores, away.owners) if strangers else Tries(others.scores, owners)
    now = Operating(0.55, impostors.below(0.55), genuine.above(0.55))
    labels = [each.group or "no group" for each in who]
    return Measured(
        made_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
        model="dlib-resnet-v1",
        scoring="plain",
        accepted=0.01,
        people=10,
        faces=faces,
        own=own,
        others=others,
        strangers=who,
        apart=away,
        refused={"no_face": ["a", "b"]},
        genuine=genuine,
        impostors=impostors,
        now=now,
        then=replace(now, threshold=0.5),
        rates=[at_rate(genuine, impostors, rate) for rate in (0.01, 0.001)],
        groups=alarms_by_group(impostors, labels if groups else ["1", "2"] * (strangers // 2), 0.55)
        if strangers
        else (),
        clusters=None if groups else np.arange(strangers) % 2,
        embeddings=random.normal(size=(strangers, 128)).astype(np.float32),
        look_alikes=[LookAlikes((1, 2), 1, 0.44)],
        contradictions=[Contradiction(4, 0.7, 0.58, 5), Contradiction(8, 0.6, 0.58, None)],
    )


def written(measured: Measured, name: str = EVIL, *, is_kept: bool = True) -> str:
    names = {person: f"{name}{person}" for person in range(1, 11)}
    parts = PageParts(names, lambda _face: "data:image/jpeg;base64,AA==", "folder of strangers", is_kept=is_kept)
    return page(measured, b"\x89PNG", parts)


@pytest.mark.parametrize("measured", [found(), found(groups=True)], ids=["clusters", "groups"])
def test_the_page_is_well_formed_and_escapes_names_files_and_groups(measured: Measured) -> None:
    text = written(measured)
    reader = read(text)
    assert "script" not in reader.tags
    assert f"{EVIL}1" in "".join(reader.text)
    assert [value for name, value in reader.attributes if name == "alt" and EVIL in value]
    assert not [name for name, _ in reader.attributes if name.startswith("on")]


def test_the_page_asks_nobody_for_anything() -> None:
    reader = read(written(found()))
    sources = [value for name, value in reader.attributes if name in {"src", "href", "action", "srcset"}]
    assert sources
    assert all(value.startswith("data:image/") for value in sources)
    assert "url(" not in written(found())


def test_the_page_has_the_figures_that_were_measured() -> None:
    measured = found()
    text = " ".join("".join(read(written(measured)).text).split())
    for share in (measured.now.fnir, measured.now.fpir):
        assert words.percent(share.value) in text
        assert words.ends(share) in text
    assert "0.550" in text
    assert "It takes 2 995 strangers" in text
    assert "East and South-East Asian" in text
    assert "children" in text
    assert "2 no_face" in text


def test_both_peoples_pictures_stand_beside_each_other_and_the_one_in_question_is_marked() -> None:
    text = written(replace(found(strangers=0), contradictions=()), name="n")
    (pair,) = re.findall(r'<div class="pair">.*?</p>\s*</div>\s*(?=</div>)', text, re.DOTALL)
    assert len(re.findall(r"<img ", pair)) == 6
    assert re.findall(r'title="([^"]*)" class="marked"', pair) == ["n1, face 2"]


def test_what_is_more_than_a_sitting_is_counted() -> None:
    measured = replace(found(), look_alikes=[LookAlikes((1, 2), 1, 0.44)] * 30)
    assert "6 more are not shown." in "".join(read(written(measured)).text)


def test_nothing_to_look_at_is_said_too() -> None:
    measured = replace(found(), look_alikes=(), contradictions=())
    text = "".join(read(written(measured)).text)
    assert telling.ALIKE.none in text
    assert telling.CONTRADICTING.none in text


def test_the_curves_are_a_picture_of_their_size() -> None:
    with Image.open(io.BytesIO(curves(found()))) as image:
        assert (image.format, image.size) == ("PNG", (1560, 1365))
        assert len(image.convert("RGB").getcolors(1_000_000) or []) > 20


@pytest.mark.parametrize("kind", ["no strangers", "no known", "never matched", "few"])
def test_curves_and_page_are_made_of_little_too(kind: str) -> None:
    measured = found(strangers={"no strangers": 0, "few": 2}.get(kind, 400))
    nobody = Tries(np.empty(0), np.empty(0, np.int64))
    if kind == "no known":
        empty = OwnScores(*(np.empty(0, np.int64) if i in {0, 1, 4} else np.empty(0) for i in range(6)))  # type: ignore[arg-type]
        point = at_rate(nobody, measured.impostors, 0.01)
        now = Operating(0.5, measured.impostors.below(0.5), nobody.above(0.5))
        measured = replace(measured, own=empty, genuine=nobody, rates=[point], now=now, then=now)
    if kind == "never matched":
        impostors = Tries(np.full(400, np.inf), np.arange(400))
        measured = replace(measured, impostors=impostors, rates=[at_rate(measured.genuine, impostors, 0.01)])
    assert curves(measured).startswith(b"\x89PNG")
    reader = read(written(measured))
    assert "nan" not in " ".join(reader.text).split()


def test_an_uneven_group_is_warned_of_with_what_to_do() -> None:
    measured = found(groups=True)
    crowded = replace(measured.groups[0], size=0.1, portion=0.8, is_uneven=True)
    (first, *_) = telling.findings(replace(measured, groups=[crowded]), is_kept=True)
    assert first.is_warning
    assert first.headline.startswith("Most false alarms come from the group")
    assert "80 %" in first.text
    assert "let a person look" in first.text
    (first, *_) = telling.findings(replace(measured, groups=[replace(crowded, portion=0.4)]), is_kept=True)
    assert first.headline.startswith("Confused more often")


def test_the_command_says_what_the_strangers_cannot_tell() -> None:
    text = "\n".join(telling.lines(found(), "folder of strangers", is_kept=False))
    assert "400 strangers cannot tell" in text
    assert "at least" in text
    assert "Nothing was stored" in text
    assert "Rests on the" in text


def test_of_another_model_nothing_is_claimed() -> None:
    text = " ".join(telling.weak("somebody-else"))
    assert "Nothing is known" in text
    assert "12.3" not in text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.01, "1 %"),
        (0.123, "12.3 %"),
        (0.0027, "0.27 %"),
        (0.001, "0.1 %"),
        (0.061, "6.1 %"),
        (float("nan"), "-"),
    ],
)
def test_shares_are_written_short(share: float, text: str) -> None:
    assert words.percent(share) == text


def test_a_rate_that_is_well_founded_says_so() -> None:
    strangers = Tries(np.linspace(0.5, 1, 5000), np.arange(5000))
    point = at_rate(Tries(np.linspace(0.2, 0.6, 50), np.arange(50)), strangers, 0.01)
    assert point.told is Told.WELL
    assert words.told(point, "stranger", "strangers") == "Well founded: 5\u2009000 strangers."


def opened(uri: str) -> Image.Image:
    kind, _, data = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_portrait_is_the_square_around_the_face_also_at_the_edge() -> None:
    rgb = np.zeros((100, 80, 3), np.uint8)
    rgb[30:50, 20:40] = (250, 10, 10)
    image = opened(portrait(rgb, Box(20, 30, 40, 50)))
    assert image.size == (112, 112)
    assert image.getpixel((56, 56)) == pytest.approx((250, 10, 10), abs=12)
    assert image.getpixel((2, 2)) == pytest.approx((0, 0, 0), abs=12)
    corner = opened(portrait(rgb, Box(0, 0, 20, 20)))
    assert corner.getpixel((2, 2)) == pytest.approx((226, 229, 233), abs=8)


def test_a_picture_that_is_gone_or_broken_leaves_its_place_empty() -> None:
    def broken(_data: bytes) -> np.ndarray:
        raise RecognitionError("truncated")

    known, stranger = KnownFace(1, 1, "staff", b"d", BOX), Stranger("gone.jpg", "", BOX)
    assert Portraits(broken, lambda _digest: b"data", None).of(known) == ""
    assert Portraits(broken, lambda _digest: None, None).of(known) == ""
    assert Portraits(broken, lambda _digest: None, None).of(stranger) == ""
    text = page(found(), b"", PageParts({}, lambda _face: "", "", is_kept=True))
    assert "picture gone" in "".join(read(text).text)
