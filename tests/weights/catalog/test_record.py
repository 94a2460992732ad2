from __future__ import annotations

import dataclasses
import pickle

import pytest
import yaml

from weights.base.errors import ConfigurationError, UnmaskError, WeightsError
from weights.catalog.record import WeightRecord, read_record


@pytest.fixture
def path(stocked):
    return stocked / "records" / "gated.faces256.yaml"


def rewrite(path, change):
    mapping = yaml.safe_load(path.read_text())
    change(mapping)
    path.write_text(yaml.safe_dump(mapping))


def test_a_record_survives_writing_and_reading(path):
    record = read_record(path)
    assert record.value_range == (-1.0, 1.0)
    assert record.data[0].licence == "CC BY 4.0"
    assert record.options == {"width": 4}
    path.write_text(yaml.safe_dump(record.to_mapping()))
    assert read_record(path) == record
    assert pickle.loads(pickle.dumps(record)) == record


def test_a_record_cannot_be_changed(path):
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_record(path).seed = 8


def test_a_record_is_checked_however_it_is_made(path):
    record = read_record(path)
    with pytest.raises(WeightsError, match="architecture"):
        dataclasses.replace(record, name="glcic.faces256")
    assert isinstance(record, WeightRecord)


def test_an_unknown_key_names_the_nearest(path):
    rewrite(path, lambda mapping: mapping.update(license=mapping.pop("licence")))
    with pytest.raises(ConfigurationError, match=r"'license'.*Did you mean 'licence'"):
        read_record(path)


def test_an_unknown_key_of_the_data_names_the_nearest(path):
    rewrite(path, lambda mapping: mapping["data"][0].update(credits="x"))
    with pytest.raises(ConfigurationError, match=r"'credits'.*Did you mean 'credit'"):
        read_record(path)


def test_a_missing_key_is_named(path):
    rewrite(path, lambda mapping: mapping.pop("sha256"))
    with pytest.raises(ConfigurationError, match=r"gated\.faces256\.yaml lacks the key 'sha256'"):
        read_record(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "gated"),
        ("name", "Gated.faces"),
        ("name", 3),
        ("kind", "refiner"),
        ("kind", []),
        ("architecture", "glcic"),
        ("file", "../gated.safetensors"),
        ("file", "gated.pt"),
        ("file", None),
        ("sha256", "0" * 63),
        ("sha256", 12),
        ("bytes", 0),
        ("bytes", True),
        ("bytes", "12"),
        ("seed", -1),
        ("parameters", 1.5),
        ("licence", ""),
        ("recipe", None),
        ("value_range", [1, -1]),
        ("value_range", [0, 1, 2]),
        ("value_range", ["a", "b"]),
        ("options", [1]),
        ("metrics", 3),
        ("data", []),
        ("data", "faces"),
        ("data", ["faces"]),
        ("notes", 3),
        ("gets_wrong", ["  "]),
    ],
)
def test_wrong_values_are_refused_in_one_sentence(path, key, value):
    rewrite(path, lambda mapping: mapping.update({key: value}))
    with pytest.raises(UnmaskError) as caught:
        read_record(path)
    assert "\n" not in str(caught.value)
    assert key in str(caught.value)


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "a: [", "\x00"])
def test_what_is_no_record_is_refused(tmp_path, text):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_record(path)
    assert "\n" not in str(caught.value)
    assert "x.yaml" in str(caught.value)
