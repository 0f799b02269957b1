"""Another embedding network is used as its description says, and a wrong description or network is refused by its fault."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import recognition
from recognition import embedder_files, embedders, models
from recognition.engine import MIRROR, RecognitionError
from tests.photos import ONE_MAN, TWO_FACES
from tests.recognition.conftest import Picture

SIDE, DIMENSION = 16, 12
Table = dict[str, Any]


def network(
    axes: tuple[int, ...] = (2, 3),
    shape: tuple[int | str, ...] = ("n", 3, SIDE, SIDE),
    weight: float = 1,
    *,
    words: bool = False,
    last: str = "Identity",
    rows: int | None = None,
) -> bytes:
    """A tiny network: the mean of each channel, as given to it, then its three numbers repeated; or the same in ``words``.

    ``last`` is done to the numbers; of ``rows`` only so many come out.
    """
    kind = TensorProto.FLOAT
    keep = numpy_helper.from_array(
        np.tile(np.eye(3, dtype=np.float32), (1, DIMENSION // 3)) * np.float32(weight), "keep"
    )
    nodes = [
        helper.make_node("ReduceMean", ["data"], ["means"], axes=list(axes), keepdims=0),
        helper.make_node("MatMul", ["means", "keep"], ["numbers"]),
        helper.make_node(last, ["numbers"], ["last"]),
        helper.make_node("Slice", ["last", "first", "end"], ["some"]),
        helper.make_node("Cast", ["some"], ["embedding"], to=TensorProto.STRING if words else kind),
    ]
    bounds = [
        numpy_helper.from_array(np.array([number], np.int64), name)
        for name, number in (("first", 0), ("end", rows or np.iinfo(np.int32).max))
    ]
    source = helper.make_tensor_value_info("data", kind, list(shape))
    target_kind = TensorProto.STRING if words else kind
    target = helper.make_tensor_value_info("embedding", target_kind, [shape[0], DIMENSION])
    graph = helper.make_graph(nodes, "tiny", [source], [target], [keep, *bounds])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def description(**changes: Any) -> Table:
    table: Table = {
        "id": "tiny",
        "dimension": DIMENSION,
        "metric": "euclidean",
        "input": {"width": SIDE, "height": SIDE, "layout": "nchw", "channels": "rgb", "mean": 0, "scale": 1},
        "alignment": {"points": [[5, 6], [11, 6], [8, 9]]},
    }
    for name, value in changes.items():
        part, _, key = name.rpartition("__")
        (table[part] if part else table)[key] = value
    return table


def written(table: Table) -> str:
    plain = [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
    parts = [
        line
        for name, values in table.items()
        if isinstance(values, dict)
        for line in (f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()))
    ]
    return "\n".join([*plain, *parts])


Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Puts a network and its description into a models folder, and gives the folder."""

    def put(table: Table, content: bytes | None = None, stem: str = "tiny") -> Path:
        content = network() if content is None else content
        (tmp_path / f"{stem}.onnx").write_bytes(content)
        whole = {"sha256": hashlib.sha256(content).hexdigest()} | table
        (tmp_path / f"{stem}.toml").write_text(written(whole), encoding="utf-8")
        return tmp_path

    return put


def refusal(folder: Path, model: str = "tiny") -> RecognitionError:
    with pytest.raises(RecognitionError) as refused:
        embedders.load(model, folder)
    return refused.value


def test_an_engine_embeds_with_the_model_that_is_named(put: Put, picture: Picture) -> None:
    engine = recognition.load_engine("onnx", put(description()), embedder="tiny")
    assert (engine.name, engine.model, engine.dimension) == ("onnx", "tiny", DIMENSION)
    larger, smaller = engine.sightings(picture(TWO_FACES))
    for sighting in (larger, smaller):
        assert sighting.model == "tiny"
        assert sighting.embedding.dtype == np.float32
        assert sighting.embedding.shape == (DIMENSION,)
        # A face's mean colour is that of its mirror image; it is reddish rather than blueish.
        assert sighting.mirrored == pytest.approx(sighting.embedding, rel=1e-4)
        assert sighting.embedding_for("tiny" + MIRROR) == pytest.approx(sighting.embedding, rel=1e-4)
        red, _, blue = sighting.embedding[:3]
        assert 20 < blue < red < 235
        assert "mirror_distance" not in sighting.quality.measures
    assert not np.allclose(larger.embedding, smaller.embedding, rtol=0.01)


def embedding(folder: Path, picture: Picture) -> np.ndarray:
    (sighting,) = recognition.load_engine("onnx", folder, embedder="tiny").sightings(picture(ONE_MAN[0]))
    return sighting.embedding


