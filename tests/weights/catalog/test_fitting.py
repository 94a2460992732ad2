from __future__ import annotations

import json
import time
from functools import partial

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from detector.find.verifier_file import load_verifier
from detector.find.weight_file import load_detector
from inpainter.registry import create_model
from inpainter.weight_files import load_completion_network, save_completion_network
from pipeline.weight_files.recording import describe_weights
from weights.base.errors import WeightsError
from weights.base.json_text import parse_json
from weights.catalog.fitting import build_fitting, check_proportion


def weight_file(folder, tensors=None, **header):
    path = folder / "x.safetensors"
    save_file(tensors or {"a": torch.zeros(1)}, path, metadata=header)
    return path


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("subprocess:Popen", {"args": "touch {mark}", "shell": True}),
        ("os:system", {"command": "touch {mark}"}),
        ("inpainter.networks.unet:UNetCompletionNetwork", {"width": 4}),
        ("unet", {"name": "subprocess:Popen", "args": "touch {mark}", "shell": True}),
        ("unet", {"pretrained": "x.safetensors"}),
        ("unet", {"wide": 4}),
    ],
)
@pytest.mark.parametrize("load", [load_completion_network, describe_weights])
def test_a_weight_file_names_registered_networks_and_their_options_alone(
    tmp_path, architecture, options, load
):
    mark = tmp_path / "ran"
    text = json.dumps(options).replace("{mark}", str(mark))
    path = weight_file(tmp_path, architecture=architecture, options=text)
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        load(**{"weights" if load is load_completion_network else "path": path})
    assert not mark.exists()


@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("unet", {"width": 6000}),
        ("unet", {"width": 10**9}),
        ("pconv", {"depth": 10**9}),
        ("pconv", {"depth": 10**5}),
        ("comodgan", {"style_size": 10**9}),
        ("gated", {"dilations": [[1, 2], {"x": 10**9}]}),
        ("unet", {"width": -1}),
        ("unet", {"width": "many"}),
        ("lama", {"blocks": 10**6}),
        ("aot-gan", {"dilations": list(range(1, 5000))}),
    ],
)
def test_options_out_of_proportion_cost_nothing(tmp_path, architecture, options):
    path = weight_file(tmp_path, architecture=architecture, options=json.dumps(options))
    began = time.process_time()
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        load_completion_network(weights=path)
    # Built in full the first of these takes half a minute and 5.5 GB.
    assert time.process_time() - began < 10.0


@pytest.mark.parametrize("options", ["[]", "nothing", "[" * 5000, '{"width": 1' + "0" * 400 + "}"])
def test_options_that_are_no_mapping_are_one_sentence(tmp_path, options):
    path = weight_file(tmp_path, architecture="unet", options=options)
    with pytest.raises(WeightsError, match=r"header of .*x\.safetensors"):
        load_completion_network(weights=path)


@pytest.mark.parametrize("size", ["0", "-1", "1e9", "99999", "much", ""])
def test_the_size_in_the_header_is_pixels(tmp_path, size):
    network = create_model("unet", width=4)
    path = weight_file(
        tmp_path, network.state_dict(), architecture="unet", options='{"width": 4}', input_size=size
    )
    with pytest.raises(WeightsError, match="'input_size' in the header"):
        load_completion_network(weights=path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_finite_numbers_are_refused(tmp_path, value):
    network = create_model("unet", width=4)
    path = tmp_path / "x.safetensors"
    with torch.no_grad():
        list(network.parameters())[3].view(-1)[0] = value
    save = partial(
        save_completion_network, network, path, name="unet", options={"width": 4}, input_size=64
    )
    with pytest.raises(WeightsError, match="not finite"):
        save()
    save(half=False)
    with pytest.raises(WeightsError, match="not finite"):
        load_completion_network(weights=path)


@pytest.mark.parametrize("values", [{"widths": [10**7, 10**7]}, {"depths": [10**6] * 4}, {"x": 1}])
def test_a_confirmation_network_is_built_for_its_own_tensors_alone(tmp_path, values):
    path = weight_file(tmp_path, format="unmask.confirmation", configuration=json.dumps(values))
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        load_verifier(path)


@pytest.mark.parametrize(
    "values",
    [{"image_size": 32 * 10**6}, {"class_names": ["a"] * 10**5}, {"x": 1}, {"image_size": []}],
)
def test_a_detector_out_of_proportion_is_refused(tmp_path, values):
    path = weight_file(tmp_path, format="unmask.detector", configuration=json.dumps(values))
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        load_detector(path)


def test_a_network_that_fits_is_built_and_filled():
    given = nn.Linear(3, 2)
    built = build_fitting(lambda: nn.Linear(3, 2), given.state_dict(), "here")
    assert torch.equal(built.weight, given.weight) and torch.equal(built.bias, given.bias)
    with pytest.raises(WeightsError, match="here does not fit Linear: 1 tensors differ"):
        build_fitting(lambda: nn.Linear(4, 2), given.state_dict(), "here")


@pytest.mark.parametrize("text", ["1" + "0" * 400, "[" * 100000, "{", b'"\xff"'])
def test_json_faults_are_one_sentence(text):
    with pytest.raises(ValueError, match=r"^here is "):
        parse_json(text, "here")


def test_weights_beyond_half_precision_are_kept_as_they_are(tmp_path):
    network = create_model("unet", width=4)
    state = network.state_dict()
    name = next(key for key, value in state.items() if value.is_floating_point())
    with torch.no_grad():
        state[name].view(-1)[0] = 1e5
    path = tmp_path / "x.safetensors"
    save_completion_network(network, path, name="unet", options={"width": 4}, input_size=64)
    assert load_completion_network(weights=path).state_dict()[name].view(-1)[0] == 1e5


@pytest.mark.parametrize(
    "value", [10**9, -(10**9), float("nan"), float("inf"), [[10**6]], {"a": 1e9}]
)
def test_a_number_that_no_network_has_is_refused(value):
    check_proportion({"width": 64, "groups": [1, True, "x", None, 32_768]}, "x.safetensors")
    with pytest.raises(WeightsError, match=r"options in x\.safetensors are too large"):
        check_proportion({"width": value}, "x.safetensors")
