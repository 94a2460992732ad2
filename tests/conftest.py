"""What holds for all tests."""

from __future__ import annotations

import os

# Weights that somebody keeps on this machine must not change what the tests find.
os.environ.pop("UNMASK_HOME", None)
