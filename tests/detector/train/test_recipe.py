from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from detector.find.architecture import DetectorConfiguration
from detector.find.isolation import import_quietly
from detector.train.recipe import DetectorRecipe
from weights.base.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", DetectorRecipe.names())
def test_recipes_of_the_package_are_whole(name: str) -> None:
    recipe = DetectorRecipe.read(name)
    DetectorConfiguration(recipe.architecture, recipe.image_size)
    known = import_quietly("ultralytics.utils").DEFAULT_CFG_DICT
    assert set(recipe.ultralytics_settings()) <= set(known)


def test_defaults_are_ultralytics_own() -> None:
    known = import_quietly("ultralytics.utils").DEFAULT_CFG_DICT
    settings = DetectorRecipe().ultralytics_settings()
    differing = {name for name, value in settings.items() if value != known[name]}
    assert differing == {"warmup_bias_lr", "nms"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("mosaik: 1", "Unknown key in a detector's recipe 'mosaik'. Did you mean 'mosaic'"),
        ("epochs: many", "a detector's recipe: epochs must be of type int, but is 'many'"),
        ("epochs: true", "must be of type int"),
        ("epochs: 0", "epochs in a detector's recipe must be 1 or more"),
        ("cache: tape", "cache in a detector's recipe must be"),
        ("- a", "must hold keys and values"),
        ("a: [", "not valid YAML"),
    ],
)
def test_wrong_recipes_are_refused(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=sentence):
        DetectorRecipe.read(path)


def test_unknown_names_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'gpu'"):
        DetectorRecipe.read("gpus")
    with pytest.raises(ConfigurationError, match=r"Cannot read .*absent"):
        DetectorRecipe.read(tmp_path / "absent.yaml")


def test_own_recipes_keep_what_they_leave_out(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("learning_rate: 1\n")
    recipe = DetectorRecipe.read(path)
    assert recipe == DetectorRecipe(learning_rate=1.0)
    changed: dict[str, Any] = {"batch": 3}
    assert recipe.with_changes(changed).batch == 3
    assert recipe.batch == 16
