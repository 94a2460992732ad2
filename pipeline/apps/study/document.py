"""Assembles a study's page as a single file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def compose_document(title: str, data: Mapping[str, Any]) -> str:
    """Inline style, script and data into the page, which may load nothing else.

    Args:
        title: heading.
        data: JSON values for the script.
    """
    folder = files("pipeline.apps.study") / "page"
    page, style, script = (
        (folder / name).read_text(encoding="utf-8")
        for name in ("study.html", "study.css", "study.js")
    )
    policy = (
        f"default-src 'none'; img-src data:; style-src {_hashed(style)}; "
        f"script-src {_hashed(script)}; base-uri 'none'; form-action 'none'"
    )
    # A "<" in a string of the data could close the element early.
    content = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "POLICY": html.escape(policy),
        "TITLE": html.escape(title),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": content,
    }
    return re.sub("@([A-Z]+)@", lambda match: parts[match.group(1)], page)


def _hashed(content: str) -> str:
    """CSP source expression that allows exactly this content. Source: CSP Level 3, 2.3.1."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
