"""`unmask weights import`: a published file becomes a weight file that the pipeline takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from pipeline import Pipeline
from pipeline.commands.weights import app
from tests.inpainter.importing import published_layouts as layouts
from weights.base.errors import ConfigurationError, OutputError, WeightsError
from weights.catalog.digest import file_sha256
from weights.catalog.lookup import get_record, verify

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

TERMS = ["--licence", "Apache-2.0", "--source", "https://github.com/advimman/lama"]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    state = layouts.drawn(layouts.lama())
    file = tmp_path / "best.ckpt"
    torch.save({"state_dict": {f"generator.{name}": one for name, one in state.items()}}, file)
    return file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("UNMASK_HOME", str(folder))
    return folder


def imported(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["import", *arguments], catch_exceptions=False)


def test_record_and_card_say_where_the_weights_come_from(checkpoint: Path, home: Path) -> None:
    result = imported("lama.big", str(checkpoint), *TERMS)
    assert result.exit_code == 0
    assert str(home / "lama.big.safetensors") in result.output
    record = get_record("lama.big")
    assert verify("lama.big") == home / "lama.big.safetensors"
    assert (record.licence, record.architecture) == ("Apache-2.0", "lama")
    assert record.options == {"width": 8, "blocks": 2, "global_ratio": 0.75}
    assert record.data[0].credit == "https://github.com/advimman/lama"
    assert f"best.ckpt, SHA-256 {file_sha256(checkpoint)}" in record.notes
    assert record.notes in (home / "lama.big.md").read_text(encoding="utf-8").replace("\n", " ")


def test_the_pipeline_fills_a_photo_with_an_imported_file(checkpoint: Path, home: Path) -> None:
    imported("lama", str(checkpoint), *TERMS)
    photo = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    hole = np.zeros((90, 120), np.bool_)
    hole[30:60, 40:80] = True
    named = Pipeline(inpainter={"name": "lama", "weights": "lama.imported"}, device="cpu")
    by_file = Pipeline(
        inpainter={"name": "lama", "weights": str(home / "lama.imported.safetensors")},
        device="cpu",
    )
    results = [one.run([photo], [hole])[0].image for one in (named, by_file)]
    np.testing.assert_array_equal(*results)
    assert (results[0][hole] != photo[hole]).mean() > 0.9
    np.testing.assert_array_equal(results[0][~hole], photo[~hole])


def test_options_that_no_tensor_says_are_given(tmp_path: Path, home: Path) -> None:
    file = tmp_path / "model_cn"
    torch.save(layouts.drawn(layouts.glcic()), file)
    colour = "mean_colour=[0.5, 0.4, 0.3]"
    imported("glcic.places2", str(file), *TERMS, "--set", colour)
    assert get_record("glcic.places2").options["mean_colour"] == [0.5, 0.4, 0.3]
    assert (home / "glcic.places2.safetensors").is_file()


def test_nothing_is_overwritten_and_nothing_left_of_what_fails(
    checkpoint: Path, home: Path
) -> None:
    imported("lama.big", str(checkpoint), *TERMS)
    with pytest.raises(OutputError, match="exists already"):
        imported("lama.big", str(checkpoint), *TERMS)
    imported("lama.big", str(checkpoint), *TERMS, "--overwrite")
    before = sorted(home.iterdir())
    with pytest.raises(WeightsError, match="not a published AOT-GAN"):
        imported("aot-gan.celebahq", str(checkpoint), *TERMS)
    with pytest.raises(ConfigurationError, match="Did you mean 'lama'"):
        imported("lamma.big", str(checkpoint), *TERMS)
    with pytest.raises(ConfigurationError, match="licence of imported weights"):
        imported("lama.other", str(checkpoint), "--licence", " ", "--source", "here")
    assert sorted(home.iterdir()) == before


def test_a_pickle_is_still_refused_everywhere_else(checkpoint: Path) -> None:
    picture, hole = np.zeros((48, 48, 3), np.uint8), np.ones((48, 48), np.bool_)
    pipeline = Pipeline(inpainter={"name": "lama", "weights": str(checkpoint)}, device="cpu")
    with pytest.raises(WeightsError, match="pickle"):
        pipeline.run([picture], [hole])
