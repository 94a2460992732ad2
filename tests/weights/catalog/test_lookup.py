from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from weights.base.errors import ConfigurationError, UnmaskError, WeightsError
from weights.catalog import lookup
from weights.catalog.lookup import (
    DEFAULTS,
    default_name,
    get_record,
    list_weights,
    resolve,
    verify,
    weight_folders,
)
from weights.catalog.record import WEIGHT_KINDS


def test_lists_by_pattern_and_kind(stocked):
    assert list_weights() == ["gated.faces256", "yolo26n-seg.faces"]
    assert list_weights("gated.*") == ["gated.faces256"]
    assert list_weights(kind="detector") == ["yolo26n-seg.faces"]
    assert list_weights("nothing*") == []


def test_an_unknown_kind_names_the_nearest(stocked):
    with pytest.raises(ConfigurationError, match="Did you mean 'detector'"):
        list_weights(kind="detecter")
    with pytest.raises(ConfigurationError, match="Did you mean 'inpainter'"):
        default_name("inpaint")


def test_every_kind_has_a_default_of_its_kind(stocked):
    assert set(DEFAULTS) == set(WEIGHT_KINDS)
    for kind in ("confirmation", "landmarks"):
        with pytest.raises(WeightsError, match=f"unmask train {kind}"):
            get_record(default_name(kind))
    for kind in ("detector", "inpainter"):
        assert get_record(default_name(kind)).kind == kind
        assert resolve("default", kind).name == f"{DEFAULTS[kind]}.safetensors"


def test_default_needs_a_kind(stocked):
    with pytest.raises(WeightsError, match="the stage that they are for"):
        resolve("default")


def test_an_unknown_name_names_the_nearest(stocked):
    with pytest.raises(ConfigurationError, match=r"Did you mean 'gated\.faces256'"):
        resolve("gated.face256")


def test_a_default_that_is_not_there_says_what_to_do(shelves):
    with pytest.raises(WeightsError, match=r"unmask train inpainter.*\.safetensors"):
        resolve("default", "inpainter")


def test_weights_of_the_other_stage_are_refused(stocked):
    with pytest.raises(WeightsError, match="serve the inpainter, not the detector"):
        resolve("gated.faces256", "detector")


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl", ".ckpt", ".PT"])
def test_a_pickle_is_refused_in_one_sentence(stocked, tmp_path, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"whatever")
    for given in (path, str(path), path.name):
        with pytest.raises(WeightsError, match="pickle") as caught:
            resolve(given)
        assert str(caught.value).count(". ") == 0


def test_a_path_is_passed_through(stocked, tmp_path):
    own = tmp_path / "own.safetensors"
    shutil.copy(stocked / "files" / "gated.faces256.safetensors", own)
    assert resolve(own) == own
    assert resolve(str(own), "detector") == own


def test_a_relative_path_in_the_working_folder_is_a_path(stocked, tmp_path, monkeypatch):
    (tmp_path / "own.safetensors").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert resolve("own.safetensors") == Path("own.safetensors")


@pytest.mark.parametrize("path", ["no/such.safetensors", "such.safetensors", "some/folder/x.onnx"])
def test_a_path_that_leads_nowhere_is_named(stocked, path):
    with pytest.raises(WeightsError, match=path):
        resolve(path)


def test_a_folder_is_no_weight_file(stocked, tmp_path):
    with pytest.raises(WeightsError):
        resolve(tmp_path)


def test_a_missing_file_says_where_it_was_expected(stocked):
    (stocked / "files" / "gated.faces256.safetensors").unlink()
    with pytest.raises(WeightsError) as caught:
        resolve("gated.faces256")
    assert str(stocked / "files") in str(caught.value)
    assert "UNMASK_HOME" in str(caught.value)
    assert "reinstall" in str(caught.value)


def test_a_shortened_file_is_found_out(stocked):
    path = stocked / "files" / "gated.faces256.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="bytes instead of"):
        resolve("gated.faces256")


def test_a_changed_file_is_found_out_even_after_it_was_right(stocked):
    path = resolve("gated.faces256")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    with pytest.raises(WeightsError, match="SHA-256"):
        resolve("gated.faces256")


def test_the_digest_is_computed_once_per_file(stocked, monkeypatch):
    calls = []
    monkeypatch.setattr(
        lookup, "file_sha256", lambda path: calls.append(path) or get_record(path.stem).sha256
    )
    for _ in range(3):
        resolve("gated.faces256")
    assert len(calls) == 1


def test_verify_reads_the_file_anew(stocked):
    path = resolve("gated.faces256")
    assert verify("gated.faces256") == path
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(WeightsError, match="SHA-256"):
        verify("gated.faces256")


def test_unmask_home_adds_records_and_files(stocked, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("UNMASK_HOME", str(home))
    for folder in ("files", "records"):
        for path in (stocked / folder).glob("gated*"):
            shutil.move(path, home)
    assert weight_folders() == [stocked / "files", home]
    assert list_weights() == ["gated.faces256", "yolo26n-seg.faces"]
    assert resolve("gated.faces256") == home / "gated.faces256.safetensors"


def test_the_packages_file_goes_before_that_of_unmask_home(stocked, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(stocked / "files" / "gated.faces256.safetensors", home)
    monkeypatch.setenv("UNMASK_HOME", str(home))
    assert resolve("gated.faces256").parent == stocked / "files"


def test_an_unmask_home_that_does_not_exist_is_named(stocked, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("UNMASK_HOME", f"{home}{os.pathsep}{tmp_path / 'nowhere'}")
    with pytest.raises(WeightsError, match=r"UNMASK_HOME names .*nowhere, but there is no such"):
        resolve("gated.faces256")


def test_unmask_home_may_be_several_folders(stocked, tmp_path, monkeypatch):
    homes = [tmp_path / "first", tmp_path / "second"]
    for home in homes:
        home.mkdir()
    for folder in ("files", "records"):
        for path in (stocked / folder).glob("gated*"):
            shutil.move(path, homes[1])
    monkeypatch.setenv("UNMASK_HOME", os.pathsep.join(map(str, homes)))
    assert weight_folders() == [stocked / "files", *homes]
    assert resolve("gated.faces256") == homes[1] / "gated.faces256.safetensors"


def test_two_records_of_one_name_are_an_error(stocked, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(stocked / "records" / "gated.faces256.yaml", home / "mine.yaml")
    monkeypatch.setenv("UNMASK_HOME", str(home))
    with pytest.raises(WeightsError, match=r"Two weight records are named 'gated\.faces256'"):
        list_weights()


def test_a_damaged_record_is_an_error_of_the_family(stocked):
    (stocked / "records" / "broken.yaml").write_text("name: [")
    with pytest.raises(UnmaskError, match=r"broken\.yaml"):
        get_record("gated.faces256")
