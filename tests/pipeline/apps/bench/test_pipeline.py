"""The benchmark measures what it says; no test depends on how fast the machine is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline import Pipeline
from pipeline.apps.bench.pipeline import Timing, benchmark_picture, measure_pipeline, peak_memory
from pipeline.command_line import main


def test_every_stage_is_timed_and_the_whole_is_no_less_than_its_parts() -> None:
    picture = benchmark_picture(320, 240)
    pipeline = Pipeline(detector=lambda image: image[..., 2] > 190, inpainter="telea")
    found = measure_pipeline(pipeline, picture, runs=3)
    assert set(found.stages) == {"detector", "refiner", "inpainter", "blender", "whole call"}
    parts = sum(found.stages[name].fastest for name in found.stages if name != "whole call")
    assert found.stages["whole call"].slowest >= parts
    assert found.faces >= 1
    assert peak_memory() >= found.peak_memory > 10 * 2**20


def test_timing_sums_up() -> None:
    assert Timing.of([3.0, 1.0, 2.0]) == Timing(median=2.0, fastest=1.0, slowest=3.0)


def test_the_picture_is_always_the_same() -> None:
    assert benchmark_picture().shape == (960, 1280, 3)
    assert np.array_equal(benchmark_picture(64, 48), benchmark_picture(64, 48))


def test_a_missing_photo_is_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "nowhere.png"])
    assert stopped.value.code == 2
    assert "nowhere.png" in capsys.readouterr().err


def test_the_command_prints_json(monkeypatch, capsys: pytest.CaptureFixture, tmp_path) -> None:
    from pipeline import core

    class Fast(core.Pipeline):
        def __init__(self, **arguments):
            super().__init__(
                detector=lambda image: image[..., 2] > 190, inpainter="telea", **arguments
            )

    monkeypatch.setattr(core, "Pipeline", Fast)
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "--runs", "1", "--json"])
    assert stopped.value.code in (0, None)
    report = json.loads(capsys.readouterr().out)
    assert report["picture"] == [1280, 960]
    assert report["faces"] >= 1
    assert set(report["starts"]) == {"python -c pass", "import pipeline", "unmask --help"}
