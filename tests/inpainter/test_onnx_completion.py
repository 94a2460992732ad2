"""ONNX files of other projects are understood by what they give back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from inpainter.onnx_completion import OnnxCompletion, OnnxInpainter
from pipeline import Pipeline
from tests.conformance.inpainter import InpainterConformance
from weights.base.errors import ConfigurationError, WeightsError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FLOAT, UINT8 = TensorProto.FLOAT, TensorProto.UINT8


def write(
    path: Path,
    inputs: Sequence[tuple[str, int, Sequence[Any]]],
    nodes: Sequence[Any],
    constants: dict[str, Any],
    output: int = FLOAT,
) -> Path:
    """Write a graph whose last node gives "result"."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info("result", output, None)],
        [numpy_helper.from_array(np.asarray(one), name) for name, one in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def node(kind: str, given: str, made: str, **attributes: Any) -> Any:
    return helper.make_node(kind, given.split(), [made], **attributes)


def lama(path: Path, side: Any = 64, swapped: bool = False, factor: float = 255.0) -> Path:
    """As LaMa is published: 0 to 1 in, 1 = missing, the known pixels put back, 0 to 255 out.

    The fill is a sigmoid of a convolution of the blanked picture and the mask.
    """
    random = np.random.default_rng(0)
    inputs = [("image", FLOAT, [1, 3, side, side]), ("mask", FLOAT, [1, 1, side, side])]
    nodes = [
        node("Sub", "one mask", "known"),
        node("Mul", "image known", "blank"),
        node("Concat", "blank mask", "both", axis=1),
        node("Conv", "both kernel", "painted", pads=[1, 1, 1, 1]),
        node("Sigmoid", "painted", "fill"),
        node("Mul", "fill mask", "inside"),
        node("Add", "inside blank", "completed"),
        node("Mul", "completed factor", "result"),
    ]
    constants = {
        "one": np.float32(1.0),
        "factor": np.float32(factor),
        "kernel": random.normal(size=(3, 4, 3, 3)).astype(np.float32),
    }
    return write(path, inputs[::-1] if swapped else inputs, nodes, constants)


def migan(path: Path) -> Path:
    """As MI-GAN's pipeline is published: bytes of any size, 255 = known; the fill is grey 77."""
    sides = ["batch", 3, "height", "width"]
    inputs = [("image", UINT8, sides), ("mask", UINT8, ["batch", 1, "height", "width"])]
    nodes = [
        node("Cast", "image", "picture", to=FLOAT),
        node("Cast", "mask", "known_255", to=FLOAT),
        node("Div", "known_255 white", "known"),
        node("Sub", "one known", "missing"),
        node("Mul", "picture known", "blank"),
        node("Mul", "missing grey", "fill"),
        node("Add", "blank fill", "completed"),
        node("Cast", "completed", "result", to=UINT8),
    ]
    values = {"white": 255.0, "one": 1.0, "grey": 77.0}
    constants = {name: np.float32(one) for name, one in values.items()}
    return write(path, inputs, nodes, constants, UINT8)


def tanh_network(path: Path) -> Path:
    """-1 to 1 both ways, 1 = missing, sides last, inputs of names that say nothing."""
    inputs = [("x", FLOAT, [1, 48, 48, 3]), ("y", FLOAT, [1, 48, 48, 1])]
    nodes = [
        node("Sub", "one y", "known"),
        node("Mul", "x known", "blank"),
        node("Sub", "blank half", "darker"),
        node("Tanh", "darker", "fill"),
        node("Mul", "fill y", "inside"),
        node("Add", "inside blank", "result"),
    ]
    return write(path, inputs, nodes, {"one": np.float32(1.0), "half": np.float32(0.5)})


def scene() -> tuple[np.ndarray, np.ndarray]:
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    hole = np.zeros((64, 64), np.bool_)
    hole[20:44, 16:40] = True
    return picture, hole


def plain(file: Path, **options: Any) -> OnnxInpainter:
    return OnnxInpainter(file, tone=False, grain=False, **options)


def test_lamas_file_is_understood(tmp_path: Path) -> None:
    file = lama(tmp_path / "lama.onnx")
    inpainter = plain(file)
    picture, hole = scene()
    (result,) = inpainter.complete([picture], [hole])
    network = inpainter.network
    assert network.convention == ((0.0, 1.0), (0.0, 255.0), (0.0, 1.0))
    assert inpainter.image_size == 64
    kernel = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 4, 3, 3))).float()
    blank = torch.from_numpy(picture / 255 * ~hole[..., None]).permute(2, 0, 1)[None].float()
    mask = torch.from_numpy(hole)[None, None].float()
    fill = torch.sigmoid(torch.conv2d(torch.cat([blank, mask], 1), kernel, padding=1))
    expected = (255 * fill[0].permute(1, 2, 0)).round().byte().numpy()
    apart = np.abs(result[hole].astype(int) - expected[hole])
    assert apart.max() <= 1
    np.testing.assert_array_equal(result[~hole], picture[~hole])


