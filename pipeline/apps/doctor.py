"""Checks whether this installation of unmask works, and what it can do here."""

from __future__ import annotations

import importlib
import platform
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement
from packaging.version import InvalidVersion

from weights.base.errors import UnmaskError
from weights.catalog import lookup

State = Literal["fine", "missing", "broken"]

_MODULES = {
    "dlib-bin": "dlib",
    "opencv-python": "cv2",
    "pillow": "PIL",
    "python-multipart": "python_multipart",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "torch-fidelity": "torch_fidelity",
}
"""Distributions whose module name is not their own with `_` for `-`."""

_NOT_IMPORTED = frozenset({"ultralytics"})
"""Modules that must not be imported, as they change the process (`detector.find.isolation`)."""

_FOR_DEVELOPERS = frozenset({"dev", "docs", "test"})
"""Extras for developing unmask, of no use for running it."""


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        topic: its group, such as "weights".
        name: what was checked.
        state: "fine"; "missing", if optional; or "broken", if unmask cannot work.
        detail: what was found.
        advice: how to fix it, if needed.
    """

    topic: str
    name: str
    state: State
    detail: str
    advice: str = ""


def examine(*, device: Any = "auto", trial: bool = True) -> Iterator[Finding]:
    """Check everything that the pipeline needs, one thing after another.

    Args:
        device: the device to check.
        trial: also run the default stages on a drawn picture.
    """
    yield from _examine_program()
    needed = requirements()
    libraries = [_examine_library("libraries", one) for one in needed.get("", [])]
    yield from libraries
    if any(finding.state == "broken" for finding in libraries):
        return
    yield from _examine_device(device)
    yield from _examine_weights()
    yield from _examine_formats()
    yield _examine_temporary_folder()
    for extra, wanted in sorted(needed.items()):
        if extra and extra not in _FOR_DEVELOPERS:
            yield _examine_extra(extra, wanted)
    if trial:
        yield _try(device)


def requirements() -> dict[str, list[str]]:
    """Requirements such as "numpy>=1.26" by extra; "" has those always needed.

    Read from the installed package's metadata, or from pyproject.toml in a checkout that is not
    installed.
    """
    try:
        listed = requires("unmask") or []
    except PackageNotFoundError:
        return _requirements_of_checkout()
    found: dict[str, list[str]] = {"": []}
    for line in listed:
        needed, _, condition = line.partition(";")
        extra = re.search(r"""extra\s*==\s*["']([^"']+)["']""", condition)
        found.setdefault(extra.group(1) if extra else "", []).append(needed.strip())
    return found


def _requirements_of_checkout() -> dict[str, list[str]]:
    import tomllib

    path = Path(__file__).parents[2] / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, ValueError):
        return {}
    return {"": project["dependencies"], **project["optional-dependencies"]}


def _examine_program() -> Iterator[Finding]:
    installed = _version_of("unmask")
    detail = installed or "not installed as a package; it runs from a checkout"
    yield Finding("program", "unmask", "fine", detail)
    yield Finding("program", "Python", "fine", platform.python_version())
    yield Finding("program", "system", "fine", f"{platform.system()} {platform.machine()}")


def _examine_library(topic: str, requirement: str) -> Finding:
    """Check that a distribution is installed, new enough and can be imported."""
    needed = Requirement(requirement)
    name = needed.name
    module = _MODULES.get(name.lower(), name.replace("-", "_"))
    advice = f"pip install {requirement!r}"
    try:
        if find_spec(module) is None:
            return Finding(topic, name, "broken", "not installed", advice)
        loaded = None if module in _NOT_IMPORTED else importlib.import_module(module)
    except Exception as error:  # a damaged library fails in many ways while it is imported
        text = " ".join(str(error).split())
        if module == "cv2":
            advice = "pip install --force-reinstall --no-deps opencv-python-headless"
        return Finding(topic, name, "broken", f"cannot be imported: {text}", advice)
    found = _version_of(name) or str(getattr(loaded, "__version__", "of unknown version"))
    if _is_too_old(found, needed):
        detail = f"{found}, but {_least_version(needed)} is needed"
        return Finding(topic, name, "broken", detail, advice)
    return Finding(topic, name, "fine", found)


def _examine_extra(extra: str, wanted: Sequence[str]) -> Finding:
    """Check that an extra's libraries are installed, without importing them, which can be slow."""
    missing, found = [], []
    for needed in map(Requirement, wanted):
        installed = _version_of(needed.name)
        if installed is None:
            missing.append(needed.name)
        elif _is_too_old(installed, needed):
            missing.append(f"{needed.name} {_least_version(needed)} (here is {installed})")
        else:
            found.append(f"{needed.name} {installed}")
    if not missing:
        return Finding("extras", extra, "fine", ", ".join(found))
    own = f"unmask[{extra}]" if _version_of("unmask") else f".[{extra}]"
    return Finding(
        "extras", extra, "missing", f"without {', '.join(missing)}", f"pip install {own!r}"
    )