def test_channels_mean_and_scale_are_as_described(put: Put, picture: Picture) -> None:
    plain = embedding(put(description()), picture)
    turned = embedding(put(description(input__channels="bgr")), picture)
    assert turned == pytest.approx(plain[[2, 1, 0] * (DIMENSION // 3)], rel=1e-5)
    scaled = embedding(put(description(input__mean=[100, 110, 120], input__scale=0.5)), picture)
    assert scaled == pytest.approx((plain - np.tile([100, 110, 120], DIMENSION // 3)) / 2, abs=1e-3)


def test_a_network_that_wants_channels_last_gets_them_last(put: Put, picture: Picture) -> None:
    plain = embedding(put(description()), picture)
    last = network(axes=(1, 2), shape=("n", SIDE, SIDE, 3))
    assert embedding(put(description(input__layout="nhwc"), last), picture) == pytest.approx(plain, rel=1e-5)


def test_embeddings_compared_by_angle_have_unit_length(put: Put, picture: Picture) -> None:
    plain = embedding(put(description()), picture)
    unit = embedding(put(description(metric="cosine")), picture)
    assert float(np.linalg.norm(unit)) == pytest.approx(1)
    assert unit == pytest.approx(plain / np.linalg.norm(plain), rel=1e-5)


def test_a_network_that_takes_one_picture_at_a_time_gets_one(put: Put, picture: Picture) -> None:
    folder = put(description(), network(shape=(1, 3, SIDE, SIDE)))
    assert len(recognition.load_engine("onnx", folder, embedder="tiny").sightings(picture(TWO_FACES))) == 2


def test_the_ids_in_the_folder_are_listed_beside_dlibs_own(put: Put) -> None:
    folder = put(description())
    put(description(id="another"), stem="other-name")
    put(description(dimension=0), stem="broken")
    assert embedders.available(folder) == [models.DLIB_RESNET_V1, "another", "tiny"]
    assert embedders.load("another", folder).model == "another"


def test_an_empty_or_missing_folder_has_dlibs_own_only(tmp_path: Path) -> None:
    assert embedders.available(tmp_path) == [models.DLIB_RESNET_V1]
    assert embedders.available(tmp_path / "nowhere") == [models.DLIB_RESNET_V1]


def test_what_the_site_may_want_to_know_is_kept(put: Put) -> None:
    curve = [[0.5, 0.0001], [0.6, 0.005]]
    folder = put(description(licence="Apache-2.0", verification_threshold=0.55, false_matches=curve))
    file = embedder_files.described("tiny", folder)
    assert (file.licence, file.verification_threshold) == ("Apache-2.0", 0.55)
    assert file.false_matches == ((0.5, 0.0001), (0.6, 0.005))


def test_a_model_that_is_not_there_is_missing(put: Put) -> None:
    error = refusal(put(description()), "nobody")
    assert error.reason == "embedder_missing"
    assert "dlib-resnet-v1, tiny" in error.detail


def test_a_description_without_its_network_is_missing(put: Put) -> None:
    folder = put(description())
    (folder / "tiny.onnx").unlink()
    assert refusal(folder).reason == "embedder_missing"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "Tiny!"}, "id must be"),
        ({"id": models.DLIB_RESNET_V1}, "not dlib's own"),
        ({"id": 7}, "id must be a text"),
        ({"dimension": 1}, "dimension must be a whole number"),
        ({"dimension": True}, "dimension must be a whole number"),
        ({"metric": "manhattan"}, "metric must be euclidean or cosine"),
        ({"input": 3}, r"the table \[input\] is missing"),
        ({"input__width": 5000}, "input.width must be"),
        ({"input__layout": "chwn"}, "input.layout must be nchw or nhwc"),
        ({"input__channels": "grey"}, "input.channels must be rgb or bgr"),
        ({"input__mean": [1, 2]}, "input.mean must be a number"),
        ({"input__scale": "1"}, "input.scale must be a number"),
        ({"input__scale": 1e38}, "of at most 1000"),
        ({"input__mean": 10**400}, "of at most 1000"),
        ({"verification_threshold": 10**400}, "a number above 0"),
        ({"alignment": {"template": ["arcface-112"]}}, "template must be one of"),
        ({"input__depth": 8}, "input.depth is not known"),
        ({"alignment": {}}, "template must be there, or points are"),
        ({"alignment__template": "arcface-112"}, "and not both"),
        ({"alignment": {"template": "arcface-112"}}, "112 x 112"),
        ({"alignment": {"template": "mystery"}}, "template must be one of arcface-112"),
        ({"alignment__points": [[5, 6], [11, 6]]}, "three points"),
        ({"alignment__points": [[5, 6], [5, 6], [8, 9]]}, "the eyes apart"),
        ({"alignment__points": [[5, 6], [99, 6], [8, 9]]}, "inside the input"),
        ({"verification_threshold": -1}, "a number above 0"),
        ({"false_matches": [[0.5, 2]]}, "a share of 0 to 1"),
        ({"false_matches": [[0.5, 0.1], [0.4, 0.2]]}, "both rising"),
        ({"false_matches": 3}, "pairs of a distance"),
        ({"colour": "blue"}, "colour is not known"),
    ],
)
def test_a_wrong_description_says_what_is_wrong(changes: Table, said: str, put: Put) -> None:
    with pytest.raises(RecognitionError, match=said) as refused:
        embedder_files.read(put(description(**changes)) / "tiny.toml")
    assert refused.value.reason == "embedder_invalid"


@pytest.mark.parametrize("text", ["id = ", "id = 'a'\nid = 'b'", f"id = {'[' * 5000}{']' * 5000}"], ids=len)
def test_a_file_that_is_no_toml_is_refused_by_the_name_it_has(text: str, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(text, encoding="utf-8")
    error = refusal(tmp_path)
    assert error.reason == "embedder_invalid"
    assert "it cannot be read" in error.detail


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_bytes(b"\xff\xfe\x00")
    assert refusal(tmp_path).reason == "embedder_invalid"


@pytest.mark.parametrize(
    ("table", "content", "said"),
    [
        (description(), b"no network", "ONNX Runtime cannot load it"),
        (description(dimension=6), network(), "gives 12 numbers and not 6"),
        (description(), network(shape=(4, 3, SIDE, SIDE)), "takes 4 pictures at once"),
        (description(input__width=32), network(), "cannot be run"),
        (description(), network(weight=np.nan), "no numbers"),
        (description(), network(weight=1e37), "too large"),
        (description(), network(weight=0), "the same for different pictures"),
        (description(input__scale=0), network(), "the same for different pictures"),
        (description(), network(words=True), "output must be floats"),
        (description(sha256="0" * 64), network(), "SHA-256"),
    ],
    ids=["garbage", "dimension", "batch", "size", "nan", "too large", "constant", "scale 0", "words", "digest"],
)
def test_a_network_that_does_not_fit_its_description_is_refused(
    table: Table, content: bytes, said: str, put: Put
) -> None:
    error = refusal(put(table, content))
    assert error.reason == "embedder_invalid"
    assert said in error.detail


def test_a_network_that_fails_at_one_picture_only_gives_an_error_and_no_embedding(put: Put, picture: Picture) -> None:
    """The logarithm of how much darker than 200 it is; the chips that it is tried with are darker."""
    folder = put(description(input__mean=200, input__scale=-1), network(last="Log"))
    engine = recognition.load_engine("onnx", folder, embedder="tiny")
    with pytest.raises(RecognitionError, match="no numbers") as refused:
        engine.sightings(190 + picture(ONE_MAN[0]) // 4)
    assert refused.value.reason == "embedder_invalid"


def test_a_network_that_takes_two_chips_and_not_four_gives_an_error_and_no_embedding(
    put: Put, picture: Picture
) -> None:
    """It says that it takes any number, and is tried with two: two faces with their mirror images are four."""
    folder = put(description(), network(rows=2))
    engine = recognition.load_engine("onnx", folder, embedder="tiny")
    assert len(engine.sightings(picture(ONE_MAN[0]))) == 1
    with pytest.raises(RecognitionError, match="gives 6 numbers and not 12") as refused:
        engine.sightings(picture(TWO_FACES))
    assert refused.value.reason == "embedder_invalid"


def test_a_face_is_turned_and_scaled_onto_the_points_of_the_template() -> None:
    turn = 2 * np.exp(0.3j)
    template = embedder_files.TEMPLATES["arcface-112"]
    there = [complex(*point) * turn + (40 - 7j) for point in template]
    move = embedders.similarity([(point.real, point.imag) for point in there], template)
    for point, wanted in zip(there, template, strict=True):
        assert move @ [point.real, point.imag, 1] == pytest.approx(wanted)


NUMBERS = st.floats(-1000, 1000)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=3)


@given(here=POINTS, there=POINTS)
def test_a_similarity_never_mirrors_and_keeps_the_middle(
    here: list[tuple[float, float]], there: list[tuple[float, float]]
) -> None:
    move = embedders.similarity(here, there)
    assert move[0, 0] == pytest.approx(move[1, 1])
    assert move[0, 1] == pytest.approx(-move[1, 0])
    if np.ptp(here, axis=0).max() > 1e-3:
        assert move @ [*np.mean(here, axis=0), 1] == pytest.approx(np.mean(there, axis=0), abs=1e-3)


def test_five_points_give_the_middles_of_the_eyes_and_the_nose() -> None:
    points = ((90, 40), (70, 42), (20, 41), (40, 43), (55, 70))
    assert embedders.three_points(points) == ((30, 42), (80, 41), (55, 70))