@pytest.mark.parametrize(("factor", "white"), [(1.0, 1.0), (255.0, 255.0)])
@pytest.mark.parametrize("swapped", [True, False])
def test_order_and_range_are_found(
    factor: float, white: float, swapped: bool, tmp_path: Path
) -> None:
    inpainter = plain(lama(tmp_path / "lama.onnx", 32, swapped, factor))
    network = inpainter.network
    assert (network.image_input, network.mask_input) == ("image", "mask")
    assert network.convention == ((0.0, 1.0), (0.0, white), (0.0, 1.0))


def test_migans_file_is_understood(tmp_path: Path) -> None:
    inpainter = plain(migan(tmp_path / "migan.onnx"), image_size=64)
    picture, hole = scene()
    (result,) = inpainter.complete([picture], [hole])
    network = inpainter.network
    assert network.convention == ((0.0, 255.0), (0.0, 255.0), (255.0, 0.0))
    assert network.side is None
    assert (result[hole] == 77).all()
    np.testing.assert_array_equal(result[~hole], picture[~hole])


def test_pictures_with_their_channels_last_in_minus_one_to_one(tmp_path: Path) -> None:
    network = plain(tanh_network(tmp_path / "tanh.onnx")).network
    assert (network.image_input, network.mask_input, network.side) == ("x", "y", 48)
    assert network.convention == ((-1.0, 1.0), (-1.0, 1.0), (0.0, 1.0))
    image, hole = torch.zeros(2, 3, 48, 48), torch.ones(2, 1, 48, 48)
    prediction = network(image, hole).prediction
    torch.testing.assert_close(prediction, torch.full_like(prediction, float(np.tanh(-0.5))))


def test_options_overrule_what_is_found(tmp_path: Path) -> None:
    file = lama(tmp_path / "lama.onnx", 32)
    network = plain(file, input_range=[0, 2], output_range=[0, 510], mask_values=[0, 1]).network
    assert network.convention == ((0.0, 2.0), (0.0, 510.0), (0.0, 1.0))
    given = OnnxCompletion(file, "mask", "image")
    assert (given.image_input, given.mask_input) == ("mask", "image")


def test_a_network_that_never_gives_known_pixels_back_asks_for_options(tmp_path: Path) -> None:
    inputs = [("image", FLOAT, [1, 3, 16, 16]), ("mask", FLOAT, [1, 1, 16, 16])]
    file = write(
        tmp_path / "odd.onnx",
        inputs,
        [node("Mul", "image zero", "black"), node("Add", "black mask", "result")],
        {"zero": np.float32(0.0)},
    )
    with pytest.raises(WeightsError, match="set input_range, output_range and mask_values"):
        _ = plain(file).network


def test_what_is_no_such_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="There is no ONNX file"):
        OnnxInpainter(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_bytes(b"no network")
    with pytest.raises(WeightsError, match="damaged or not an ONNX file") as told:
        _ = plain(tmp_path / "text.onnx").network
    assert "\n" not in str(told.value)
    one = write(
        tmp_path / "one.onnx", [("x", FLOAT, [1, 4, 16, 16])], [node("Neg", "x", "result")], {}
    )
    with pytest.raises(WeightsError, match="must take a picture and a mask, but takes x"):
        _ = plain(one).network
    alike = [(name, FLOAT, [1, "c", 16, 16]) for name in ("a", "b")]
    two = write(tmp_path / "two.onnx", alike, [node("Add", "a b", "result")], {})
    with pytest.raises(ConfigurationError, match="image_input and mask_input, of a and b"):
        _ = plain(two).network
    with pytest.raises(ConfigurationError, match="no input 'c'"):
        _ = plain(two, image_input="c").network
    with pytest.raises(ConfigurationError, match="two numbers"):
        plain(two, input_range=[1])


def test_onnx_runtime_is_kept_from_telling_its_maker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    OnnxCompletion(lama(tmp_path / "lama.onnx"))
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_the_pipeline_takes_a_file_by_the_name_onnx(tmp_path: Path) -> None:
    file = lama(tmp_path / "lama.onnx")
    pipeline = Pipeline(inpainter={"name": "onnx", "model": str(file)}, device="cpu")
    picture, hole = scene()
    result = pipeline.run([picture], [hole])[0].image
    assert (result[hole] != picture[hole]).mean() > 0.9
    np.testing.assert_array_equal(result[~hole], picture[~hole])


class TestConformance(InpainterConformance):
    @pytest.fixture(autouse=True)
    def _file(self, tmp_path: Path) -> None:
        self.file = lama(tmp_path / "lama.onnx", 32)

    def make(self) -> Any:
        return OnnxInpainter(self.file)
