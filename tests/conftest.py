"""What holds for all tests."""

from __future__ import annotations

import os
import signal

# Weights that somebody keeps on this machine must not change what the tests find.
os.environ.pop("UNMASK_HOME", None)

# A shell's background job ignores Ctrl-C, and so would every process that the tests start from it.
signal.signal(signal.SIGINT, signal.default_int_handler)
