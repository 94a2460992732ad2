"""`python -m inpainter.train` with all of compilation but the writing of kernels.

That takes a minute and a C++ compiler.
"""

import sys
from functools import partial

import torch

from inpainter.train import main

if __name__ == "__main__":
    torch.compile = partial(torch.compile, backend="eager")  # type: ignore[misc]
    sys.exit(main())