def _examine_device(device: Any) -> Iterator[Finding]:
    import torch

    from inpainter.completion import NetworkInpainter
    from weights.base.device import resolve_device

    try:
        chosen = resolve_device(device)
        number_type = str(NetworkInpainter(device=chosen).dtype).removeprefix("torch.")
    except UnmaskError as error:
        yield Finding("device", str(device), "broken", str(error), "--device auto")
        return
    if chosen.type == "cuda":
        properties = torch.cuda.get_device_properties(chosen)
        what = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    elif chosen.type == "cpu":
        threads = torch.get_num_threads()
        what = f"{platform.machine()}, {threads} thread{'' if threads == 1 else 's'}"
    else:
        what = "Apple GPU"
    yield Finding("device", str(chosen), "fine", what)
    backend = f"torch {torch.__version__}, the inpainter in {number_type}"
    yield Finding("device", "backend", "fine", backend)


def _examine_weights() -> Iterator[Finding]:
    try:
        names = lookup.list_weights()
    except UnmaskError as error:
        yield Finding("weights", "catalog", "broken", str(error))
        return
    defaults = set(lookup.DEFAULTS.values())
    for name in sorted({*names, *defaults}):
        title = f"{name} (default)" if name in defaults else name
        try:
            path = lookup.verify(name)
        except UnmaskError as error:
            yield Finding("weights", title, "broken", str(error))
        else:
            digest = lookup.get_record(name).sha256
            yield Finding("weights", title, "fine", f"whole, SHA-256 {digest[:12]}..., {path}")


def _examine_formats() -> Iterator[Finding]:
    import PIL.Image

    from weights.images.formats import READ_FORMATS

    PIL.Image.init()
    read = [form for form in READ_FORMATS if form in PIL.Image.OPEN]
    written = [form for form in read if form in PIL.Image.SAVE]
    only = [form for form in read if form not in written]
    detail = ", ".join(written) + (f"; read only: {', '.join(only)}" if only else "")
    yield Finding("files", "pictures", "fine", detail)
    video = find_spec("av") is not None
    state: State = "fine" if video else "missing"
    detail = "with PyAV" if video else "need PyAV, which the extra 'video' brings"
    yield Finding("files", "videos", state, detail)


def _examine_temporary_folder() -> Finding:
    try:
        folder = tempfile.gettempdir()
    except OSError as error:
        advice = "Set TMPDIR to a folder that can be written."
        return Finding("files", "temporary folder", "broken", str(error), advice)
    detail = f"{folder}; no cache and no settings are kept"
    return Finding("files", "temporary folder", "fine", detail)


def _try(device: Any) -> Finding:
    from pipeline.apps.bench.pipeline import benchmark_picture
    from pipeline.core import Pipeline

    picture = benchmark_picture(640, 480)
    began = time.perf_counter()
    try:
        result = Pipeline(device=device).run([picture])[0]
    except Exception as error:  # whatever goes wrong here is what the user wants to know
        text = " ".join(str(error).split())
        return Finding("trial", "a drawn picture", "broken", f"{type(error).__name__}: {text}")
    seconds = time.perf_counter() - began
    count = len(result.faces)
    detail = f"{count} mask{'' if count == 1 else 's'} taken off in {seconds:.1f} s with loading"
    return Finding("trial", "a drawn picture", "fine", detail)


def _version_of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _least_version(needed: Requirement) -> str:
    return str(needed.specifier).removeprefix(">=")


def _is_too_old(found: str, needed: Requirement) -> bool:
    try:
        return not needed.specifier.contains(found, prereleases=True)
    except InvalidVersion:
        return False
