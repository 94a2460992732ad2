"""The shipped networks find the same holes and paint the same faces, whatever computes them."""

from __future__ import annotations

import numpy as np
import pytest

from examples.astronaut import masked_astronaut
from pipeline import Pipeline

pytest.importorskip("onnxscript", reason="onnxscript, which torch.onnx needs, is not installed")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("UNMASK_HOME", raising=False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def by(backend):
    return Pipeline(
        detector={"name": "yolo", "backend": backend},
        inpainter={"name": "gated", "backend": backend},
        device="cpu",
    )


@pytest.fixture(scope="module")
def expected():
    scene, _ = masked_astronaut()
    small = np.ascontiguousarray(scene[::2, ::2])
    return [(picture, by("torch").run([picture])[0]) for picture in (scene, small)]


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_holes_and_fills_are_those_of_torch(backend, expected) -> None:
    pytest.importorskip(backend)
    pipeline = by(backend)
    # The larger face is painted with detail.
    for picture, wanted in expected:
        assert wanted.hole.any()
        found = pipeline.run([picture])[0]
        shared = np.count_nonzero(found.hole & wanted.hole)
        assert shared >= 0.999 * np.count_nonzero(found.hole | wanted.hole)
        given = pipeline.run([picture], [wanted.hole])[0]
        same_hole = by("torch").run([picture], [wanted.hole])[0]
        difference = np.abs(given.image.astype(int) - same_hole.image)
        assert difference[wanted.hole].mean() <= 1.0
        assert difference[~wanted.hole].max() == 0
