from __future__ import annotations

import numpy as np
import pytest
import yaml

from pipeline import Pipeline, unmask
from pipeline.blenders.feather import FeatherBlender
from pipeline.configuration import read_configuration
from pipeline.stages.configured import configuration_defaults
from weights.base.errors import ConfigurationError


def test_a_file_gives_the_pipeline_that_it_describes(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text(
        "detector: tests.pipeline.colour_stages:find_colour\n"
        "refiner: {name: morphology, growth: 0.1}\n"
        "inpainter: telea\n"
        "blender:\n  name: feather\n  feather: 0.5\n"
        "device: cpu\n"
        "context: 2\n"
    )
    pipeline = Pipeline.from_config(path)
    assert isinstance(pipeline.blender, FeatherBlender)
    assert pipeline.blender.feather == 0.5
    assert pipeline.refiner.growth == 0.1
    assert pipeline.device == "cpu"
    assert pipeline.context == 2


def test_an_empty_file_is_the_default(tmp_path):
    path = tmp_path / "pipeline.yaml"
    path.write_text("")
    assert read_configuration(path) == {}


def test_the_keys_are_the_constructor_s_arguments():
    first = [*configuration_defaults()][:5]
    assert first == ["detector", "refiner", "inpainter", "blender", "device"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("inpaint: gated\n", ["Unknown key", "'inpaint'", "Did you mean 'inpainter'"]),
        ("5: gated\n", ["Unknown key", "'5'"]),
        ("- gated\n", ["must hold a mapping", "list"]),
        ("a: [\n", ["not valid YAML"]),
        ("blender: fether\n", ["Did you mean 'feather'"]),
        ("blender: {name: feather, fether: 1}\n", ["Did you mean 'feather'"]),
        ("blender: !!python/object/apply:os.getcwd []\n", ["not valid YAML"]),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, words):
    path = tmp_path / "pipeline.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        Pipeline.from_config(path)
    assert all(word in str(raised.value) for word in words), str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ConfigurationError, match=r"nothing\.yaml"):
        Pipeline.from_config(tmp_path / "nothing.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="Cannot read"):
        Pipeline.from_config(tmp_path / "binary.yaml")


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"confidence": 0.4}, "detector={'name': 'yolo', 'confidence': 0.4}"),
        (
            {"detector": {"name": "yolo", "image_size": 320}, "confidence": 0.4},
            "detector={'name': 'yolo', 'image_size': 320, 'confidence': 0.4}",
        ),
        ({"growth": 0.1}, "refiner={'name': 'morphology', 'growth': 0.1}"),
        ({"detail": "off"}, "inpainter={'name': 'gated', 'detail': 'off'}"),
        ({"blender": "feather", "feather": 3}, "blender={'name': 'feather', 'feather': 3}"),
    ],
)
def test_an_option_of_a_stage_says_where_it_lives(arguments, where, tmp_path):
    with pytest.raises(ConfigurationError, match="argument of Pipeline") as told:
        Pipeline(**arguments)
    assert str(told.value).endswith(f"so write {where}.")
    with pytest.raises(ConfigurationError, match=r"keyword of unmask\(\)") as told:
        unmask(np.zeros((8, 8, 3), np.uint8), **arguments)
    assert str(told.value).endswith(f"so write {where}.")
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump(arguments, sort_keys=False))
    with pytest.raises(ConfigurationError, match="key of the pipeline in") as told:
        Pipeline.from_config(path)
    assert str(told.value).endswith(f"so write {where}.")


def test_an_argument_that_nothing_has_is_told_with_the_nearest():
    with pytest.raises(ConfigurationError, match="Did you mean 'inpainter'"):
        Pipeline(inpaint="telea")


def test_weight_files_are_looked_for_from_the_files_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "pipeline.yaml").write_text(
        "detector: {name: yolo, weights: default}\n"
        "inpainter: {name: gated, weights: weights/mine.safetensors}\n"
        "blender: none\n"
    )
    read = read_configuration("made/pipeline.yaml")
    assert read == {
        "detector": {"name": "yolo", "weights": "default"},
        "inpainter": {"name": "gated", "weights": str(folder / "weights" / "mine.safetensors")},
        "blender": "none",
    }
    absolute = tmp_path / "other.safetensors"
    (folder / "other.yaml").write_text(f"inpainter: {{name: gated, weights: {absolute}}}\n")
    assert read_configuration(folder / "other.yaml")["inpainter"]["weights"] == str(absolute)
