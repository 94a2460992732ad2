"""Libraries of the extras: a missing one is explained in one sentence."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from weights.base.errors import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterator


def missing_library(feature: str, libraries: str, extra: str) -> MissingDependencyError:
    """Make the error for libraries that are not installed.

    Args:
        feature: what needs them, in the singular, such as "Reading videos".
        libraries: their names, such as "PyAV".
        extra: the extra that installs them.
    """
    return MissingDependencyError(
        f"{feature} needs {libraries}: install it with pip install 'unmask[{extra}]'."
    )


@contextmanager
def imported_for(feature: str, libraries: str, extra: str) -> Iterator[None]:
    """Explain an import inside the block that fails; arguments as for `missing_library`.

    Raises:
        MissingDependencyError: a library is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise missing_library(feature, libraries, extra) from error
