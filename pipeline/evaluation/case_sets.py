"""Opens test cases by hole name: frozen on disk, drawn shapes, or drawn masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from detector.synthesis import TemplateFolder
from inpainter.evaluation.benchmark_cases import BenchmarkCases, Case
from inpainter.evaluation.stored_cases import LIST_FILE, StoredCases
from inpainter.holes import create_holes
from pipeline.evaluation.drawn_faces import DrawnFaces, DrawnMaskCases
from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name
from weights.base.protocols import Refiner

HOLE_NAMES: Final = {"face-mask": "detector.synthesis.holes:FaceMaskHoles"}
"""Names of hole generators outside the package `inpainter`."""

DRAWN_MASK: Final = "drawn-mask"
"""Name of the holes that a refiner makes of drawn masks of known kind."""

_DRAWN_OPTIONS: Final = ("name", "templates", "refiner")


class JoinedCases:
    """Cases with several kinds of holes, concatenated.

    The kind becomes the group "holes" of its cases and part of their names.

    Args:
        kinds: name of the holes to cases.
    """

    def __init__(self, kinds: Mapping[str, CaseSet]) -> None:
        self.kinds = kinds

    def __len__(self) -> int:
        return sum(map(len, self.kinds.values()))

    @property
    def masked(self) -> bool:
        """Whether all cases come with the masked picture."""
        return all(cases.masked for cases in self.kinds.values())

    def __iter__(self) -> Iterator[Case]:
        for kind, cases in self.kinds.items():
            yield from _of_kind(kind, cases)

    def only(self, names: Iterable[str]) -> Iterator[Case]:
        """Give the cases of these names."""
        wanted = list(names)
        for kind, cases in self.kinds.items():
            ending = f" [{kind}]"
            own = [name.removesuffix(ending) for name in wanted if name.endswith(ending)]
            yield from _of_kind(kind, cases.only(own))


CaseSet: TypeAlias = "BenchmarkCases | StoredCases | DrawnMaskCases | JoinedCases"
"""Test cases, the same on each pass."""


def _of_kind(kind: str, cases: Iterable[Case]) -> Iterator[Case]:
    for case in cases:
        yield replace(case, name=f"{case.name} [{kind}]", groups={**case.groups, "holes": kind})


def is_stored(folder: Path) -> bool:
    """Whether a folder holds test cases that `unmask evaluate freeze` wrote."""
    return (folder / LIST_FILE).is_file()


def open_cases(
    folder: Path,
    holes: Mapping[str, Any],
    *,
    split: str,
    count: int,
    size: int,
    seed: int,
    framing: str | None = None,
) -> CaseSet:
    """Open frozen cases, or draw new ones.

    Args:
        folder: of faces with a `faces.jsonl`, or of stored cases, whose own settings apply.
        holes: label to a specification for `inpainter.holes.create_holes`, or "drawn-mask", alone
            or as a mapping with `templates` and `refiner`. Each face is measured with each kind.
        split: part of the faces.
        count: number of faces.
        size: side of the crops in pixels.
        seed: seeds the choice of faces and holes.
        framing: "hole" or "face"; None means "hole" for holes that depend on the face, else "face".

    Raises:
        ConfigurationError: a name or an option of the holes is unknown.
        InputError: there are no such faces or cases.
    """
    if is_stored(folder):
        return StoredCases(folder)
    kinds: dict[str, CaseSet] = {}
    chosen: dict[str, Any] = {"split": split, "count": count, "seed": seed}
    for label, spec in holes.items():
        options = spec if isinstance(spec, dict) else {"name": spec}
        name = str(options.get("name"))
        if name == DRAWN_MASK:
            kinds[label] = DrawnMaskCases(*_drawn(folder, options, chosen), size=size)
            continue
        framed: Any = framing or ("hole" if ":" in name else "face")
        made = create_holes(spec)
        kinds[label] = BenchmarkCases(folder, made, size=size, framing=framed, **chosen)
    if not kinds:
        raise ConfigurationError("Test cases need at least one kind of holes.")
    return JoinedCases(kinds) if len(kinds) > 1 else next(iter(kinds.values()))


def _drawn(
    folder: Path, options: Mapping[str, Any], chosen: Mapping[str, Any]
) -> tuple[DrawnFaces, Refiner]:
    """The faces with drawn masks, and the refiner that makes holes of the masks."""
    from pipeline.stages.registry import create_stage

    for key in options:
        if key not in _DRAWN_OPTIONS:
            raise unknown_name(f"option of {DRAWN_MASK!r}", str(key), _DRAWN_OPTIONS)
    folder_of_masks = options.get("templates")
    templates = None if folder_of_masks is None else TemplateFolder(Path(folder_of_masks))
    refiner = create_stage("refiner", options.get("refiner", "morphology"))
    return DrawnFaces(folder, templates=templates, **chosen), refiner
