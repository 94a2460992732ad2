from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from weights.base.errors import InputError
from weights.base.json_lines import read_json_lines

if TYPE_CHECKING:
    from pathlib import Path


def even(entry: dict[str, Any]) -> int | None:
    number = int(entry["number"])
    return number if number % 2 == 0 else None


def test_lines_become_entries_and_some_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"number": 2}\n\n{"number": 3}\n{"number": "4"}\n')
    assert read_json_lines(path, even, "number") == [2, 4]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", r"Line 2 of .*set\.jsonl is not a valid number: it is not valid JSON \(.*\)\."),
        ("[1]", r"must be a JSON object, but is '\[1\]'\."),
        ("{}", r"is not a valid number: it lacks 'number'\."),
        ('{"number": "two"}', "invalid literal"),
        ('{"number": null}', "NoneType"),
    ],
)
def test_a_fault_is_said_with_file_and_line(line: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"number": 2}\n' + line + "\n")
    with pytest.raises(InputError, match=sentence) as caught:
        read_json_lines(path, even, "number")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Cannot read the annotations .*absent\.jsonl: No such"):
        read_json_lines(tmp_path / "absent.jsonl", even, "number")
    (tmp_path / "binary.jsonl").write_bytes(b"\xff\x00")
    with pytest.raises(InputError, match="not UTF-8 text"):
        read_json_lines(tmp_path / "binary.jsonl", even, "number")


def test_a_line_separator_within_a_text_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": "x\u2028y\u0085z"}\r\n\n{"a": "w"}', encoding="utf-8")
    assert read_json_lines(path, lambda entry: entry["a"], "text") == ["x\u2028y\x85z", "w"]
    path.write_text('{"a": "x"}\n', encoding="utf-16")
    assert read_json_lines(path, lambda entry: entry["a"], "text") == ["x"]
