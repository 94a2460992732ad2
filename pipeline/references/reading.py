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
        return [
            read_picture(one, name=reference_name(index, len(given))).pixels
            for index, one in enumerate(given)
        ]
    return [read_picture(given, name=reference_name(0, 1)).pixels]


def reference_name(index: int, count: int) -> str:
    """What sentences call a reference photo."""
    return "the reference photo" if count == 1 else f"reference photo {index + 1}"
