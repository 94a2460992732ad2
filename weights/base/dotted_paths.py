"""Dotted paths "package.module:Name" by which users plug in their own code.

Importing them runs that code. So they are accepted only from the user: in code, on the command
line, in a recipe or configuration that the user names. What a file names is never imported from the
working directory, nothing in the standard library is a component, and nor is an object of an
unrelated installed package that merely takes the same number of arguments.
"""

from __future__ import annotations

import inspect
import re
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from weights.base.errors import ConfigurationError
from weights.base.names import import_object

_OWN_PACKAGES = ("detector", "inpainter", "pipeline", "weights")

_DOTTED_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def import_component(kind: str, dotted_path: str, method: str | None = None) -> Any:
    """Import the class or function named by a user as a component.

    Args:
        kind: the kind of component, in the singular, for error messages.
        dotted_path: "package.module:Name".
        method: anything with a method of this name is accepted, whoever wrote it.

    Raises:
        ConfigurationError: it does not exist, or is from the standard library or from an installed
            package that neither requires unmask nor registers a stage.
    """
    if _package(dotted_path) in sys.stdlib_module_names:
        raise ConfigurationError(
            f"{dotted_path!r} is not a valid {kind}: it belongs to Python's standard library."
        )
    found = import_object(dotted_path)
    if method is not None and callable(getattr(found, method, None)):
        return found
    packages = {_package(dotted_path)}
    if inspect.isroutine(found) or isinstance(found, type):
        # A module may re-export another's object.
        packages.add(_package(getattr(found, "__module__", None) or dotted_path))
    for package in sorted(packages):
        if _is_installed_with_us(package):
            if inspect.isroutine(found):
                raise ConfigurationError(
                    f"{dotted_path!r} is not a valid {kind}: of unmask's own objects, only "
                    "classes are components."
                )
        elif package in sys.stdlib_module_names or not _is_meant_for_unmask(package):
            raise ConfigurationError(
                f"{dotted_path!r} is not a valid {kind}: the package {package!r} was not made "
                "for unmask, as it neither depends on it nor registers a stage. Write a class or "
                "function of your own that calls it."
            )
    return found


def refuse_working_directory(content: Any, where: str) -> None:
    """Refuse dotted paths in a file's values that would be imported from the working directory.

    Args:
        content: values of the file, as parsed from YAML.
        where: the file, for the error message.

    Raises:
        ConfigurationError: there is one.
    """
    for text in _texts(content):
        if not _DOTTED_PATH.fullmatch(text) or _package(text) in sys.modules:
            continue
        if _is_installed_with_us(_package(text)):
            continue
        if _lies_only_in(_package(text), _implicit_folders()):
            raise ConfigurationError(
                f"{where} names {text!r}, which is in the working directory: names in a file are "
                "not imported from there. Name it on the command line, install its package, or "
                "put its folder on PYTHONPATH."
            )


def import_from_working_directory(content: Any) -> None:
    """Import dotted paths in values from the command line, also from the working directory.

    What cannot be imported is left to the users of the name to report.
    """
    folder = str(Path.cwd())
    for text in _texts(content):
        package = _package(text)
        if _DOTTED_PATH.fullmatch(text) and _lies_only_in(package, [folder]):
            sys.path.append(folder)
            try:
                import_module(text.partition(":")[0])
            except ModuleNotFoundError:
                pass
            finally:
                sys.path.remove(folder)


def _package(dotted_path: str) -> str:
    return dotted_path.partition(":")[0].partition(".")[0]


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping | list | tuple):
        for value in content.values() if isinstance(content, Mapping) else content:
            yield from _texts(value)


def _implicit_folders() -> list[str]:
    """The working directory, if Python searches it by default."""
    first = sys.path[:1] if not sys.flags.safe_path else []
    here = [entry for entry in sys.path if Path(entry).resolve() == Path.cwd()]
    asked_for = any(entry in here for entry in sys.path[len(first) :] if entry)
    return [] if asked_for else [entry for entry in [*first, ""] if entry in here]


def _is_installed_with_us(package: str) -> bool:
    """Whether Python would import a package from the folder of this one, as in a checkout."""
    spec = find_spec(package) if package in _OWN_PACKAGES else None
    ours = Path(__file__).resolve().parents[2]
    return spec is not None and Path(spec.origin or "").resolve().parent.parent == ours


def _is_meant_for_unmask(package: str) -> bool:
    """Whether a package is the user's own, or was installed for use with unmask."""
    module = sys.modules.get(package)
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", [])]
    files = [Path(place).resolve() for place in places if place]
    installed = any(file.is_relative_to(folder) for file in files for folder in _site_folders())
    return not installed or any(
        _holds(one, package) for one in distributions() if _needs_unmask(one)
    )


def _site_folders() -> list[Path]:
    """Folders of installed packages, except editable installs."""
    return [Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")] + [
        Path(entry).resolve()
        for entry in sys.path
        if Path(entry).name in ("site-packages", "dist-packages")
    ]


def _needs_unmask(distribution: Distribution) -> bool:
    needed = [re.split(r"[^\w.-]", text)[0].lower() for text in distribution.requires or []]
    groups = [point.group for point in distribution.entry_points]
    return "unmask" in needed or any(group.startswith("unmask.") for group in groups)


def _holds(distribution: Distribution, package: str) -> bool:
    return any(
        file.parts[0] == package or file.parts == (f"{package}.py",)
        for file in distribution.files or []
    )


def _lies_only_in(package: str, folders: list[str]) -> bool:
    found = PathFinder.find_spec(package, folders) if folders else None
    if found is None:
        return False
    others = [entry for entry in sys.path if entry not in folders]
    # A folder without __init__.py yields to a regular package anywhere else.
    return found.origin is not None or PathFinder.find_spec(package, others) is None
