"""The log of a run: one line per round, without duplicates after restarts."""

from __future__ import annotations

import re
from pathlib import Path

from weights.base.atomic import write_whole


def keep_first(path: Path, word: str, count: int) -> None:
    """Keep only a log's lines that begin with `word` and a number from 1 to `count`, each once.

    A run stopped after writing a line but before its checkpoint repeats that work.
    """
    if not path.is_file():
        return
    kept: dict[int, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        found = re.match(rf"{word} (\d{{1,18}})\b", line)
        if found and 1 <= int(found[1]) <= count:
            kept[int(found[1])] = line
    write_whole(path, "".join(f"{line}\n" for line in kept.values()), overwrite=True)
