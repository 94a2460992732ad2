"""Networks for export find and draw landmarks as the pipeline does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut

from inpainter import create_model
from inpainter.data.landmark_map import landmark_map
from inpainter.export import export_inpainter
from inpainter.self_guided import SelfGuidedNetwork, draw_landmarks, self_guided
from inpainter.weight_files import save_completion_network
from tests.faces import canonical_landmarks
from tests.inpainter.networks.test_networks import SMALL
from weights.landmarks import FaceFrame, covered, shared_finder
from weights.landmarks.expressions import with_decided_mouth

if TYPE_CHECKING:
    from pathlib import Path

GUIDED = {**SMALL["gated"], "landmarks": True}


def guided_network():
    torch.manual_seed(0)
    network = create_model("gated", **GUIDED).eval()
    for name, weight in network.named_parameters():
        if "landmarks" in name or name.endswith("output.weight"):
            torch.nn.init.normal_(weight, std=0.3)
    return network


def face(angle: float = 0.0):
    crop = cv2.resize(astronaut()[20:220, 125:325], (256, 256), interpolation=cv2.INTER_CUBIC)
    turn = cv2.getRotationMatrix2D((128, 128), angle, 1.0)
    crop = cv2.warpAffine(crop, turn, (256, 256), borderMode=cv2.BORDER_REFLECT_101)
    hole = np.zeros((256, 256), bool)
    hole[140:225, 60:190] = True
    return crop, hole


def tensors(crop, hole):
    image = torch.from_numpy(crop.astype(np.float32) / 127.5 - 1.0).permute(2, 0, 1)[None]
    return image, torch.from_numpy(hole.astype(np.float32))[None, None]


@pytest.mark.parametrize("mirrored", [False, True])
def test_landmarks_are_drawn_as_in_training(mirrored: bool) -> None:
    points = canonical_landmarks(110.0, (60.0, 70.0)).astype(np.float64)
    if mirrored:
        points[:, 0] = 255 - points[:, 0]
    expected = landmark_map(points, 256).astype(np.float32) / 255.0
    drawn = draw_landmarks(torch.from_numpy(points).float()[None], 256)[0]
    difference = np.abs(drawn.permute(1, 2, 0).numpy() - expected)
    # Only antialiased edges differ.
    assert (difference.sum(axis=(0, 1)) < 0.15 * expected.sum(axis=(0, 1))).all()
    assert (difference > 0.6).mean() < 1e-3


@pytest.mark.parametrize("angle", [0.0, 20.0])
def test_landmarks_are_found_and_decided_as_by_the_pipeline(angle: float) -> None:
    crop, hole = face(angle)
    network = self_guided(guided_network())
    assert isinstance(network, SelfGuidedNetwork)
    patched = covered(crop, hole)
    with torch.no_grad():
        points, likely = network._landmarks(tensors(patched, hole)[0])
    found = shared_finder("default", "cpu", "torch").find_near(
        patched, FaceFrame.in_crop(128.0, 128.0, 256.0)
    )
    assert found.is_likely and likely.tolist() == [1.0]
    assert np.abs(points[0].numpy() - with_decided_mouth(found.points)).max() < 1.5


def test_no_landmarks_are_drawn_where_there_is_no_face() -> None:
    network = self_guided(guided_network())
    image, hole = tensors(np.full((256, 256, 3), 90, np.uint8), face()[1])
    with torch.no_grad():
        assert torch.equal(network(image, hole).prediction, network.network(image, hole).prediction)


def test_networks_that_take_no_landmarks_stay_as_they_are() -> None:
    network = create_model("gated", **SMALL["gated"])
    assert self_guided(network) is network


def test_exported_files_are_guided(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    network = guided_network()
    weights = tmp_path / "network.safetensors"
    save_completion_network(network, weights, name="gated", options=GUIDED, input_size=256)
    exported = export_inpainter("gated", tmp_path / "network.onnx", weights=weights)
    assert exported.any_batch and exported.difference < 0.01
    session = onnxruntime.InferenceSession(exported.path, providers=["CPUExecutionProvider"])
    assert [one.name for one in session.get_inputs()] == ["image", "hole"]
    image, hole = tensors(*face())
    [completed] = session.run(None, {"image": image.numpy(), "hole": hole.numpy()})
    with torch.no_grad():
        free = network(image, hole).completed.numpy()
        guided = self_guided(network)(image, hole).completed.numpy()
    assert np.abs(completed - guided).mean() < 1e-3 < 0.02 < np.abs(completed - free).mean()
