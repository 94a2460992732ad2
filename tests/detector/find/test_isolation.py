"""What using the detector leaves behind: nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.train.detector import TrainedDetector

ROOT = Path(__file__).parents[3]

_DENY_NETWORK = """
import socket

def _refuse(*arguments, **options):
    raise AssertionError("the network was asked for something")

socket.getaddrinfo = _refuse
socket.socket.connect = _refuse
socket.socket.connect_ex = _refuse
"""

_STATE = """
import logging
import os
import warnings

import cv2
import numpy as np
import PIL.Image
import torch
import torchvision.ops


def state():
    return {
        "environment": dict(os.environ),
        "functions": (torch.save, PIL.Image.open, cv2.imread, cv2.imwrite, cv2.imshow),
        "numpy": np.get_printoptions(),
        "torch": dict(vars(torch._tensor_str.PRINT_OPTS)),
        "filters": list(warnings.filters),
        "threads": (cv2.getNumThreads(), torch.get_num_threads()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "root handlers": list(logging.getLogger().handlers),
        "levels": [logging.getLogger(name).level for name in ("sentry_sdk", "coremltools")],
    }


def difference(name):
    if isinstance(before[name], dict):
        keys = {*before[name], *after[name]}
        return {
            key: (before[name].get(key), after[name].get(key))
            for key in keys
            if before[name].get(key) != after[name].get(key)
        }
    return name, before[name], after[name]


before = state()
"""

_CHECK = """
after = state()
assert before == after, [difference(name) for name in before if before[name] != after[name]]
"""


def _run(program: str, home: Path) -> subprocess.CompletedProcess[str]:
    home.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("YOLO_", "XDG_", "ULTRALYTICS"))
    }
    return subprocess.run(
        [sys.executable, "-c", _DENY_NETWORK + program],
        cwd=ROOT,
        env={**kept, "HOME": str(home), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_detecting_leaves_no_trace(trained: TrainedDetector, tmp_path: Path) -> None:
    program = f"""
{_STATE}
from detector import YoloMaskDetector

detector = YoloMaskDetector({str(trained.weights)!r}, 0.01, 64, "cpu")
detector.detect([np.full((40, 60, 3), 90, np.uint8)])
{_CHECK}
import ultralytics
assert not ultralytics.utils.ONLINE
assert not ultralytics.settings["sync"]
ultralytics.settings.update({{"vscode_msg": True}})
"""
    home = tmp_path / "home"
    done = _run(program, home)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr == ""
    assert list(home.rglob("*")) == []


def test_training_asks_nobody_and_draws_its_curves(blob_data: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    program = f"""
{_STATE}
from detector import train_detector

train_detector(
    {str(blob_data)!r}, {str(output)!r}, recipe="cpu", image_size=64, epochs=1, batch=4,
    device="cpu"
)
after = state()
for name in ("environment", "functions", "numpy", "torch", "threads", "deterministic", "levels"):
    assert before[name] == after[name], difference(name)
"""
    home = tmp_path / "home"
    done = _run(program, home)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    # On a slow machine Matplotlib says that it makes its list of fonts.
    assert [line for line in done.stderr.splitlines() if "font cache" not in line] == []
    # Matplotlib keeps its list of fonts there, as it does for whoever uses it.
    assert {path.name for path in home.glob("*/*")} <= {"matplotlib"}
    for name in ("results.png", "train_batch0.jpg", "train.log", "detector.safetensors"):
        assert (output / name).is_file()


def test_importing_the_package_loads_no_heavy_library() -> None:
    program = (
        "import sys, detector; from detector import MaskRegion; "
        "assert not {'torch', 'ultralytics', 'torchvision'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_importing_the_detector_loads_no_torch() -> None:
    program = (
        "import sys; from detector import YoloMaskDetector, train_detector, evaluate_detector; "
        "YoloMaskDetector(); assert not {'torch', 'ultralytics'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
