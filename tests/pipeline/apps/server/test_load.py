"""Fifty clients at once: nothing but results and documented refusals, and steady memory.

The long version is `python -m tests.pipeline.apps.server.load --seconds 60`.
"""

import sys

import pytest

from tests.pipeline.apps.server.load import put_under_load


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT is sent to a process")
def test_fifty_clients_at_once():
    load = put_under_load(clients=50, pictures=2)
    assert set(load.answers) <= {200, 429}
    assert load.answers[200] == 50 * 2
    assert load.without_advice == 0
    assert load.exit_code == 130
    if load.memory:
        half = len(load.memory) // 2
        assert max(load.memory[half:]) < max(load.memory[: half + 1]) + 64 * 2**20
