"""Options of commands, in groups and described by docstrings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
import typer
from typer.testing import CliRunner

from pipeline.commands.command_options import command_options


@dataclass(frozen=True)
class Output:
    """A group with an option that must be given.

    Attributes:
        folder: Of the result.
        quality: One or more.
    """

    panel: ClassVar = "Heading of the group"

    folder: Annotated[Path, typer.Option("--folder", "-f")]
    quality: Annotated[int | None, typer.Option(min=1)] = None


@dataclass(frozen=True)
class Choice:
    """A group whose options may be left out."""

    named: Annotated[str, typer.Option(help="A name.")] = "all"


@pytest.fixture
def call():
    seen = []

    @command_options
    def command(
        source: Annotated[str, typer.Argument()],
        output: Output,
        choice: Choice,
        loud: bool = False,
        low: Annotated[bool, typer.Option(help="By its annotation.")] = False,
    ) -> None:
        """Do something.

        Args:
            source: Where from, and
                so on.
            output: The group.
            choice: The group.
            loud: By the docstring.
            low: Not this.
        """
        seen.append((source, output, choice, loud))
        assert not low

    app = typer.Typer()
    app.command()(command)

    def run(*arguments):
        return CliRunner().invoke(app, list(arguments)), seen

    return run


def test_fields_are_options_and_come_as_their_groups(call):
    result, seen = call("in", "-f", "out", "--quality", "3", "--named", "one", "--loud")
    assert result.exit_code == 0, result.output
    assert seen == [("in", Output(Path("out"), 3), Choice("one"), True)]


def test_defaults_are_those_of_the_fields(call):
    _, seen = call("in", "--folder", "out")
    assert seen == [("in", Output(Path("out"), None), Choice("all"), False)]


@pytest.mark.parametrize("arguments", [["in"], ["in", "-f", "out", "--quality", "0"]])
def test_what_typer_asks_of_an_option_holds_in_a_group(call, arguments):
    result, seen = call(*arguments)
    assert (result.exit_code, seen) == (2, [])


def test_the_help_is_the_commands_own(call):
    result, _ = call("--help")
    assert "Do something." in result.output
    assert "A name." in result.output


def test_what_docstrings_say_is_the_help_of_options(call):
    output = " ".join(call("--help")[0].output.split())
    for text in ("Where from, and so on.", "Of the result.", "Heading of the group"):
        assert text in output
    assert "By the docstring." in output
    assert "By its annotation." in output
    for text in ("Args:", "Not this.", "The group.", "--no-loud", "None"):
        assert text not in output
