"""`unmask serve`: what keeps it from starting is one sentence."""

import socket
import sys

import pytest

from pipeline import command_line
from pipeline.apps import server
from weights.base.errors import MissingDependencyError


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        command_line.main(["serve", *map(str, arguments)])
    captured = capsys.readouterr()
    return left.value.code, captured.out, captured.err


def test_a_taken_port(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = call(capsys, "--port", port)
    assert (code, out) == (2, "")
    assert err.startswith(f"unmask: Cannot listen on 127.0.0.1 port {port}: ")
    assert err.endswith("choose another with --port.\n")


def test_an_address_that_is_none(capsys):
    code, _, err = call(capsys, "--host", "no such host", "--port", 0)
    assert (code, "is no address of this machine" in err) == (2, True)


def test_weights_that_are_missing_show_before_anything_is_served(capsys, tmp_path):
    config = tmp_path / "pipeline.yaml"
    config.write_text(
        "detector: {name: yolo, weights: nowhere.safetensors}\ninpainter: telea\ndevice: cpu\n"
    )
    code, out, err = call(capsys, "--config", config, "--port", 0)
    assert (code, out) == (2, "")
    assert "nowhere.safetensors" in err
    assert "Traceback" not in err


def test_a_study_that_is_missing(capsys, tmp_path):
    code, _, err = call(capsys, "--study", tmp_path / "study.html", "--port", 0)
    assert (code, "Cannot read" in err) == (2, True)


def test_a_library_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "pipeline.apps.server.running", raising=False)
    with pytest.raises(MissingDependencyError, match=r"'uvicorn'.*unmask\[serve\]"):
        _ = server.run_server


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("variants", "0", "1 or more"),
        ("waiting", "-1", "0 or more"),
        ("port", "70000", "65535 or less"),
        ("megabytes", "inf", "1000000 or less"),
        ("megapixels", "0", "0.001 or more"),
        ("seconds", "nan", "1000000 or less"),
        ("confidence", "2", "1 or less"),
        ("port", "x", "a whole number"),
        ("seconds", "soon", "a number"),
    ],
)
def test_a_number_that_is_none_of_its_option(capsys, option, value, wanted):
    code, out, err = call(capsys, f"--{option}={value}")
    assert (code, out) == (2, "")
    ours = err == f"unmask: --{option} must be {wanted}, but is {value!r}.\n"
    # Typer before 0.29 has a sentence of its own for each.
    assert ours or (f"--{option}" in err and value in err and "is not" in err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", ""], "The address to listen on is empty"),
        (["--name", "http://faces.example.org/"], "'http://faces.example.org/'"),
        (["--name", ""], "a host alone, such as faces.example.org, but one is ''"),
    ],
)
def test_an_address_or_name_that_would_do_something_else(capsys, arguments, said):
    code, out, err = call(capsys, *arguments, "--port", 0)
    assert (code, out) == (2, "")
    assert err.startswith("unmask: ") and said in err
