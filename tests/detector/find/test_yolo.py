from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import torch

from detector.find.architecture import DetectorConfiguration, build_network
from detector.find.verifier import PROPOSAL_CONFIDENCE
from detector.find.weight_file import load_detector, save_detector
from detector.find.yolo import YoloMaskDetector
from tests.detector.blobs import draw_blob_picture
from weights.base.errors import InputError, WeightsError
from weights.base.regions import MaskRegion

if TYPE_CHECKING:
    from pathlib import Path

    from detector.train.detector import TrainedDetector


@pytest.fixture(scope="module")
def detector(trained: TrainedDetector) -> YoloMaskDetector:
    return YoloMaskDetector(trained.weights, 1e-5, 64, "cpu", confirmation=None)


def pictures() -> list[np.ndarray]:
    random = np.random.default_rng(3)
    plain = [draw_blob_picture(random)[0] for _ in range(3)]
    return [
        plain[0],
        cv2.resize(plain[1], (150, 90)),
        cv2.resize(plain[2], (37, 61)),
        np.full((1, 1, 3), 200, np.uint8),
        np.full((3, 400, 3), 20, np.uint8),
    ]


def test_regions_are_of_the_pictures_size(detector: YoloMaskDetector) -> None:
    found = detector.detect(pictures())
    assert len(found) == 5
    assert any(found)
    for picture, regions in zip(pictures(), found, strict=True):
        height, width = picture.shape[:2]
        scores = [region.score for region in regions]
        assert scores == sorted(scores, reverse=True)
        for region in regions:
            assert region.mask.shape == (height, width)
            assert region.mask.any()
            assert region.label == "mask"
            x0, y0, x1, y1 = region.box
            assert 0 <= x0 <= x1 <= width
            assert 0 <= y0 <= y1 <= height


def test_batch_gives_what_single_pictures_give(detector: YoloMaskDetector) -> None:
    batch = detector.detect(pictures() * 2)
    single = [detector.detect([picture])[0] for picture in pictures()] * 2
    assert [len(regions) for regions in batch] == [len(regions) for regions in single]
    for many, one in zip(batch, single, strict=True):
        for first, second in zip(many, one, strict=True):
            assert first.score == pytest.approx(second.score, abs=1e-5)
            assert first.box == pytest.approx(second.box, abs=1e-2)
            assert np.count_nonzero(first.mask != second.mask) <= 0.002 * first.mask.size


def test_file_and_memory_detect_the_same(
    detector: YoloMaskDetector, trained: TrainedDetector
) -> None:
    network, configuration = load_detector(trained.weights)
    in_memory = YoloMaskDetector.from_network(network, configuration, 1e-5, 64, "cpu")
    for first, second in zip(
        detector.detect(pictures()), in_memory.detect(pictures()), strict=True
    ):
        assert [region.score for region in first] == [region.score for region in second]
        for one, other in zip(first, second, strict=True):
            assert np.array_equal(one.mask, other.mask)
    assert any("bn" in name for name, _ in network.named_modules()), "the given network is fused"


