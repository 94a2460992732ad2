"""The networks side by side, each at its best."""

import json

import pytest
from typer.testing import CliRunner

from pipeline.apps.bench.networks import ModelFigures
from pipeline.apps.bench.peers import best_backend, measure_multiplication, peers_table
from pipeline.apps.bench.pipeline import Timing
from pipeline.command_line import app


def figures(name, **milliseconds):
    timed = {backend: Timing(ms, ms, ms) for backend, ms in milliseconds.items()}
    counted = {256: 10_000_000_000, 512: 40_000_000_000, 1024: 160_000_000_000}
    return ModelFigures(name, 5, counted, timed)


def test_each_network_stands_at_its_best_and_the_fastest_first():
    networks = [figures("slow", fp32=200.0, bf16=400.0), figures("none")]
    networks.append(figures("ours", fp32=90.0, openvino=50.0))
    assert [best_backend(one) for one in networks] == ["fp32", None, "openvino"]
    table = peers_table(networks, {"fp32": 4e11, "bf16": 2e11}, 256, ["ours"])
    assert table.splitlines()[2:] == [
        "| **ours** | OpenVINO | 50.0 | 10.00 | 200.0 | 50% |",
        "| slow | torch fp32 | 200.0 | 10.00 | 50.0 | 12% |",
        "| none | - | - | 10.00 | - | - |",
    ]
    smaller = peers_table(networks[:1], {"fp32": 1e11}, 128, [])
    assert smaller.splitlines()[2] == "| slow | torch fp32 | 200.0 | 2.50 | 12.5 | 12% |"


def test_the_machine_multiplies():
    rates = measure_multiplication(threads=1, runs=1)
    assert set(rates) == {"fp32", "bf16"}
    # From the slowest processor of today to the fastest.
    assert all(1e8 < rate < 1e15 for rate in rates.values())


@pytest.mark.parametrize("call", [["peers"], ["--peers"]])
def test_the_command_measures_beside_the_machine(call, monkeypatch):
    monkeypatch.setattr(
        "pipeline.apps.bench.networks.measure_models",
        lambda names, **_: (figures(name, fp32=100.0) for name in names),
    )
    monkeypatch.setattr(
        "pipeline.apps.bench.peers.measure_multiplication", lambda *_: {"fp32": 2e11, "bf16": 1e11}
    )
    done = CliRunner().invoke(app, ["bench", *call, "gated", "glcic*"])
    assert done.exit_code == 0, done.output
    assert "| **gated** | torch fp32 | 100.0 | 10.00 | 100.0 | 50% |" in done.stdout
    assert "| glcic | torch fp32 |" in done.stdout
    assert "200 in fp32, 100 in bf16" in done.stdout
    report = json.loads(CliRunner().invoke(app, ["bench", *call, "gated", "--json"]).stdout)
    assert report["models"][0]["best_backend"] == "fp32"
    assert report["multiply_adds_a_second"] == {"fp32": 2e11, "bf16": 1e11}
