"""Libraries of the extras: a missing one is explained in one sentence."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weights.base.errors import MissingDependencyError


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


def package_files(package: str, pattern: str) -> list[Path]:
    """Find files of an installed package without importing it; none if it is not installed.

    Args:
        package: its name.
        pattern: of the files' paths inside it, such as "models/*.pth".
    """
    spec = importlib.util.find_spec(package)
    folders = (spec and spec.submodule_search_locations) or []
    return [file for folder in folders for file in sorted(Path(folder).glob(pattern))]