@pytest.mark.parametrize(
    "configuration",
    [
        DetectorConfiguration("yolo26n-seg", 64, ("mask",), True),
        DetectorConfiguration("yolo26n-seg", 64, ("mask",), False),
        DetectorConfiguration("yolo11n-seg", 64, ("mask", "shield")),
    ],
    ids=["one-to-one", "one-to-many", "two-classes"],
)
def test_every_head_survives_writing(configuration: DetectorConfiguration, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(configuration)
    _wake(network)
    path = save_detector(network, configuration, tmp_path / "w.safetensors")
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(value.half().float())
    picture = [np.random.default_rng(0).integers(0, 255, (80, 60, 3)).astype(np.uint8)]
    kept = YoloMaskDetector(path, 0.2, 64, "cpu", confirmation=None).detect(picture)[0]
    own = YoloMaskDetector.from_network(network.eval(), configuration, 0.2, 64, "cpu")
    expected = own.detect(picture)[0]
    assert kept
    assert [region.score for region in kept] == [region.score for region in expected]
    assert {region.label for region in kept} <= set(configuration.class_names)
    for one, other in zip(kept, expected, strict=True):
        assert np.array_equal(one.mask, other.mask)


def test_what_fills_a_picture_is_looked_at_smaller_too(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = DetectorConfiguration("yolo26n-seg", 64)
    detector = YoloMaskDetector.from_network(
        build_network(configuration), configuration, image_size=128, device="cpu"
    )
    detector.confirmation = KeepsAll()  # type: ignore[assignment]
    looks: list[tuple[int, int]] = []

    def look(images: list[np.ndarray], size: int, confidence: float) -> list[list[MaskRegion]]:
        assert confidence == PROPOSAL_CONFIDENCE
        looks.append((len(images), size))
        regions = []
        for image in images:
            mask = np.zeros(image.shape[:2], bool)
            mask[: 60 if size == 64 else 50, : image.shape[1] - 20] = True
            regions.append([MaskRegion.from_mask(mask, 0.9 if size == 64 else 0.5)])
        return regions

    monkeypatch.setattr(detector, "_look", look)
    near, far = np.zeros((80, 80, 3), np.uint8), np.zeros((400, 60, 3), np.uint8)
    [[large], [small]] = detector.detect([near, far])
    assert looks == [(2, 128), (1, 64)]
    assert (large.score, small.score) == (0.9, 0.5)


class KeepsAll:
    """Stands in for a confirmation that doubts nothing."""

    def load(self) -> None:
        pass

    def confirm(
        self, images: list[np.ndarray], found: list[list[MaskRegion]], confidence: float
    ) -> list[list[MaskRegion]]:
        return found


def _wake(network: Any) -> None:
    """Raise the class scores of a fresh network, which finds nothing otherwise."""
    head = network.model[-1]
    for branch in (head.cv3, getattr(head, "one2one_cv3", None) or ()):
        for level in branch:
            torch.nn.init.normal_(level[-1].weight, 0.0, 1.0)
            torch.nn.init.zeros_(level[-1].bias)


def test_blank_pictures_have_no_masks(trained: TrainedDetector) -> None:
    detector = YoloMaskDetector(trained.weights, image_size=64, device="cpu")
    blank = [np.full((64, 64, 3), value, np.uint8) for value in (0, 75, 255)]
    assert detector.detect(blank) == [[], [], []]
    assert detector.detect([]) == []


def test_threads_share_one_network(trained: TrainedDetector) -> None:
    detector = YoloMaskDetector(trained.weights, 0.001, 64, "cpu")
    seen: list[Any] = []
    results: list[list[float]] = []

    def use() -> None:
        seen.append(detector._ready()[0])
        results.append([region.score for region in detector.detect(pictures()[:1])[0]])

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(network) for network in seen}) == 1
    assert all(result == results[0] for result in results)


def test_another_confidence_shares_the_networks(detector: YoloMaskDetector) -> None:
    usual = [region.score for region in detector.detect(pictures()[:1])[0]]
    middle = usual[len(usual) // 2]
    other = detector.with_confidence(middle)
    assert other._ready()[0] is detector._ready()[0]
    found = other.detect(pictures()[:1])[0]
    assert [region.score for region in found] == [score for score in usual if score >= middle]
    assert (detector.confidence, other.confidence) == (1e-5, middle)
    with pytest.raises(InputError, match="confidence must be above 0"):
        detector.with_confidence(0.0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"confidence": 0.0}, "confidence must be above 0"),
        ({"confidence": 1.1}, "confidence must be above 0"),
        ({"image_size": 100}, "multiple of 32"),
        ({"image_size": 64.0}, "multiple of 32"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        YoloMaskDetector(**options)


@pytest.mark.parametrize("name", ["best.pt", "MODEL.PTH"])
def test_pickles_are_refused_before_they_are_opened(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"is a pickle.*save_detector"):
        YoloMaskDetector(tmp_path / name)
    with pytest.raises(WeightsError, match="pickle"):
        YoloMaskDetector(confirmation=tmp_path / name)


def test_wrong_files_and_pictures_are_refused(tmp_path: Path, detector: YoloMaskDetector) -> None:
    with pytest.raises(WeightsError, match="absent"):
        YoloMaskDetector(tmp_path / "absent.safetensors").load()
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not tensors at all")
    with pytest.raises(WeightsError, match="not a safetensors file"):
        YoloMaskDetector(broken).load()
    with pytest.raises(InputError, match="image 1 must be a uint8 RGB array"):
        detector.detect([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8)])
