"""Options of commands in groups."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from pipeline.commands.option_groups import grouped_options


@dataclass(frozen=True)
class Output:
    """A group with an option that must be given."""

    folder: Annotated[Path, typer.Option("--folder", "-f")]
    quality: Annotated[int | None, typer.Option(min=1)] = None


@dataclass(frozen=True)
class Choice:
    """A group whose options may be left out."""

    named: Annotated[str, typer.Option(help="A name.")] = "all"


@pytest.fixture
def call():
    seen = []

    @grouped_options
    def command(
        source: Annotated[str, typer.Argument()],
        output: Output,
        choice: Choice,
        loud: Annotated[bool, typer.Option("--loud")] = False,
    ) -> None:
        """Do something."""
        seen.append((source, output, choice, loud))

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
