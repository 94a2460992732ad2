"""A catalog of two small weight files in a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save_file

from weights.catalog import lookup
from weights.catalog.record import TrainingData
from weights.catalog.store import write_record

if TYPE_CHECKING:
    from pathlib import Path

DESCRIPTION = {
    "options": {"width": 4},
    "licence": "AGPL-3.0-or-later",
    "data": [TrainingData("Faces", "CC BY 4.0", "A. Photographer")],
    "recipe": "tiny",
    "seed": 7,
    "input_size": 256,
    "value_range": (-1, 1),
    "parameters": 10,
    "multiply_adds": 1000,
}


@pytest.fixture
def shelves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package's two folders, empty, under a temporary folder; no UNMASK_HOME."""
    for name in ("records", "files"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(lookup, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(lookup, "FILES", tmp_path / "files")
    monkeypatch.delenv("UNMASK_HOME", raising=False)
    return tmp_path


@pytest.fixture
def stocked(shelves: Path) -> Path:
    """The same with weights `gated.faces256` of an inpainter and `yolo26n-seg.faces`."""
    for name, kind in (("gated.faces256", "inpainter"), ("yolo26n-seg.faces", "detector")):
        file = shelves / "files" / f"{name}.safetensors"
        tensors = {
            "half": torch.tensor([0.5, -2.0], dtype=torch.float16),
            "whole": torch.arange(3),
        }
        save_file(tensors, file, metadata={"made by": "a test"})
        write_record(
            file,
            shelves / "records",
            name=name,
            kind=kind,
            metrics={"val": {"psnr": 25.125, "pictures": 200}},
            **DESCRIPTION,
        )
    return shelves
