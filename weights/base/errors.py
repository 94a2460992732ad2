"""The exceptions of unmask.

They live in `weights` because every other package may import it.
"""

from __future__ import annotations

from weights.base.printable import printable


class UnmaskError(Exception):
    """Base of every error that unmask raises on purpose; its message is one sentence for the user.

    Control characters, which file names may contain, are written as escapes.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(printable(str(text)))


class InputError(UnmaskError, ValueError):
    """A picture, hole, path or argument from the user is invalid."""


class ConfigurationError(UnmaskError, ValueError):
    """A configuration names something unknown or contradicts itself."""


class WeightsError(UnmaskError):
    """A weight file is missing, damaged or made for another network."""


class MissingDependencyError(UnmaskError, ImportError):
    """An optional library needed for this call is not installed."""


class OutputError(UnmaskError, OSError):
    """A result cannot be written to the requested place."""


class ExistsError(OutputError):
    """A result already exists and may not be replaced."""


class TrainingError(UnmaskError, RuntimeError):
    """Training cannot continue: NaN losses, no memory left, or nothing to train on."""


def system_fault(error: OSError) -> str:
    """Describe an error of the system in one sentence, such as a full disk."""
    what = printable(str(error.filename)) if error.filename is not None else "A file or stream"
    return f"{what} cannot be read or written: {error.strerror or type(error).__name__}."
