import json
from pathlib import Path

import pytest

from pipeline.dataset.manifest import Journal, read_lines, write_lines
from pipeline.dataset.settings import DatasetSettings, claim_folder
from weights.base.errors import ConfigurationError, InputError


def test_journal_appends_and_survives_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    assert read_lines(path) == []
    with Journal(path) as journal:
        journal.append({"name": "a"})
        journal.append({"name": "ü"})
    with path.open("a") as file:
        file.write('{"name": "c", "fi')
    assert [line["name"] for line in read_lines(path)] == ["a", "ü"]
    write_lines(path, [{"name": "z"}])
    assert path.read_text() == '{"name": "z"}\n'


@pytest.mark.parametrize(
    "wrong",
    [
        {"pairs": -1},
        {"scenes": -1},
        {"size": 32},
        {"size": 2048},
        {"scene_size": 10},
        {"maskless": 1.5},
        {"picture_format": "gif"},
        {"shares": {"train": 0.0}},
    ],
)
def test_settings_refuse(wrong: dict) -> None:
    with pytest.raises(InputError):
        DatasetSettings(**wrong)


def test_settings_ignore_counts_but_nothing_else() -> None:
    base = DatasetSettings().to_mapping(["a"], [])
    assert DatasetSettings(pairs=7, scenes=9).to_mapping(["a"], []) == base
    assert DatasetSettings().to_mapping(["b"], []) != base
    for other in ({"seed": 1}, {"size": 128}, {"maskless": 0.3}, {"refiner": "none"}):
        assert DatasetSettings(**other).to_mapping(["a"], []) != base
    json.dumps(base)


def test_claim_folder_takes_new_and_equal_and_names_what_differs(tmp_path: Path) -> None:
    out = tmp_path / "set"
    mapping = DatasetSettings().to_mapping(["a"], [])
    claim_folder(out, mapping)
    claim_folder(out, mapping)
    with pytest.raises(ConfigurationError, match="seed was 0 and is now 4"):
        claim_folder(out, DatasetSettings(seed=4).to_mapping(["a"], []))


def test_claim_folder_refuses_foreign_folders_and_files(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"mine")
    with pytest.raises(InputError, match="not empty"):
        claim_folder(tmp_path, {})
    with pytest.raises(InputError):
        claim_folder(tmp_path / "holiday.jpg", {})
    assert (tmp_path / "holiday.jpg").read_bytes() == b"mine"


def test_a_line_cut_within_a_character_is_dropped(tmp_path):
    path = tmp_path / "manifest.jsonl"
    path.write_bytes('{"a": "ü"}\n{"a": "ü'.encode()[:-1])
    assert read_lines(path) == [{"a": "ü"}]


def test_a_journal_goes_on_behind_a_line_that_was_cut(tmp_path):
    path = tmp_path / "manifest.jsonl"
    path.write_text('{"a": 1}\n{"a": 2, "b')
    with Journal(path) as journal:
        journal.append({"a": 3})
    assert read_lines(path) == [{"a": 1}, {"a": 3}]


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"seed": '])
def test_damaged_settings_are_one_sentence(tmp_path, content):
    (tmp_path / "settings.json").write_text(content)
    with pytest.raises(InputError, match="cannot be read as the settings of a data set"):
        claim_folder(tmp_path, {})
