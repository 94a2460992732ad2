"""`unmask train`: both trainers call the same things by the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.command_line import main

if TYPE_CHECKING:
    import argparse

SHARED = {
    "--config",
    "--output",
    "--device",
    "--threads",
    "--seed",
    "--time-budget",
    "--initial-weights",
    "--restart",
    "--set",
}
ONE_ONLY = {
    "detector": {
        "--data",
        "--architecture",
        "--image-size",
        "--epochs",
        "--batch",
        "--workers",
        "--no-plots",
    },
    "inpainter": {"--faces", "--fit-schedule", "--pairs", "--part", "--progress"},
}


def options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    return {name: action for action in parser._actions for name in action.option_strings}


def test_shared_options_are_spelled_alike_and_take_the_same():
    import detector.train.command
    import inpainter.train

    first = options(detector.train.command.build_parser())
    second = options(inpainter.train.build_parser())
    assert set(first) - {"-h", "--help"} == SHARED | ONE_ONLY["detector"]
    assert set(second) - {"-h", "--help"} == SHARED | ONE_ONLY["inpainter"]
    for name in SHARED:
        one, other = first[name], second[name]
        assert (type(one), one.type, one.metavar) == (type(other), other.type, other.metavar)


@pytest.mark.parametrize("stage", ["detector", "confirmation", "inpainter"])
def test_the_command_is_the_trainer_s_own_program(stage, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", stage, "--help"])
    assert stopped.value.code in (0, None)
    assert f"usage: unmask train {stage}" in capsys.readouterr().out
