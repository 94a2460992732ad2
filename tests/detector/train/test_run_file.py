"""The settings and the curves from which a detector's run is resumed, whole and damaged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from detector.train.curves import CURVES_NAME, keep_epochs, last_epoch
from detector.train.run_file import RUN_NAME, RunFile
from weights.base.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

RUN = RunFile("data.yaml", 3, {"epochs": 2}, "cpu", {"epochs": 2}, None, 5.0)


def test_a_run_comes_back(tmp_path: Path) -> None:
    RUN.write(tmp_path)
    assert RunFile.read(tmp_path) == RUN


@pytest.mark.parametrize(
    ("what", "becomes"),
    [
        (r"(?s).*", ""),
        (r"(?s).*", "[1, 2]"),
        (r"(?s).*", "\0\x01"),
        (r"seed: 3", "seed: -1"),
        (r"seed: 3", "seed: 99999999999"),
        (r"seed: 3", "seed: [3]"),
        (r"seed: 3\n", ""),
        (r"(?s)recipe:.*", ""),
        (r"(?s)recipe:.*", "recipe: 3"),
        (r"changes:\n", "changes: x\n#"),
        (r"initial_weights: null", "initial_weights: [1]"),
        (r"minutes: 5.0", "minutes: .nan"),
        (r"minutes: 5.0", "minutes: -.inf"),
        (r"minutes: 5.0", "minutes: 2024-13-45"),
        (r"data: data.yaml", "data: !!python/object/apply:os.system ['touch ran']"),
    ],
)
def test_a_damaged_one_is_a_sentence(tmp_path: Path, what: str, becomes: str) -> None:
    RUN.write(tmp_path)
    file = tmp_path / RUN_NAME
    file.write_text(re.sub(what, lambda _: becomes, file.read_text(), count=1))
    with pytest.raises(ConfigurationError, match=r"Start over with --restart\.$"):
        RunFile.read(tmp_path)
    assert not (tmp_path / "ran").exists()


HEADER = "epoch,time,train/box_loss"
ROWS = ["1,10.5,0.5", "2,20.5,0.4", "3,30.5,0.3"]


def curves(folder: Path, *lines: str, end: str = "\n") -> Path:
    path = folder / CURVES_NAME
    path.write_text("\n".join(lines) + end, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "broken",
    ["", "3,30.5", "3,30.5,0.3,1", "x,1,1", "nan,1,1", "inf,1,1", "4,nan,1", "4,inf,1", "4,-1,1",
     "0,1,1", "-3,1,1", "\0\ufffd,\x1b[2J"],
)  # fmt: skip
def test_damaged_lines_of_the_curves_are_left_out(tmp_path: Path, broken: str) -> None:
    path = curves(tmp_path, HEADER, *ROWS[:2], broken, end="")
    assert last_epoch(tmp_path) == (2, 20.5)
    keep_epochs(path, 5)
    assert path.read_text() == "\n".join([HEADER, *ROWS[:2], ""])


def test_curves_without_their_header_start_anew(tmp_path: Path) -> None:
    for lines in ([""], ROWS, ["\0\0"], [HEADER[3:], *ROWS]):
        path = curves(tmp_path, *lines)
        assert last_epoch(tmp_path) == (0, 0.0)
        keep_epochs(path, 2)
        assert not path.exists()
    keep_epochs(path, 2)


def test_repeated_and_later_epochs_are_left_out(tmp_path: Path) -> None:
    path = curves(tmp_path, HEADER, *ROWS, "2,25.0,0.2")
    keep_epochs(path, 2)
    assert path.read_text() == "\n".join([HEADER, ROWS[0], "2,25.0,0.2", ""])
