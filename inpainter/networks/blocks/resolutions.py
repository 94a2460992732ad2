"""The sides of the maps of networks that work from their picture down to 4x4 and back."""

from __future__ import annotations

from weights.base.errors import ConfigurationError


def check_resolution(resolution: int) -> None:
    """Check the side that a network is made for.

    Raises:
        ConfigurationError: it is no power of two, or under 8 or over 1024.
    """
    if not 8 <= resolution <= 1024 or resolution & (resolution - 1):
        raise ConfigurationError(
            f"resolution must be a power of two from 8 to 1024, but is {resolution!r}."
        )


def sides(resolution: int) -> list[int]:
    """Give the sides from `resolution` down to 4, each half of the one before."""
    return [resolution >> level for level in range(resolution.bit_length() - 2)]
