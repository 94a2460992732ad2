"""Lines of a log that stay when a run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weights.base.run_log import keep_first

if TYPE_CHECKING:
    from pathlib import Path


def test_rounds_that_are_done_again_go_and_none_is_there_twice(tmp_path: Path) -> None:
    log = tmp_path / "rounds.log"
    keep_first(log, "round", 3)
    assert not log.exists()
    log.write_bytes(b"round 1/9: a\nround 2/9: b\nround 1/9: c\nround 3/9: d\nroun\xff")
    keep_first(log, "round", 2)
    assert log.read_text() == "round 1/9: c\nround 2/9: b\n"
    keep_first(log, "round", 0)
    assert log.read_text() == ""
