"""The programs of `examples/onnx` take masks off by an exported folder, without unmask."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from examples.astronaut import masked_astronaut
from pipeline.apps.onnx_bundle import DESCRIPTION, export_bundle
from weights.base.errors import ExistsError
from weights.base.onnx_export import load_onnx_runtime
from weights.catalog.digest import file_sha256

EXAMPLES = Path(__file__).parents[2] / "examples" / "onnx"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return export_bundle(tmp_path_factory.mktemp("bundle"), image_size=320).folder


@pytest.fixture(scope="module")
def scene():
    photo, mask = masked_astronaut("surgical", 10)
    small = PIL.Image.fromarray(photo).resize((320, 320))
    return np.asarray(small), np.asarray(PIL.Image.fromarray(mask).resize((320, 320)))


def run(program, folder, bundle, scene, source, target):
    PIL.Image.fromarray(scene[0]).save(folder / source)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [*program, bundle, source, target],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    result = np.asarray(PIL.Image.open(folder / target))
    return result, int(done.stdout.split()[0])


def check(result, filled, scene):
    """The mask was filled, with skin in place of its pale cloth, and little else was touched."""
    photo, mask = scene
    changed = (result != photo).any(axis=2)
    assert changed[mask].mean() > 0.9
    assert changed.sum() <= filled < 1.6 * mask.sum()
    y, x = (int(np.mean(at)) for at in np.nonzero(mask))
    red, _, blue = result[y - 5 : y + 5, x - 30 : x + 30].mean(axis=(0, 1))
    assert red > blue + 25


def test_the_json_says_how_the_files_go_together(bundle):
    said = json.loads((bundle / DESCRIPTION).read_text(encoding="utf-8"))
    for part, side in (("detector", 320), ("inpainter", 256)):
        assert said[part]["sha256"] == file_sha256(bundle / said[part]["file"])
        assert said[part]["image_size"] == side
    assert said["crop"] == {"context": 1.6, "lift": 0.1}
    assert "guess" in said["notice"]
    with pytest.raises(ExistsError, match="--overwrite"):
        export_bundle(bundle)


def test_what_a_hole_hides_does_not_change_its_fill(bundle):
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (2, 1, 256, 256, 3), dtype=np.uint8)
    hole = np.zeros((1, 256, 256), np.uint8)
    hole[:, 100:200, 60:180] = 255
    pictures[1][hole == 0] = pictures[0][hole == 0]
    session = load_onnx_runtime().InferenceSession(bundle / "inpainter.onnx")
    one, two = (session.run(None, {"image": image, "hole": hole})[0] for image in pictures)
    assert np.array_equal(one, two)


def test_the_program_in_python(bundle, scene, tmp_path):
    program = [sys.executable, "-P", EXAMPLES / "unmask_photo.py"]
    check(*run(program, tmp_path, bundle, scene, "photo.png", "result.png"), scene)


def test_the_program_in_javascript(bundle, scene, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    program = EXAMPLES / "unmask_photo.mjs"
    looked = subprocess.run(
        [node, "-e", "require.resolve('onnxruntime-node')"],
        cwd=EXAMPLES,
        capture_output=True,
        check=False,
    )
    if looked.returncode != 0:
        pytest.skip(
            "onnxruntime-node is not installed: npm install, and NODE_PATH names its folder"
        )
    check(*run([node, program], tmp_path, bundle, scene, "photo.ppm", "result.ppm"), scene)
