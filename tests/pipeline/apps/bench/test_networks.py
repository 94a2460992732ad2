"""The table of networks: counts are exact, times are only there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.apps.bench.classical import face_and_hole, measure_classical
from pipeline.apps.bench.networks import (
    ModelFigures,
    Timing,
    count_model,
    measure_models,
    models_table,
)
from pipeline.apps.bench.own_process import MeasurementError
from pipeline.command_line import main
from weights.base.errors import ConfigurationError, InputError


def printed(capsys: pytest.CaptureFixture, *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "models", *arguments])
    assert stopped.value.code in (0, None)
    return capsys.readouterr().out


# The literature's counts, in thousand millions, to its own digits; one with attention has a little
# arithmetic beside its convolutions.
@pytest.mark.parametrize(
    ("name", "at_256", "at_512", "tolerance"),
    [
        ("glcic", 32.55, 130.22, 0.01),
        ("dmfn", 45.90, 183.59, 0.01),
        ("lama", 31.87, 127.32, 0.01),
        ("aot-gan", 72.88, 291.50, 0.01),
        ("deepfillv2", 27.73, 141.36, 0.2),
    ],
)
def test_multiply_adds_are_the_literature_s(
    name: str, at_256: float, at_512: float, tolerance: float
) -> None:
    counted = count_model(name)
    assert counted.multiply_adds[256] / 1e9 == pytest.approx(at_256, abs=tolerance)
    assert counted.multiply_adds[512] / 1e9 == pytest.approx(at_512, abs=tolerance)


def test_cost_grows_with_the_area_but_for_attention_and_pyramids() -> None:
    assert count_model("unet").growth == pytest.approx(16.0, abs=0.1)
    assert count_model("deepfillv2").growth > 30
    # Made for the larger side, it has levels of few channels more, and no others.
    assert count_model("migan").growth < 2.5


def test_a_network_is_timed_in_a_process_of_its_own(capsys: pytest.CaptureFixture) -> None:
    arguments = ["residual-cnn", "--runs", "1", "--side", "32", "--backends", "fp32,bf16"]
    report = json.loads(printed(capsys, *arguments, "--json"))
    (figures,) = report["models"]
    assert figures["parameters"] == 28_643
    assert set(figures["milliseconds"]) == {"fp32", "bf16"}
    assert figures["milliseconds"]["fp32"]["median"] > 0.0
    assert figures["peak_memory"] > 10_000
    assert (report["side"], report["threads"], report["runs"]) == (32, 2, 1)


def test_counting_alone_starts_no_process(capsys, monkeypatch) -> None:
    def refuse(*_, **__):
        raise AssertionError("a process was started")

    monkeypatch.setattr("subprocess.run", refuse)
    table = printed(capsys, "unet", "residual-*", "--backends", "")
    assert "| unet | 3,835,907 | 6.66 | 26.63 | 16.0 |" in table
    assert "| residual-cnn | 28,643 |" in table
    assert "memory" not in table


def test_what_cannot_be_measured_is_a_dash_and_a_reason(monkeypatch, capsys) -> None:
    class Broken:
        returncode, stdout, stderr = 1, "", "Traceback\nRuntimeError: out of luck\n"

    monkeypatch.setattr("subprocess.run", lambda *_, **__: Broken)
    (figures,) = measure_models(["unet"], backends=["fp32"])
    assert figures.failures == {"fp32": "RuntimeError: out of luck"}
    assert models_table([figures], ["fp32"]).splitlines()[-1].endswith("| - | - |")
    assert "out of luck" in printed(capsys, "unet", "--backends", "fp32")


def test_the_table_shows_medians_and_mebibytes() -> None:
    figures = ModelFigures(
        "odd", 1234, {256: 10**9, 512: 4 * 10**9, 1024: 16 * 10**9}, {"fp32": Timing(12.4, 9, 20)}
    )
    assert models_table([figures], ["fp32", "bf16"]).splitlines()[-1] == (
        "| odd | 1,234 | 1.00 | 4.00 | 16.0 | 12 | - | - |"
    )


def test_a_method_without_a_network_has_a_table_of_its_own(capsys: pytest.CaptureFixture) -> None:
    arguments = ["telea", "--runs", "1", "--side", "32", "--backends", "fp32"]
    report = json.loads(printed(capsys, *arguments, "--json"))
    (figures,) = report["classical"]
    assert report["models"] == [] and figures["failure"] is None
    assert figures["milliseconds"]["median"] > 0.0 and figures["growth"] > 0.0
    assert figures["peak_memory"] >= 0
    # Counting alone leaves out what has nothing to count.
    assert json.loads(printed(capsys, "telea", "--backends", "", "--json"))["classical"] == []


def test_a_method_that_fails_or_is_slow_when_large_says_so(monkeypatch, capsys) -> None:
    asked = []

    def measured(module, task, time_limit):
        asked.append(task["side"])
        if task["side"] > 64:
            raise MeasurementError(f"took longer than {time_limit:.0f} seconds")
        timing = {"median": 12.0, "fastest": 9.0, "slowest": 20.0}
        return {"milliseconds": timing, "peak_memory": 3 * 2**20}

    monkeypatch.setattr("pipeline.apps.bench.classical.measure_alone", measured)
    shown = printed(capsys, "telea", "--side", "64", "--time-limit", "7")
    assert asked == [64, 256]
    assert "| telea | 12 | - | 3 |" in shown
    assert "- telea: at 256 pixels: took longer than 7 seconds" in shown
    (failed,) = measure_classical(["low-rank"], side=65)
    assert failed.milliseconds is None and failed.failure == "took longer than 600 seconds"
    with pytest.raises(ConfigurationError, match="Did you mean 'telea'"):
        next(measure_classical(["telia"]))


def test_the_face_has_a_hole_of_a_third() -> None:
    image, hole = face_and_hole(64)
    assert image.shape == (64, 64, 3) and hole.shape == (64, 64)
    assert hole.mean() == pytest.approx(0.3, abs=0.05)
    assert image[hole].std() > 10.0


def test_wrong_names_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'unet'"):
        next(measure_models(["unett"]))
    with pytest.raises(InputError, match="Unknown backend 'fp23'"):
        next(measure_models(["unet"], backends=["fp23"]))


def test_memory_growth_is_the_largest_meanwhile() -> None:
    # In a process of its own: what other tests left free would be used first.
    program = (
        "import numpy as np\n"
        "from pipeline.apps.bench.pipeline import memory_growth\n"
        "print(memory_growth(lambda: np.full(2**23, 1.0)))"
    )
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert 0.8 * 2**26 < int(done.stdout) < 2**28
