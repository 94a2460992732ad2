from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from detector.train.detector import TrainedDetector, train_detector
from tests.detector.blobs import write_blob_dataset

if TYPE_CHECKING:
    from pathlib import Path

TINY = {
    "step_batch": 4,
    "workers": 0,
    "learning_rate": 0.003,
    "warmup_epochs": 0.0,
    "mosaic": 0.0,
    "plain_epochs": 0,
    "cache": "",
}


@pytest.fixture(scope="session")
def blob_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_blob_dataset(tmp_path_factory.mktemp("blobs"))


@pytest.fixture(scope="session")
def trained(blob_data: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedDetector:
    return train_detector(
        blob_data,
        tmp_path_factory.mktemp("run") / "tiny",
        recipe="cpu",
        image_size=64,
        epochs=6,
        batch=4,
        changes=TINY,
        device="cpu",
        seed=1,
    )


def read_losses(folder: Path, name: str) -> list[float]:
    with (folder / "results.csv").open() as file:
        return [
            float({key.strip(): value for key, value in row.items() if key}[name])
            for row in csv.DictReader(file)
        ]
