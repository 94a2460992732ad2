from __future__ import annotations

import math

import numpy as np
import pytest

from inpainter.evaluation.results import CaseResult
from pipeline.evaluation.resumption import UNFINISHED, Unfinished, result_from_line, result_line
from weights.base.errors import InputError

SETTINGS = {"seed": 0, "holes": "irregular"}


def test_results_come_back_as_they_were():
    features = (np.arange(5, dtype=np.float32) / 3, np.full(5, -1e-8, np.float32))
    values = {"psnr": math.inf, "lpips": math.nan, "l1": 0.1 + 0.2}
    inside = (np.full(3, 2.5, np.float32), np.arange(3, dtype=np.float32))
    result = CaseResult("face é", "gated", 0.25, {"a": "b"}, values, features, inside)
    back = result_from_line(result_line(result))
    assert (back.case, back.system, back.hole_area) == ("face é", "gated", 0.25)
    assert back.groups == {"a": "b"} and back.values["l1"] == 0.1 + 0.2
    assert math.isinf(back.values["psnr"]) and math.isnan(back.values["lpips"])
    found = (*back.features, *back.hole_features)
    for one, other in zip((*features, *inside), found, strict=True):
        np.testing.assert_array_equal(one, other)
    bare = result_from_line(result_line(CaseResult("a", "b", 0.0, {}, {})))
    assert bare.features is None and bare.hole_features is None


def test_lines_are_there_after_a_kill_even_in_the_middle_of_one(tmp_path):
    folder = tmp_path / "report"
    with Unfinished(folder, SETTINGS) as kept:
        kept.append({"case": 1})
        kept.append({"case": 2})
    with (folder / UNFINISHED).open("a") as file:
        file.write('{"case": 3, "val')
    with Unfinished(folder, SETTINGS) as kept:
        assert kept.lines == [{"case": 1}, {"case": 2}]
        kept.append({"case": 3})
    with Unfinished(folder, SETTINGS) as kept:
        assert kept.lines[-1] == {"case": 3}
    kept.finish()
    assert list(folder.iterdir()) == []


def test_results_of_other_settings_are_not_mixed_in(tmp_path):
    with Unfinished(tmp_path, SETTINGS) as kept:
        kept.append({"case": 1})
    with pytest.raises(InputError, match=r"seed was '0' and is '1'"):
        Unfinished(tmp_path, {**SETTINGS, "seed": 1})
    with Unfinished(tmp_path, {**SETTINGS, "seed": 1}, overwrite=True) as kept:
        assert kept.lines == []
    with Unfinished(tmp_path, {**SETTINGS, "seed": 1}) as kept:
        assert kept.lines == []


def test_a_measurement_that_failed_at_its_start_leaves_nothing_in_the_way(tmp_path):
    with pytest.raises(ZeroDivisionError), Unfinished(tmp_path, SETTINGS):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    (tmp_path / UNFINISHED).write_text('{"settings": {"seed": "9"}}\n')
    with Unfinished(tmp_path, SETTINGS) as kept:
        kept.append({"case": 1})
    with Unfinished(tmp_path, SETTINGS) as kept:
        assert kept.lines == [{"case": 1}]


def test_a_file_killed_before_its_first_line_is_begun_anew(tmp_path):
    (tmp_path / UNFINISHED).write_text('{"sett')
    with Unfinished(tmp_path, SETTINGS) as kept:
        kept.append({"case": 1})
    with Unfinished(tmp_path, SETTINGS) as kept:
        assert kept.lines == [{"case": 1}]
