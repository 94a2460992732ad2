"""HTTP API and web page: `create_application` makes both for one pipeline.

Needs FastAPI and uvicorn, from the extra `unmask[serve]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.apps.server.limits import ServerLimits

if TYPE_CHECKING:
    from pipeline.apps.server.application import create_application
    from pipeline.apps.server.running import run_server

__all__ = ["ServerLimits", "create_application", "run_server"]

_HOMES = {"create_application": "application", "run_server": "running"}
_OPTIONAL = {"fastapi", "starlette", "uvicorn", "python_multipart"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    try:
        module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _OPTIONAL:
            raise
        from weights.base.errors import MissingDependencyError

        raise MissingDependencyError(
            f"The server needs {error.name!r}: install it with `pip install 'unmask[serve]'`."
        ) from error
    return getattr(module, name)
