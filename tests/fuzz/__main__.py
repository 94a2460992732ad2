"""`python -m tests.fuzz --count 5000`: the same damaged files for the same seed."""

from __future__ import annotations

import argparse
import sys

from tests.fuzz.attack import attack


def main() -> int:
    """Run the command; 1 where anything but an `UnmaskError` came out."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=500, help="files")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = attack(options.count, options.seed)
    print(f"{options.count} files, seed {options.seed}: {found.read} read, {found.refused} refused")
    for kind, (read, refused) in sorted(found.kinds.items()):
        print(f"  {kind}: {read} read, {refused} refused")
    print(
        f"raw exceptions: {len(found.raw)}; slowest {found.slowest[0]:.2f} s ({found.slowest[1]})"
    )
    for description in found.raw[:20]:
        print(f"  {description}")
    return 1 if found.raw else 0


if __name__ == "__main__":
    sys.exit(main())
