"""Runs the application on a socket of this machine."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping, Sequence

import uvicorn

from pipeline.apps.server.application import create_application
from pipeline.apps.server.connections import (
    BACKLOG,
    BoundedProtocol,
    OncePerMinute,
    Server,
    most_connections,
)
from pipeline.apps.server.limits import ServerLimits
from pipeline.apps.server.origin import check_names
from pipeline.core import Pipeline
from pipeline.warm_up import warm_up
from weights.base.errors import InputError
from weights.base.protocols import StageSpecification


def run_server(
    pipeline: Pipeline,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    limits: ServerLimits | None = None,
    inpainters: Mapping[str, StageSpecification] | None = None,
    study: bytes | None = None,
    names: Sequence[str] = (),
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; running requests are answered first.

    A second signal stops at once. Connections that send no request head in time are closed, and
    their number is limited.

    The stages are loaded and run once before the first request is accepted, so that missing weights
    show at once.

    Args:
        pipeline: does the work.
        host: address to listen on.
        port: 0 takes a free one.
        limits: of requests; None for the defaults.
        inpainters: further inpainters that a request may choose, by name.
        study: content of a page of `unmask study make`, served at /study.
        names: accepted host names in addition to its address and `localhost`.
        ready: called with the page's address once the socket is open.

    Raises:
        InputError: the address cannot be listened on, or a name is not a host name.
        UnmaskError: a stage cannot be loaded, or an inpainter is unknown.
        KeyboardInterrupt: after Ctrl-C, once everything is closed.
    """
    limits = limits or ServerLimits()
    check_names(names)
    with _listen(host, port) as listener:
        warm_up(pipeline)
        config = uvicorn.Config(
            create_application(
                pipeline, limits, inpainters=inpainters, study=study, names=(host, *names)
            ),
            http=type("Protocol", (BoundedProtocol,), {"most": most_connections()}),
            backlog=BACKLOG,
            lifespan="on",
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=max(1, round(limits.seconds)),
        )
        if ready is not None:
            bound = listener.getsockname()[1]
            ready(f"http://{f'[{host}]' if ':' in host else host}:{bound}/")
        repeated = OncePerMinute()
        logging.getLogger("asyncio").addFilter(repeated)
        try:
            Server(config).run(sockets=[listener])
        finally:
            logging.getLogger("asyncio").removeFilter(repeated)


def _listen(host: str, port: int) -> socket.socket:
    if not host.strip():
        raise InputError(
            "The address to listen on is empty, which would let all machines in: 127.0.0.1 is this "
            "machine alone, 0.0.0.0 all."
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise InputError(f"{host!r} port {port} is no address of this machine.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InputError(
            f"Cannot listen on {host} port {port}: {error.strerror or error}; "
            "choose another with --port."
        ) from error
    return listener
