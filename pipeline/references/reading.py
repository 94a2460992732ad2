"""Reference photos, as a user gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weights.images import read_picture

if TYPE_CHECKING:
    from weights.base.contracts import Image


def read_references(given: Any) -> list[Image]:
    """Read the reference photos of one picture.

    Args:
        given: None, or a photo as path, bytes, PIL picture or uint8 array, or a list of such.

    Returns:
        uint8 RGB `(H, W, 3)` each, upright.

    Raises:
        InputError: one is no picture that can be read.
    """
    if given is None:
        return []
    if isinstance(given, list | tuple):
        names = reference_names(len(given))
        return [read_picture(one, name=name).pixels for one, name in zip(given, names, strict=True)]
    return read_references([given])


def reference_names(count: int) -> list[str]:
    """What sentences call so many reference photos."""
    if count == 1:
        return ["the reference photo"]
    return [f"reference photo {number}" for number in range(1, count + 1)]
