"""Running the application on a free port of this machine, in a thread of the tests."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn

from pipeline.apps.server import create_application

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running_server(pipeline: Any, limits: Any = None, **options: Any) -> Iterator[str]:
    """Give the address of a running server, such as "http://127.0.0.1:41234"."""
    config = uvicorn.Config(
        create_application(pipeline, limits, **options),
        host="127.0.0.1",
        port=0,
        lifespan="on",
        log_level="critical",
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
