"""Weights between two states of one network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from inpainter import create_model
from inpainter.interpolate import main
from inpainter.weight_files import save_completion_network
from weights.catalog.store import load_state_dict, read_metadata

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = {"width": 8, "depth": 1}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        path = tmp_path / f"{seed}.safetensors"
        network = create_model("gated-unet", **OPTIONS)
        save_completion_network(network, path, name="gated-unet", options=OPTIONS, input_size=32)
        paths.append(path)
    return paths


def test_the_share_counts_from_smooth_to_sharp(files: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "between.safetensors"
    arguments = [*map(str, files), "--share", "0.25", "-o", str(output)]
    assert main(arguments) == 0
    smooth, sharp, between = (load_state_dict(path) for path in (*files, output))
    for key, value in between.items():
        expected = 0.75 * smooth[key] + 0.25 * sharp[key]
        torch.testing.assert_close(value, expected, rtol=2e-3, atol=2e-4)
    assert read_metadata(output) == read_metadata(files[0])
    assert main(arguments) == 2
    assert main([*arguments, "--overwrite"]) == 0


def test_other_networks_and_shares_are_refused(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    output = str(tmp_path / "out.safetensors")
    assert main([*map(str, files), "--share", "1.5", "-o", output]) == 2
    assert "from 0 to 1" in capsys.readouterr().err
    other = tmp_path / "other.safetensors"
    wider = {"width": 16, "depth": 1}
    network = create_model("gated-unet", **wider)
    save_completion_network(network, other, name="gated-unet", options=wider, input_size=32)
    assert main([str(files[0]), str(other), "--share", "0.5", "-o", output]) == 2
    assert "different networks" in capsys.readouterr().err
