"""The program: its table of commands, its exit codes, and what its help loads."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import command_line
from weights.base.errors import ConfigurationError

ROOT = Path(command_line.__file__).parents[1]


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        command_line.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return left.value.code, captured.out, captured.err


def in_a_process(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_lists_every_command_and_says_what_a_fill_is(capsys):
    code, out, _ = call(capsys, "--help")
    assert code == 0
    for name in command_line.COMMANDS:
        assert name in out
    assert "never evidence of who" in out


@pytest.mark.parametrize("name", list(command_line.COMMANDS))
def test_every_command_has_help(capsys, name):
    code, out, _ = call(capsys, name, "--help")
    assert code == 0
    assert f"unmask {name}" in out


def test_help_loads_nothing_heavy():
    program = (
        "import sys; sys.argv = ['unmask', '--help']\n"
        "from pipeline.command_line import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'cv2', 'PIL', 'ultralytics', 'skimage', 'yaml'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))"
    )
    assert "LOADED []" in in_a_process("-c", program).stdout


@pytest.mark.parametrize("arguments", [["run", "--help"], ["run", "none.jpg", "-o", "x"]])
def test_run_loads_no_torch_before_there_is_work(arguments):
    program = (
        f"import sys; sys.argv = ['unmask', *{arguments!r}]\n"
        "from pipeline.command_line import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('LOADED', sorted({'torch', 'ultralytics'} & set(sys.modules)))"
    )
    assert "LOADED []" in in_a_process("-c", program).stdout


def test_python_m_pipeline_is_the_program():
    done = in_a_process("-m", "pipeline", "run", "none.jpg", "-o", "x")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "unmask: There is no file or folder 'none.jpg'.\n"


def test_version(capsys):
    code, out, _ = call(capsys, "--version")
    assert code == 0
    assert out.startswith("unmask ")


@pytest.mark.parametrize("arguments", [["nothing"], ["run"], ["run", "a.jpg"], ["run", "--nope"]])
def test_wrong_calls_leave_with_2(capsys, arguments):
    code, out, err = call(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert err


def test_a_command_s_nearest_is_named(capsys):
    code, _, err = call(capsys, "rum")
    assert code == 2
    assert "Did you mean 'run'?" in err


@pytest.mark.parametrize("name", list(command_line.COMMANDS))
def test_completion_is_set_up_for_the_program_alone(capsys, name):
    assert "--install-completion" not in call(capsys, name, "--help")[1]


def test_an_error_of_ours_is_one_sentence(capsys, monkeypatch):
    def fails() -> None:
        raise ConfigurationError("This is wrong.")

    monkeypatch.setattr(command_line, "_load", lambda path: _command(fails))
    assert call(capsys, "run") == (2, "", "unmask: This is wrong.\n")


def test_a_mistake_of_ours_is_not_hidden(monkeypatch):
    def fails() -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(command_line, "_load", lambda path: _command(fails))
    with pytest.raises(RuntimeError, match="a bug"):
        command_line.main(["run"])


def _command(function):
    import typer

    app = typer.Typer(add_completion=False)
    app.command()(function)
    return typer.main.get_command(app)


class TestCompletion:
    """What a shell is told when the user presses the tab key."""

    @pytest.fixture
    def complete(self, capsys, monkeypatch):
        def ask(line):
            words = line.split(" ")
            monkeypatch.setenv("_UNMASK_COMPLETE", "complete_bash")
            monkeypatch.setenv("COMP_WORDS", line)
            monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
            code, out, _ = call(capsys)
            assert code == 0
            return out.split()

        return ask

    def test_commands(self, complete):
        assert complete("unmask ") == list(command_line.COMMANDS)
        assert complete("unmask d") == ["doctor"]

    def test_options_of_a_command(self, complete):
        assert complete("unmask run --sa") == ["--save-mask", "--save-report"]

    def test_commands_of_a_command(self, complete):
        assert set(complete("unmask evaluate ")) >= {"inpainter", "detector"}

    def test_names_of_stages_and_formats(self, complete):
        assert complete("unmask run --inpainter tele") == ["telea"]
        assert complete("unmask run --blender p") == ["poisson"]
        assert complete("unmask run --format j") == ["jpeg", "jp2"]
        assert complete("unmask doctor --device c") == ["cpu", "cuda"]

    def test_files_are_left_to_the_shell(self, complete):
        assert complete("unmask run photo") == []

    def test_completing_options_loads_no_torch(self):
        program = (
            "import os, sys; sys.argv = ['unmask']\n"
            "os.environ |= {'_UNMASK_COMPLETE': 'complete_bash', 'COMP_CWORD': '2',"
            " 'COMP_WORDS': 'unmask run --sa'}\n"
            "from pipeline.command_line import main\n"
            "try: main()\n"
            "except SystemExit: pass\n"
            "print('LOADED', sorted({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
        )
        assert "--save-mask\n--save-report\nLOADED []" in in_a_process("-c", program).stdout

    @pytest.fixture
    def bash(self, monkeypatch):
        # Typer asks which shell began the program; a test may have been begun by none.
        monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))

    @pytest.mark.usefixtures("bash")
    def test_the_script_for_a_shell_can_be_shown(self, capsys):
        code, out, _ = call(capsys, "--show-completion")
        assert code == 0
        assert "_UNMASK_COMPLETE=complete_bash" in out

    @pytest.mark.usefixtures("bash")
    def test_it_can_be_installed(self, capsys, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        code, out, _ = call(capsys, "--install-completion")
        assert code == 0
        assert "installed" in out
        script = tmp_path / ".bash_completions" / "unmask.sh"
        assert str(script) in (tmp_path / ".bashrc").read_text()
        assert "complete -o default -F _unmask_completion unmask" in script.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "photo.jpg", "-o", "out.jpg", "--batch", "0"],
        ["run", "photo.jpg", "-o", "out.jpg", "--gpus", "x"],
        ["bench", "pipeline", "--runs", "0"],
        ["evaluate", "detector", "data.yaml", "--image-size", "8"],
        ["synthesize", "faces", "data", "--scenes", "-1"],
        ["export", "inpainter", "-o", "x.onnx", "--tolerance", "-1"],
    ],
)
def test_a_number_that_is_none_of_its_option_is_said_in_our_words(capsys, arguments):
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert arguments[-2] in err and arguments[-1] in err and "Input should" not in err


def test_all_options_that_a_command_requires_are_named_at_once(capsys):
    code, _, err = call(capsys, "weights", "record", "file", "--data", "data.yaml")
    assert (code, err.strip()) == (
        2,
        "unmask: --name is missing: this command requires --name, --data, --recipe.",
    )
    # Missing arguments are named by Typer, with the command's usage.
    code, _, err = call(capsys, "evaluate", "detector")
    assert code == 2 and "Missing argument" in err
