"""`unmask doctor`: checks that this installation works, and shows what it can do."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.commands.command_options import command_options
from pipeline.commands.stage_options import Device

_NAME_WIDTH = 28
_SIGNS = {"fine": ("ok", "green"), "missing": ("-", "yellow"), "broken": ("BROKEN", "bold red")}


@command_options
def doctor(
    device: Device = "auto",
    trial: Annotated[bool, typer.Option("--trial/--no-trial")] = True,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show what is installed, which device is used, and whether the weights are intact.

    Anything marked missing is optional: its line says how to install it.
    Nothing is written, and no cache folder is needed.

    Exit code: 0 if unmask works here, 1 if something is broken.

    Args:
        device: auto, cpu, cuda, cuda:N or mps.
        trial: Take the mask off a drawn picture.
        as_json: Print one JSON object.
    """
    from pipeline.apps.doctor import examine

    if as_json:
        findings = list(examine(device=device, trial=trial))
        works = all(finding.state != "broken" for finding in findings)
        report = {"works": works, "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(report, indent=2))
        raise typer.Exit(0 if works else 1)

    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True)
    broken, topic = 0, ""
    for finding in examine(device=device, trial=trial):
        if finding.topic != topic:
            console.print(Text(f"\n{finding.topic}" if topic else finding.topic, "bold"))
            topic = finding.topic
        sign, style = _SIGNS[finding.state]
        line = Text.assemble(
            "  ", (f"{sign:<7}", style), f"{finding.name:<{_NAME_WIDTH}} ", finding.detail
        )
        console.print(line)
        if finding.advice:
            console.print(Text(f"{'':9}{'':{_NAME_WIDTH}} {finding.advice}", "cyan"))
        broken += finding.state == "broken"
    console.print()
    if broken:
        console.print(Text(f"{broken} broken: unmask does not work here as it should.", "bold red"))
        raise typer.Exit(1)
    console.print("unmask works here.")
