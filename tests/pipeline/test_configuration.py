from __future__ import annotations

import pytest

from pipeline import Pipeline
from pipeline.blenders.feather import FeatherBlender
from pipeline.configuration import configuration_defaults, read_configuration
from weights.errors import ConfigurationError


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
