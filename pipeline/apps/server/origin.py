"""Checks of host and origin: the server serves only its own pages under its own names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.apps.server.refusal import RequestRefusedError
from weights.base.errors import InputError

_HOST_NAME = re.compile(r"[\w-]+(\.[\w-]+)*\.?")


def check_names(names: Iterable[str]) -> None:
    """Refuse what cannot be a host name, and so would admit no request.

    Raises:
        InputError: a name is invalid.
    """
    for name in names:
        if not _HOST_NAME.fullmatch(name):
            raise InputError(
                f"A name of the server is that of a host alone, such as faces.example.org, but one "
                f"is {name!r}."
            )


class SameOrigin:
    """ASGI middleware: refuses requests with foreign host names and from other sites.

    A site that a user visits may point its own name to this machine (DNS rebinding), or send
    pictures here from its page; browsers send both the host name and the origin. IP addresses and
    `localhost` are always safe.

    Args:
        app: the application.
        names: further names of this server; None accepts any.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] | None) -> None:
        self._app = app
        self._names = None if names is None else frozenset(name.lower() for name in names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse a foreign host name or origin."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = headers.get("host", "").lower()
            origin = headers["origin"].lower() if "origin" in headers else None
            refusal = None
            if not self._is_own(host):
                message = (
                    f"This server is not known as {host[:100]!r}: call it by its address, or start "
                    "it with --name for each name that it has."
                )
                refusal = RequestRefusedError(421, "unknown_host", message)
            elif origin not in (None, f"http://{host}", f"https://{host}"):
                message = "Pages of other sites may not use this server."
                refusal = RequestRefusedError(403, "other_site", message)
            if refusal is not None:
                await refusal.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _is_own(self, host: str) -> bool:
        name = re.sub(r":[0-9]+$", "", host)
        if self._names is None or name == "localhost" or name in self._names:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True
