"""Exported networks complete pictures as the networks do, or nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inpainter import create_model, list_models
from inpainter.export import export_inpainter, write_onnx
from inpainter.networks.base import CompletionNetwork
from inpainter.weight_files import save_completion_network
from tests.inpainter.networks.test_networks import SMALL, sample, small
from weights.base.errors import ConfigurationError, InputError, OutputError, WeightsError

if TYPE_CHECKING:
    from pathlib import Path

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnxscript", reason="onnxscript, which torch.onnx needs, is not installed")

ONE_AT_A_TIME = {"comodgan"}


def saved(name: str, folder: Path, **options) -> Path:
    torch.manual_seed(0)
    file = folder / "network.safetensors"
    network = create_model(name, **options)
    save_completion_network(
        network, file, name=name, options=options, input_size=32, overwrite=True
    )
    return file


@pytest.mark.parametrize("name", list_models())
def test_every_network_is_written_and_agrees(name: str, tmp_path: Path) -> None:
    # Weights that are sums of several in training are merged.
    training_form = {"branches": 4} if name == "migan" else {}
    weights = saved(name, tmp_path, **SMALL[name], **training_form)
    exported = export_inpainter(name, tmp_path / "network.onnx", weights=weights)
    assert exported.path.stat().st_size == exported.bytes
    if name == "migan":
        learned = sum(one.numel() for one in small(name).parameters())
        assert 4 * learned < exported.bytes < 4 * learned + 400_000
    assert exported.any_batch is (name not in ONE_AT_A_TIME)
    assert exported.difference < 2e-3


def test_bytes_go_in_and_come_out(tmp_path: Path) -> None:
    weights = saved("gated", tmp_path, **SMALL["gated"])
    file = tmp_path / "network.onnx"
    exported = export_inpainter("gated", file, weights=weights, image_size=64, as_bytes=True)
    assert exported.difference <= 1.0
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (2, 64, 64, 3), np.uint8)
    hole = np.zeros((2, 64, 64), np.uint8)
    hole[:, 20:40, 20:40] = 255
    (completed,) = session.run(None, {"image": pixels, "hole": hole})
    assert np.array_equal(completed[hole == 0], pixels[hole == 0])
    assert (completed[hole > 0] != pixels[hole > 0]).any()
    meta = session.get_modelmeta().custom_metadata_map
    assert meta["image_size"] == "64"
    assert "uint8" in meta["input"] and "never evidence" in meta["task"]


class NoCounterpart(CompletionNetwork):
    """Sorts by a function of Python, which ONNX knows nothing of."""

    def paint(self, image: Tensor, hole: Tensor) -> tuple[Tensor | None, Tensor]:
        return None, torch.special.bessel_j0(image) * hole


def test_operators_without_counterpart_are_said_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "network.onnx"
    with pytest.raises(ConfigurationError, match="cannot be written as ONNX") as caught:
        write_onnx(NoCounterpart(), file, name="odd", side=8)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_difference_too_large_leaves_nothing(tmp_path: Path) -> None:
    weights = saved("unet", tmp_path, **SMALL["unet"])
    with pytest.raises(WeightsError, match="nothing was written"):
        export_inpainter("unet", tmp_path / "unet.onnx", weights=weights, tolerance=-1.0)
    assert [path.name for path in tmp_path.iterdir()] == [weights.name]


@pytest.mark.parametrize("method", ["__init__", "run"])
def test_what_onnx_runtime_cannot_do_is_said_and_nothing_is_left(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_, **__):
        raise RuntimeError("[ONNXRuntimeError] : 6 : broadcast 37 by 38\nmore")

    monkeypatch.setattr(onnxruntime.InferenceSession, method, fail)
    with pytest.raises(ConfigurationError, match=r"ONNX Runtime cannot .* 37 by 38\)"):
        write_onnx(small("unet"), tmp_path / "network.onnx", name="unet", side=32)
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_replaced_and_names_are_checked(tmp_path: Path) -> None:
    (tmp_path / "unet.onnx").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        export_inpainter("unet", tmp_path / "unet.onnx")
    with pytest.raises(InputError, match=r"\.onnx"):
        export_inpainter("unet", tmp_path / "unet.pt")
    with pytest.raises(InputError, match="1 or more"):
        export_inpainter("unet", tmp_path / "other.onnx", image_size=0)
    with pytest.raises(WeightsError, match="unmask train inpainter"):
        export_inpainter("unet", tmp_path / "other.onnx")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("telea", "without a network"),
        ("patchmatch", "without a network"),
        ("semantic", "searches the latents"),
        ("dcgan", "searches the latents"),
        ("gatet", "Did you mean 'gated'"),
    ],
)
def test_what_has_nothing_to_export_is_said(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=words):
        export_inpainter(name, tmp_path / "network.onnx")


@pytest.mark.parametrize("named", [[], ["--network", "unet"]])
def test_the_command_says_what_it_wrote(tmp_path: Path, capsys, named: list[str]) -> None:
    from pipeline.command_line import main

    weights = saved("unet", tmp_path, **SMALL["unet"])
    arguments = ["export", "inpainter", *named, "--weights", str(weights)]
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "-o", str(tmp_path / "unet.onnx"), "--image-size", "32"])
    assert stopped.value.code in (0, None)
    said = capsys.readouterr().out
    assert "differs by" in said and "unet.onnx" in said


def test_the_network_itself_is_not_changed(tmp_path: Path) -> None:
    network: nn.Module = small("gated").eval()
    image, hole = sample(1, 32, 32)
    before = network(image, hole).completed
    write_onnx(network, tmp_path / "gated.onnx", name="gated", side=32)
    assert torch.equal(network(image, hole).completed, before)
