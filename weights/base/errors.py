"""The one exception family of unmask.

It lives in `weights` because that is the package which every other one may import.
"""

from __future__ import annotations

from weights.base.printable import printable


class UnmaskError(Exception):
    """Base of every error that unmask raises on purpose; its text is one sentence for the user.

    Control characters, which the names of files may hold, are written as escapes.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(printable(str(text)))


class InputError(UnmaskError, ValueError):
    """A picture, hole, path or argument from the user is not what the call takes."""


class ConfigurationError(UnmaskError, ValueError):
    """A configuration names something unknown or contradicts itself."""


class WeightsError(UnmaskError):
    """A weight file is missing, damaged or made for another network."""


class MissingDependencyError(UnmaskError, ImportError):
    """An optional library is needed for this call and is not installed."""


class OutputError(UnmaskError, OSError):
    """A result cannot be written where it was asked for."""


class ExistsError(OutputError):
    """A result is there already and may not be replaced."""


class TrainingError(UnmaskError, RuntimeError):
    """Training cannot go on: not-a-number losses, no memory left, or nothing to train on."""


def system_fault(error: OSError) -> str:
    """One sentence on what the system refused: a full disk, a folder that cannot be written."""
    what = printable(str(error.filename)) if error.filename is not None else "A file or stream"
    return f"{what} cannot be read or written: {error.strerror or type(error).__name__}."
