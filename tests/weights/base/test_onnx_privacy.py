"""An export tells nobody and leaves nothing: in a child process, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

ROOT = Path(__file__).parents[3]

PROGRAM = """
import socket
from pathlib import Path

def refuse(*arguments, **options):
    raise AssertionError(f"a host is looked up: {arguments}")

socket.getaddrinfo = socket.gethostbyname = refuse
socket.socket.connect = refuse
from inpainter.export import write_onnx
from inpainter.registry import create_model
network = create_model("unet", width=2).eval()
write_onnx(network, Path("network.onnx"), name="unet", side=64, tolerance=float("inf"))
"""


def test_an_export_writes_its_file_and_nothing_else(tmp_path):
    home, temporary, work = (tmp_path / name for name in ("home", "temporary", "work"))
    for folder in (home, temporary, work):
        folder.mkdir()
    hidden = {"CI", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=work, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in work.rglob("*")] == ["network.onnx"]
    assert list(home.rglob("*")) == [] and list(temporary.rglob("*")) == []
