"""`unmask weights`."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from inpainter.importing.families import FAMILIES
from pipeline.commands.weights import app
from tests.weights.conftest import DESCRIPTION
from weights.base.errors import ConfigurationError
from weights.catalog.store import write_record


def run(*arguments):
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_list_shows_every_record_and_stars_the_defaults(stocked):
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == ["name", "stage", "input", "parameters", "MB", "licence"]
    assert [line.split()[:2] for line in lines[1 : lines.index("")]] == [
        ["gated.faces256*", "inpainter"],
        ["yolo26n-seg.faces*", "detector"],
    ]


def test_list_shows_what_can_be_imported_and_what_has_been(stocked):
    file = stocked / "files" / "lama.big.safetensors"
    file.write_bytes((stocked / "files" / "gated.faces256.safetensors").read_bytes())
    write_record(file, stocked / "records", name="lama.big", kind="inpainter", **DESCRIPTION)
    lines = run("list").stdout.splitlines()
    offered = [line.split("  ")[0] for line in lines[lines.index("") + 2 :]]
    assert offered == sorted(FAMILIES)
    assert [line.split()[0] for line in lines if line.endswith("here already")] == ["lama"]
    assert "import" not in run("list", "--kind", "detector").stdout


def test_list_filters(stocked):
    assert "yolo" not in run("list", "gated.*").stdout
    assert "gated" not in run("list", "--kind", "detector").stdout


def test_list_as_json_is_the_whole_records(stocked):
    records = json.loads(run("list", "--json").stdout)
    assert [record["name"] for record in records] == ["gated.faces256", "yolo26n-seg.faces"]
    assert records[0]["data"][0]["credit"] == "A. Photographer"


def test_verify_tells_whole_from_damaged_files(stocked):
    assert run("verify").exit_code == 0
    path = stocked / "files" / "gated.faces256.safetensors"
    path.write_bytes(path.read_bytes() + b"x")
    result = run("verify")
    assert result.exit_code == 1
    assert "yolo26n-seg.faces: whole" in result.output
    assert "damaged" in result.output
    assert run("verify", "yolo26n-seg.faces").exit_code == 0


def test_path_prints_the_path_alone(stocked):
    printed = run("path", "gated.faces256").stdout
    assert printed == f"{stocked / 'files' / 'gated.faces256.safetensors'}\n"


def test_card_prints_the_card(stocked):
    assert run("card", "gated.faces256").stdout.startswith("# gated.faces256\n")


def test_an_unknown_name_is_an_error_of_the_family(stocked):
    with pytest.raises(ConfigurationError, match="Did you mean"):
        run("path", "gated.face256")
