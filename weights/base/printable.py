"""Making arbitrary text, such as file names, safe for a terminal."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """Escape control characters, which could move the cursor or disguise the text."""
    if text.isprintable():
        return text
    return "".join(_escaped(one) if unicodedata.category(one) in _UNFIT else one for one in text)


_UNFIT = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
