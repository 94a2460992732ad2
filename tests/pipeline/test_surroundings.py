"""What programs do round a call: copies, forks, settings of torch, odd arrays."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline import Pipeline
from pipeline.stages.lazy import LazyStage
from tests.pipeline.colour_stages import STAGES, masked_scene
from weights.base.errors import ConfigurationError, InputError
from weights.base.names import import_object

ROOT = Path(__file__).parents[2]
PICTURE = masked_scene((90, 130), [(20, 30, 50, 60)])
HOLE = np.zeros((90, 130), bool)
HOLE[30:60, 20:50] = True


def filled(pipeline):
    return pipeline.run([PICTURE], [HOLE])[0].image


def test_a_pipeline_is_copied_and_pickled_by_its_specification():
    pipeline = Pipeline(inpainter={"name": "gated", "grain": False}, device="cpu", context=2.0)
    expected = filled(pipeline)
    for other in (copy.deepcopy(pipeline), pickle.loads(pickle.dumps(pipeline))):
        assert other.context == 2.0 and other.description() == pipeline.description()
        assert other.inpainter is not pipeline.inpainter
        assert np.array_equal(filled(other), expected)
    lazy = Pipeline(inpainter=LazyStage("inpainter", "telea"))
    assert np.array_equal(filled(pickle.loads(pickle.dumps(lazy))), filled(lazy))


def test_a_stage_that_cannot_be_pickled_is_named(monkeypatch):
    monkeypatch.setattr("pipeline.stages.configured._MORE_THAN_PICKLE", frozenset())
    pipeline = Pipeline(inpainter=lambda crop, hole: crop)
    with pytest.raises(ConfigurationError, match=r"as its inpainter '<lambda>' cannot: .*with def"):
        pickle.dumps(pipeline)
    for other in (copy.deepcopy(pipeline), copy.copy(pipeline)):
        assert np.array_equal(filled(other), filled(pipeline))
    monkeypatch.undo()
    # Packages that pickle more are left to it.
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(pipeline)


def test_what_surrounds_a_call_changes_nothing():
    expected = filled(Pipeline(device="cpu"))
    with torch.autocast("cpu", torch.bfloat16):
        assert np.array_equal(filled(Pipeline(device="cpu")), expected)
    torch.set_default_device("meta")
    try:
        assert np.array_equal(filled(Pipeline(device="cpu")), expected)
        assert Pipeline(device="cpu").run([PICTURE])
    finally:
        torch.set_default_device(None)


def test_the_first_call_leaves_torchs_random_state_alone():
    before = torch.get_rng_state()
    pipeline = Pipeline(device="cpu")
    pipeline.run([PICTURE])
    filled(pipeline)
    assert torch.equal(torch.get_rng_state(), before)


FORKED = """
import os, sys, numpy as np, torch
from pipeline import Pipeline
torch.set_num_threads(4)
pipeline = Pipeline(device="cpu")
picture = np.zeros((128, 128, 3), np.uint8)
hole = np.zeros((128, 128), bool)
hole[40:90, 40:90] = True
whole = pipeline.run([picture], [hole])[0].image
child = os.fork()
if child == 0:
    pipeline.run([picture], [hole])
    pipeline.run([picture])
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_process_does_not_hang():
    done = subprocess.run(
        [sys.executable, "-c", FORKED], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip() == "7", done.stderr


class Marked(np.ndarray):
    pass


def test_results_are_plain_arrays():
    result = Pipeline(**STAGES).run([PICTURE.view(Marked)])[0]
    assert type(result.image) is np.ndarray and type(result.hole) is np.ndarray


def test_odd_arguments_are_one_sentence():
    with pytest.raises(InputError, match="masked array"):
        Pipeline(**STAGES).run([np.ma.masked_array(PICTURE)])
    for name, value in (("context", "2"), ("lift", "0.1"), ("context", float("nan"))):
        with pytest.raises(InputError, match=f"{name} must be"):
            Pipeline(**{name: value})
    for path in ("..:x", ".a:x", "a..b:x", "a.:x"):
        with pytest.raises(ConfigurationError, match="Cannot import"):
            import_object(path)


@pytest.mark.parametrize("shape", [(1, 8000), (8000, 1), (1, 30000), (60, 9000)])
def test_a_strip_is_refused(shape):
    picture = np.full((*shape, 3), 90, np.uint8)
    with pytest.raises(InputError, match="no face is that elongated"):
        Pipeline(inpainter="telea").run([picture], [np.ones(shape, bool)])
