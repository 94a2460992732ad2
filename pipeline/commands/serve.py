"""`unmask serve`: the web page and the HTTP API on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.command_options import command_options
from pipeline.commands.stage_options import DeviceOfStages, StageOptions
from weights.base import stopping
from weights.base.errors import InputError


@command_options
def serve(
    stages: StageOptions,
    host: str = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    device: DeviceOfStages = None,
    megabytes: Annotated[float, typer.Option(min=0.001, max=1000000.0)] = 32.0,
    megapixels: Annotated[float, typer.Option(min=0.001, max=1000000.0)] = 40.0,
    seconds: Annotated[float, typer.Option(min=0.1, max=1000000.0)] = 60.0,
    waiting: Annotated[int, typer.Option(min=0)] = 16,
    variants: Annotated[int, typer.Option(min=1)] = 4,
    name: list[str] | None = None,
    study: Path | None = None,
) -> None:
    """Serve the web page and the HTTP API; Ctrl-C stops.

    A filled face is a guess made by a model. It is never evidence of who
    someone is; every picture sent out says so in its metadata.

    Where several networks have weights, a request may choose the inpainter.
    Pictures are processed one at a time, in memory; none is kept. There is no
    password: whoever can reach the address can use it, by default only this
    machine. The API is described at /docs.

    Args:
        stages: Which stages are used.
        host: Address to listen on; 0.0.0.0 lets other machines in.
        port: Port to listen on; 0 takes a free one.
        device: auto, cpu, cuda, cuda:N or mps.
        megabytes: Largest request, in megabytes (2^20 bytes).
        megapixels: Largest picture, in millions of pixels.
        seconds: How long a request may take, waiting included.
        waiting: How many requests may queue behind the running one; further ones get 429.
        variants: Maximum number of variants per request.
        name: A host name of this server, such as faces.example.org; may be repeated. Requests with
            other host names are refused.
        study: A page made by `unmask study make`, served at /study.
    """
    from pipeline.apps.server import ServerLimits, run_server
    from pipeline.apps.server.loopback import is_loopback
    from pipeline.core import Pipeline

    limits = ServerLimits(
        round(megabytes * 2**20), round(megapixels * 1e6), seconds, waiting, variants
    )
    try:
        page = None if study is None else study.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {study}: {error.strerror or error}.") from error

    def ready(address: str) -> None:
        typer.echo(f"unmask: {address} (the API is described at {address}docs; Ctrl-C stops)")
        if page is not None:
            typer.echo(f"unmask: the study is at {address}study")
        if not is_loopback(host):
            typer.echo(
                f"unmask: other machines may reach {host}; there is no password and no encryption.",
                err=True,
            )

    try:
        run_server(
            Pipeline(**stages.arguments(device=device)),
            host=host,
            port=port,
            limits=limits,
            inpainters=_trained_inpainters(),
            study=page,
            names=name or (),
            ready=ready,
        )
    except KeyboardInterrupt:
        typer.echo("unmask: stopped.", err=True)
        raise typer.Exit(stopping.exit_code()) from None


def _trained_inpainters() -> dict[str, str]:
    """The networks with weights on this machine, for requests to choose from."""
    from inpainter.registry import list_models

    # gated-detail only adds detail to the fills of other networks.
    names = set(list_models(pretrained=True)) - {"gated-detail"}
    return {name: name for name in sorted(names)}
