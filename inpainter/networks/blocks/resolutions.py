"""Map sizes of networks that go down to 4x4 and back."""

from __future__ import annotations

from weights.base.errors import ConfigurationError


def check_resolution(resolution: int) -> None:
    """Check the side that a network is built for.

    Raises:
        ConfigurationError: it is not a power of two from 8 to 1024.
    """
    if not 8 <= resolution <= 1024 or resolution & (resolution - 1):
        raise ConfigurationError(
            f"resolution must be a power of two from 8 to 1024, but is {resolution!r}."
        )


def sides(resolution: int) -> list[int]:
    """Return the sides from `resolution` down to 4, each half the previous one."""
    return [resolution >> level for level in range(resolution.bit_length() - 2)]
