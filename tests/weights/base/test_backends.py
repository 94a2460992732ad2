"""Torch, ONNX Runtime and OpenVINO compute the same of one network."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from weights.base import backends
from weights.base.backends import cache_folder, choose_backend, on_backend
from weights.base.errors import ConfigurationError, MissingDependencyError

if TYPE_CHECKING:
    from weights.base.backends import Backend

pytest.importorskip("onnxscript", reason="onnxscript, which torch.onnx needs, is not installed")

ROOT = Path(__file__).parents[3]
CPU = torch.device("cpu")

PROGRAM = """
import socket

def refuse(*arguments, **options):
    raise AssertionError(f"a host is looked up: {arguments}")

socket.getaddrinfo = socket.gethostbyname = refuse
socket.socket.connect = refuse
from weights.base.onnx_export import load_openvino
openvino = load_openvino()
assert "CPU" in openvino.Core().available_devices
import sys
assert "openvino_telemetry" not in sys.modules
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("UNMASK_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "unmask" / "exported"


class Split(torch.nn.Module):
    """Gives its features, and their means."""

    def __init__(self, weight: float = 0.5) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = torch.nn.Conv2d(3, 4, 3, padding=1)
        torch.nn.init.constant_(self.convolution.bias, weight)

    def forward(self, image):
        features = torch.relu(self.convolution(image))
        return features, features.mean(dim=(1, 2, 3))


def without(*names):
    return lambda name: None if name in names else find_spec(name)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_batches_of_any_size_give_what_torch_gives(backend: Backend, cache) -> None:
    pytest.importorskip(backend)
    network = Split().eval()
    compiled = on_backend(backend, network, CPU)
    for count, side in ((3, 16), (1, 16), (2, 24)):
        images = torch.rand(count, 3, side, side)
        with torch.inference_mode():
            features, means = network(images)
        found_features, found_means = compiled(images)
        assert found_features.shape == features.shape and found_means.shape == means.shape
        torch.testing.assert_close(found_features, features, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(found_means, means, atol=1e-5, rtol=1e-4)
    assert len(list(cache.glob("*.onnx"))) == 2
    assert len(list(cache.iterdir())) == 2


def test_a_network_is_exported_once_for_its_weights(cache, monkeypatch) -> None:
    pytest.importorskip("onnxruntime")
    images = torch.rand(1, 3, 16, 16)
    first = on_backend("onnxruntime", Split().eval(), CPU)(images)[0]
    other = on_backend("onnxruntime", Split(-0.5).eval(), CPU)(images)[0]
    assert not torch.allclose(first, other)
    assert len(list(cache.glob("*.onnx"))) == 2

    def refuse(*arguments, **options):
        raise AssertionError("it is exported again")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    again = on_backend("onnxruntime", Split().eval(), CPU)(images)[0]
    assert torch.equal(first, again)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch) -> None:
    pytest.importorskip("onnxruntime")
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    images = torch.rand(1, 3, 16, 16)
    network = Split().eval()
    found = on_backend("onnxruntime", network, CPU)(images)[0]
    torch.testing.assert_close(found, network(images)[0].detach(), atol=1e-5, rtol=1e-4)
    assert file.read_text() == ""


def test_exported_networks_lie_in_the_users_folder_where_there_is_one(tmp_path, monkeypatch):
    assert cache_folder() == tmp_path / "unmask" / "exported"
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / "exported"


def test_auto_takes_openvino_on_a_processor_that_has_it(monkeypatch) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: object())
    assert choose_backend("auto", CPU) == "openvino"
    assert choose_backend("auto", torch.device("cuda")) == "torch"
    monkeypatch.setattr(backends, "find_spec", without("openvino"))
    assert choose_backend("auto", CPU) == "torch"


def test_what_cannot_be_had_is_said(monkeypatch) -> None:
    with pytest.raises(ConfigurationError, match="openvino"):
        choose_backend("openvin", CPU)
    monkeypatch.setattr(backends, "find_spec", lambda name: object())
    with pytest.raises(ConfigurationError, match="runs on the CPU, not on 'cuda'"):
        choose_backend("openvino", torch.device("cuda"))
    monkeypatch.setattr(backends, "find_spec", without("openvino", "onnxscript"))
    with pytest.raises(MissingDependencyError, match=r"needs onnxscript, openvino: .*openvino\]"):
        choose_backend("openvino", CPU)
    with pytest.raises(MissingDependencyError, match=r"needs onnxscript: .*export\]"):
        choose_backend("onnxruntime", CPU)


def test_a_provider_that_is_not_installed_is_named() -> None:
    pytest.importorskip("onnxruntime")
    compiled = on_backend("onnxruntime", Split().eval(), torch.device("mps"))
    with pytest.raises(ConfigurationError, match="CoreMLExecutionProvider"):
        compiled(torch.rand(1, 3, 16, 16))


def test_openvino_tells_nobody_that_it_is_used(tmp_path) -> None:
    pytest.importorskip("openvino")
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*")) == []


FORKED = """
import os
import sys
import torch
from weights.base.backends import on_backend

torch.set_num_threads(2)
network = torch.nn.Conv2d(3, 8, 3).eval()
compiled = on_backend(sys.argv[1], network, torch.device("cpu"))
images = torch.rand(1, 3, 64, 64)
expected = compiled(images)
child = os.fork()
if child == 0:
    torch.set_num_threads(1)
    other = on_backend(sys.argv[1], network, torch.device("cpu"))
    same = [torch.allclose(one(images), expected, atol=1e-5) for one in (compiled, other)]
    os._exit(7 if all(same) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_forked_process_does_not_hang(backend: Backend) -> None:
    pytest.importorskip(backend)
    done = subprocess.run(
        [sys.executable, "-c", FORKED, backend],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.strip() == "7", done.stderr


def test_after_networks_are_gone_signals_are_handled_still(tmp_path):
    pytest.importorskip("openvino")
    program = """
import gc, signal, torch
from weights.base.backends import on_backend
networks = [on_backend("openvino", torch.nn.Conv2d(3, 3, 3), torch.device("cpu")) for _ in range(2)]
for network in networks:
    network(torch.zeros(1, 3, 8, 8))
del network
while networks:
    networks.pop(0)
    gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("handled", flush=True))
signal.raise_signal(signal.SIGTERM)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "UNMASK_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr
