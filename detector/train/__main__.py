"""`python -m detector.train` trains a detector."""

import sys

from detector.train.command import main

if __name__ == "__main__":
    sys.exit(main())
