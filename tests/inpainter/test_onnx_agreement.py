"""Networks that can be exported to ONNX paint there what they paint here."""

from __future__ import annotations

import pytest
import torch

from inpainter import list_models
from tests.inpainter.test_networks import SMALL, sample, small

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
pytest.importorskip("onnxscript", reason="onnxscript, which torch.onnx needs, is not installed")


class Prediction(torch.nn.Module):
    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        return self.network(image, hole).prediction


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in list_models() if name in SMALL])
def test_onnx_runtime_agrees(name: str, tmp_path) -> None:
    network = small(name).eval()
    image, hole = sample(1, 32, 32)
    file = tmp_path / "network.onnx"
    exported = torch.onnx.export(
        Prediction(network).eval(),
        (image, hole),
        dynamo=True,
        verbose=False,
        input_names=["image", "hole"],
        opset_version=network.onnx_opset,
    )
    exported.save(file)
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (painted,) = session.run(None, {"image": image.numpy(), "hole": hole.numpy()})
    with torch.inference_mode():
        expected = network(image, hole).prediction
    torch.testing.assert_close(torch.from_numpy(painted), expected, rtol=1e-3, atol=1e-4)
