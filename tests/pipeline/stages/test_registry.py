from __future__ import annotations

import functools
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from pipeline.blenders.feather import FeatherBlender
from pipeline.blenders.paste import PasteBlender
from pipeline.refiners.morphology import MorphologyRefiner
from pipeline.stages import registry
from pipeline.stages.registry import create_stage, resolve_stage, stage_names
from tests.conformance.scenes import disc, scene
from weights.base.errors import ConfigurationError
from weights.base.names import import_object
from weights.base.protocols import STAGE_KINDS, Blender, Detector, Inpainter, Refiner

HERE = "tests.pipeline.stages.test_registry"


class NeedsDevice:
    def __init__(self, strength: int = 1, device: str = "none") -> None:
        self.strength = strength
        self.device = device

    def complete(self, crops, holes):
        return [crop.copy() for crop in crops]


class NoStage:
    def paint(self):
        return None


def darken(crop, hole, by=10):
    return np.where(hole[..., None], crop - np.uint8(by), crop)


MADE = NeedsDevice(strength=5)


@pytest.fixture
def others(monkeypatch):
    """Pretend that other packages registered these entry points."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [one for one in points if one.group == group]
    )
    return points


@pytest.mark.parametrize(
    ("kind", "path"),
    [(kind, path) for kind, table in registry.BUILT_IN.items() for path in table.values()],
)
def test_every_built_in_name_leads_to_a_class(kind, path):
    assert isinstance(import_object(path), type)


@pytest.mark.parametrize("kind", STAGE_KINDS)
def test_names_are_sorted_and_hold_the_built_in_ones(kind):
    names = stage_names(kind)
    assert names == sorted(names)
    assert set(registry.BUILT_IN[kind]) <= set(names)


def test_networks_are_inpainters():
    from inpainter.registry import list_models

    assert set(list_models()) <= set(stage_names("inpainter"))
    stage = create_stage("inpainter", {"name": "gated", "batch_size": 3}, device="cpu")
    assert stage.model == "gated"
    assert stage.batch_size == 3
    assert stage.device.type == "cpu"


def test_the_network_of_a_network_s_name_cannot_be_changed():
    with pytest.raises(ConfigurationError, match="no option 'model'"):
        create_stage("inpainter", {"name": "gated", "model": "glcic"})


def test_a_name_a_dict_a_path_and_an_object_all_work():
    assert isinstance(create_stage("refiner", "morphology"), MorphologyRefiner)
    stage = create_stage("blender", {"name": "feather", "feather": 0.5})
    assert isinstance(stage, FeatherBlender)
    assert stage.feather == 0.5
    stage = create_stage("blender", "pipeline.blenders.paste:PasteBlender")
    assert isinstance(stage, PasteBlender)
    assert create_stage("blender", stage) is stage
    assert isinstance(create_stage("blender", PasteBlender), PasteBlender)
    path = {"name": f"{HERE}:NeedsDevice", "strength": 4}
    assert create_stage("inpainter", path).strength == 4
    assert create_stage("inpainter", f"{HERE}:MADE") is MADE


def test_the_device_goes_to_stages_that_take_one():
    assert create_stage("inpainter", f"{HERE}:NeedsDevice", device="cpu").device == "cpu"
    own = {"name": f"{HERE}:NeedsDevice", "device": "mine"}
    assert create_stage("inpainter", own, device="cpu").device == "mine"


def test_functions_are_stages():
    crop, hole = scene((8, 8)), disc((8, 8))
    for specification, by in (
        (darken, 10),
        (f"{HERE}:darken", 10),
        ({"name": f"{HERE}:darken", "by": 3}, 3),
        (functools.partial(darken, by=7), 7),
    ):
        stage = create_stage("inpainter", specification)
        assert np.array_equal(stage.complete([crop], [hole])[0], darken(crop, hole, by))


@pytest.mark.parametrize(
    ("kind", "protocol"),
    [("detector", Detector), ("refiner", Refiner), ("inpainter", Inpainter), ("blender", Blender)],
)
def test_a_dressed_function_satisfies_its_protocol(kind, protocol):
    assert isinstance(create_stage(kind, lambda *arguments: None), protocol)


@pytest.mark.parametrize(
    ("kind", "specification", "words"),
    [
        ("blender", "fether", ["Unknown blender 'fether'", "Did you mean 'feather'", "poisson"]),
        ("inpainter", "gate", ["Did you mean 'gated'"]),
        ("detector", "zzz", ["Unknown detector", "yolo"]),
        ("blender", {"name": "feather", "fether": 1}, ["no option 'fether'", "mean 'feather'"]),
        ("blender", {"name": "none", "x": 1}, ["no option 'x'", "Known: none"]),
        ("blender", {"feather": 1}, ["needs a 'name'"]),
        ("blender", {"name": 5}, ["needs a 'name'"]),
        ("blender", "no_such_module:Thing", ["no module 'no_such_module'"]),
        ("blender", f"{HERE}:Nothing", ["has no 'Nothing'"]),
        ("inpainter", f"{HERE}:NoStage", ["is not a valid inpainter", "'complete'"]),
        ("inpainter", 7, ["'int' is not a valid inpainter", "'complete'"]),
        ("inpainter", None, ["is not a valid inpainter"]),
        ("inpainter", {"name": f"{HERE}:MADE", "strength": 1}, ["existing object"]),
        ("inpainter", {"name": f"{HERE}:darken", "bye": 1}, ["no option 'bye'", "mean 'by'"]),
        ("painter", "telea", ["kind of stage", "mean 'inpainter'"]),
        ("inpainter", {"name": "gated", "weights": 5}, ["'weights'", "must be str", "is 5"]),
        ("inpainter", {"name": "gated", "image_size": "x"}, ["must be int or None", "is 'x'"]),
        ("inpainter", {"name": "gated", "batch_size": True}, ["must be int", "is True"]),
        ("inpainter", {"name": "gated", "finish": []}, ["'finish'", "must be str"]),
        ("inpainter", {"name": "telea", "radius": None}, ["must be float", "is None"]),
        ("inpainter", {"name": "telea", "radius": float("nan")}, ["must be float", "is nan"]),
        ("inpainter", {"name": "onnx", "model": {}}, ["'model'", "must be str"]),
        ("detector", {"name": "yolo", "confidence": "x"}, ["must be float", "is 'x'"]),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(kind, specification, words):
    with pytest.raises(ConfigurationError) as raised:
        resolve_stage(kind, specification)
    assert all(word in str(raised.value) for word in words), str(raised.value)


def test_other_packages_add_stages(others):
    others.append(EntryPoint("mine", f"{HERE}:NeedsDevice", "unmask.inpainters"))
    others.append(EntryPoint("mine", f"{HERE}:NeedsDevice", "unmask.inpainters"))
    assert "mine" in stage_names("inpainter")
    assert create_stage("inpainter", {"name": "mine", "strength": 2}).strength == 2


@pytest.mark.parametrize("name", ["telea", "twice"])
def test_two_of_one_name_are_an_error(others, name):
    others.append(EntryPoint(name, f"{HERE}:NeedsDevice", "unmask.inpainters"))
    others.append(EntryPoint(name, f"{HERE}:darken", "unmask.inpainters"))
    for call in (
        lambda: stage_names("inpainter"),
        lambda: create_stage("inpainter", "navier-stokes"),
    ):
        with pytest.raises(ConfigurationError, match=f"Two inpainters are named '{name}'"):
            call()


def test_a_stage_cannot_take_a_network_s_name(others):
    others.append(EntryPoint("gated", f"{HERE}:NeedsDevice", "unmask.inpainters"))
    with pytest.raises(ConfigurationError, match="Two inpainters are named 'gated'"):
        create_stage("inpainter", "gated")
