from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file, save_file

from detector.find.architecture import DetectorConfiguration, build_network
from detector.find.weight_file import load_detector, read_configuration, read_extra, save_detector
from weights.base.errors import ConfigurationError, OutputError, WeightsError
from weights.base.settings import settings_from_mapping

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION = DetectorConfiguration("yolo26n-seg", 320, ("mask",), False)


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return build_network(CONFIGURATION)


def test_file_is_small_half_precision_and_complete(
    network: torch.nn.Module, tmp_path: Path
) -> None:
    path = save_detector(network, CONFIGURATION, tmp_path / "a.safetensors", extra={"seed": 3})
    assert path.stat().st_size < 16 * 2**20
    assert read_configuration(path) == CONFIGURATION
    assert read_extra(path) == {"seed": 3}
    floating = [value for value in load_file(path).values() if value.is_floating_point()]
    assert {value.dtype for value in floating} == {torch.float16}
    loaded, configuration = load_detector(path)
    assert configuration == CONFIGURATION
    for name, value in network.state_dict().items():
        assert torch.allclose(loaded.state_dict()[name].float(), value.float(), atol=1e-2)


def test_nothing_is_overwritten_unless_asked(network: torch.nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_text("mine")
    with pytest.raises(OutputError):
        save_detector(network, CONFIGURATION, path)
    assert path.read_text() == "mine"
    save_detector(network, CONFIGURATION, path, overwrite=True)
    assert read_configuration(path) == CONFIGURATION


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    network = build_network(CONFIGURATION)
    with torch.no_grad():
        next(network.parameters())[0] = float("nan")
    with pytest.raises(WeightsError, match="not finite"):
        save_detector(network, CONFIGURATION, tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_refused(network: torch.nn.Module, tmp_path: Path) -> None:
    path = save_detector(network, CONFIGURATION, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match="pickle"):
        load_detector(tmp_path / "best.pt")
    with pytest.raises(WeightsError, match="There is no weight file"):
        load_detector(tmp_path / "b.safetensors")
    with pytest.raises(WeightsError, match=r"written as \.safetensors"):
        save_detector(network, CONFIGURATION, tmp_path / "a.bin")

    other = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(1)}, other)
    with pytest.raises(WeightsError, match="holds no detector"):
        load_detector(other)

    short = path.read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(short[: len(short) // 2])
    with pytest.raises(WeightsError, match="cut"):
        load_detector(tmp_path / "cut.safetensors")

    tensors = load_file(path)
    tensors.pop(next(iter(tensors)))
    header = {"format": "unmask.detector", "configuration": '{"one_to_one": false}'}
    save_file(tensors, tmp_path / "less.safetensors", metadata=header)
    with pytest.raises(WeightsError, match="1 tensors differ"):
        load_detector(tmp_path / "less.safetensors")

    header["configuration"] = '{"architektur": "yolo26n-seg"}'
    save_file(tensors, tmp_path / "key.safetensors", metadata=header)
    with pytest.raises(WeightsError, match="Did you mean 'architecture'"):
        load_detector(tmp_path / "key.safetensors")


def test_configuration_checks_itself() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'yolo26n-seg'"):
        DetectorConfiguration("yolo26n")
    with pytest.raises(ConfigurationError, match="multiple of 32"):
        DetectorConfiguration(image_size=100)
    with pytest.raises(ConfigurationError, match="class_names"):
        DetectorConfiguration(class_names=())
    assert not DetectorConfiguration("yolo11n-seg", one_to_one=True).one_to_one
    assert (
        settings_from_mapping(DetectorConfiguration, asdict(CONFIGURATION), "it") == CONFIGURATION
    )


def test_network_has_the_expected_parameters(network: torch.nn.Module) -> None:
    assert sum(parameter.numel() for parameter in network.parameters()) == 2_772_048
