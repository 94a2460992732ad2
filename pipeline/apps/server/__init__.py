"""HTTP API and web page: `create_application` makes both for one pipeline.

Needs FastAPI and uvicorn, from the extra `unmask[serve]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.apps.server.limits import ServerLimits
from weights.base.lazy_names import lazy_names
from weights.base.optional_libraries import missing_library

if TYPE_CHECKING:
    from pipeline.apps.server.application import create_application
    from pipeline.apps.server.running import run_server

__all__ = ["ServerLimits", "create_application", "run_server"]

_HOMES = {
    "create_application": "pipeline.apps.server.application",
    "run_server": "pipeline.apps.server.running",
}

_get, __dir__ = lazy_names(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    try:
        return _get(name)
    except ModuleNotFoundError as error:
        raise missing_library("The server", repr(error.name), "serve") from error
