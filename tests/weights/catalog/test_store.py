from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from tests.weights.conftest import DESCRIPTION
from weights.base.errors import OutputError, WeightsError
from weights.catalog.lookup import get_record, resolve
from weights.catalog.store import load_state_dict, read_metadata, write_record


def test_floating_tensors_come_as_float32_and_whole_ones_as_they_are(stocked):
    state = load_state_dict("gated.faces256", kind="inpainter")
    assert state["half"].dtype == torch.float32
    assert state["half"].tolist() == [0.5, -2.0]
    assert state["whole"].dtype == torch.int64
    assert {tensor.device.type for tensor in state.values()} == {"cpu"}


def test_default_loads_the_default(stocked):
    assert load_state_dict("default", "detector").keys() == {"half", "whole"}


def test_a_file_that_is_no_safetensors_is_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    torch.save({"a": torch.zeros(1)}, path)
    for read in (load_state_dict, read_metadata):
        with pytest.raises(WeightsError, match=r"x\.safetensors is damaged or not a safetensors"):
            read(path)


@pytest.mark.parametrize("content", [b"", b"\x01", b"\xff" * 64])
def test_garbage_is_refused(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"x\.safetensors"):
        load_state_dict(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"There is no weight file .*x\.safetensors"):
        read_metadata(tmp_path / "x.safetensors")


def test_metadata_are_read_without_the_tensors(stocked, tmp_path):
    assert read_metadata(resolve("gated.faces256")) == {"made by": "a test"}
    plain = tmp_path / "plain.safetensors"
    save_file({"a": torch.zeros(1)}, plain)
    assert read_metadata(plain) == {}


def test_a_written_record_makes_its_folder_a_home(shelves, tmp_path, monkeypatch):
    run = tmp_path / "run"
    run.mkdir()
    file = run / "best.safetensors"
    save_file({"a": torch.ones(2)}, file)
    record = write_record(file, name="gated.mine", kind="inpainter", **DESCRIPTION)
    assert record.bytes == file.stat().st_size
    assert record.architecture == "gated"
    assert [path.name for path in sorted(run.iterdir())] == [
        "best.safetensors",
        "gated.mine.yaml",
    ]
    monkeypatch.setenv("UNMASK_HOME", str(run))
    assert get_record("gated.mine") == record
    assert load_state_dict("gated.mine")["a"].tolist() == [1.0, 1.0]


def test_a_record_is_not_overwritten_unless_asked(stocked):
    file = stocked / "files" / "gated.faces256.safetensors"
    arguments = {"name": "gated.faces256", "kind": "inpainter", **DESCRIPTION}
    with pytest.raises(OutputError, match="exists already"):
        write_record(file, stocked / "records", **arguments)
    write_record(file, stocked / "records", overwrite=True, **(arguments | {"seed": 9}))
    assert get_record("gated.faces256").seed == 9


def test_what_yaml_cannot_hold_is_refused_and_nothing_is_written(stocked, tmp_path):
    file = stocked / "files" / "gated.faces256.safetensors"
    arguments = {**DESCRIPTION, "options": {"width": torch.zeros(1)}}
    with pytest.raises(WeightsError, match="plain numbers"):
        write_record(file, tmp_path / "out", name="gated.new", kind="inpainter", **arguments)
    assert not (tmp_path / "out").exists()


def test_no_record_is_written_of_a_file_that_is_no_safetensors(tmp_path):
    file = tmp_path / "x.safetensors"
    file.write_bytes(b"no")
    with pytest.raises(WeightsError, match="damaged"):
        write_record(file, name="gated.new", kind="inpainter", **DESCRIPTION)
    assert list(tmp_path.iterdir()) == [file]
