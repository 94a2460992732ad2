"""The logger `unmask`: silent, unless the program or the environment turns it on."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CODE = """
import numpy as np
from pipeline import Pipeline
picture = np.zeros((20, 30, 3), np.uint8)
Pipeline(lambda image: np.arange(600).reshape(20, 30) == 215, inpainter="telea").run([picture])
"""


def run(level):
    return subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "UNMASK_LOG": level, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("level", "said", "unsaid"),
    [
        ("", [], ["unmask"]),
        ("warning", [], ["unmask"]),
        ("info", ["INFO: inpainter 'telea' is ready after", "INFO: 1 pictures"], ["UnmaskResult"]),
        ("DEBUG", ["DEBUG: UnmaskResult(30 x 20, masks found: 1, faces filled: 1"], ["array"]),
    ],
)
def test_the_environment_names_a_level(level, said, unsaid):
    done = run(level)
    assert done.returncode == 0, done.stderr
    for text in said:
        assert text in done.stderr
    for text in unsaid:
        assert text not in done.stderr


def test_an_unknown_level_is_told_with_those_that_there_are():
    last = run("inof").stderr.strip().splitlines()[-1]
    assert last.endswith(
        "Unknown level in UNMASK_LOG 'inof'. Did you mean 'info'? "
        "Known: debug, error, info, warning."
    )


def test_a_program_turns_the_logger_on_as_any_other(caplog):
    import numpy as np

    from pipeline import Pipeline

    with caplog.at_level(logging.INFO, logger="unmask"):
        Pipeline(lambda image: None).run([np.zeros((8, 8, 3), np.uint8)])
    assert "1 pictures, 0 masks found, 0 faces filled" in caplog.text
