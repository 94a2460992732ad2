"""Builds a data set from faces: pairs for the inpainter, labelled scenes for the detector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.dataset.contact_sheet import store_contact_sheet
from pipeline.dataset.face_source import find_pictures
from pipeline.dataset.labels import CLASS_NAMES
from pipeline.dataset.manifest import Journal, Line, read_lines, write_lines
from pipeline.dataset.processes import done_by_processes
from pipeline.dataset.settings import DatasetSettings, claim_folder
from pipeline.dataset.source_face import SourceFace
from pipeline.dataset.split import split_faces, split_names
from pipeline.dataset.stored_pictures import store_text
from pipeline.dataset.worker import Item, Worker, WorkPlan
from weights.base.dealing import PARTS, Part, name_fraction
from weights.base.errors import InputError

Progress = Callable[[int, int], None]
"""Called with the number of finished items and of all items."""

_MANIFEST_KEYS = frozenset({"name", "kind", "part", "files"})


@dataclass(frozen=True)
class BuildSummary:
    """Contents of a data set after a run.

    Attributes:
        pairs: number of pairs in each split.
        scenes: number of scenes in each split.
        labels: number of labelled masks in all scenes.
        made: items made by this run; the others existed already.
        rejects: number of rejected faces by reason.
    """

    pairs: dict[str, int]
    scenes: dict[str, int]
    labels: int
    made: int
    rejects: dict[str, int]


def scene_part(index: int, shares: dict[Part, float], seed: int) -> Part:
    """The split of the scene with this number, independent of the number of scenes.

    The first scenes go to one split each, so that small sets have every split; the others are
    distributed by `shares`.
    """
    wanted = [part for part in PARTS if shares.get(part, 0.0) > 0.0]
    if index < len(wanted):
        return wanted[index]
    at = name_fraction(seed, f"part of scene {index}") * sum(shares[part] for part in wanted)
    for part in wanted:
        at -= shares[part]
        if at < 0.0:
            return part
    return wanted[-1]


def plan_items(
    faces: Sequence[SourceFace], parts: dict[str, Part], settings: DatasetSettings
) -> list[Item]:
    """List all items of a data set, pairs first.

    Args:
        faces: all faces; a picture may show several.
        parts: the split of every picture, by name.
        settings: of the data set.
    """
    items: list[Item] = []
    used: Counter[str] = Counter()
    for index, face in enumerate(faces):
        stem = "__".join(Path(face.name).with_suffix("").parts)
        used[stem] += 1
        name = stem if used[stem] == 1 else f"{stem}~{used[stem]}"
        items.extend(
            Item(f"{name}_{variant}", parts[face.name], index) for variant in range(settings.pairs)
        )
    present = set(parts.values())
    shares: dict[Part, float] = {
        part: settings.shares[part] if part in present else 0.0 for part in PARTS
    }
    if settings.scenes and not any(shares.values()):
        raise InputError(
            "No face belongs to a split with a share above 0, so no scenes can be made."
        )
    items.extend(
        Item(f"scene_{index:06d}", scene_part(index, shares, settings.seed))
        for index in range(settings.scenes)
    )
    return items


def build_dataset(
    faces: Sequence[SourceFace],
    out: Path,
    settings: DatasetSettings,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    unusable: Sequence[Line] = (),
) -> BuildSummary:
    """Build a data set, or resume an unfinished one.

    `out` gets `pairs/{train,val,test}/{images,masked,holes}` with equal names,
    `detection/{images,labels}/{train,val,test}` with `data.yaml`, `manifest.jsonl`,
    `rejects.jsonl`, `settings.json` and `contact_sheet.jpg`. An item depends only on the seed, its
    name and the faces, not on the number of processes or the order. Items whose files all exist are
    not made again.

    Args:
        faces: from `annotated_faces` or `found_faces`.
        out: a new folder, or one with a data set of the same settings.
        settings: of the data set.
        workers: number of processes; None means one per core, 1 stays in this process.
        progress: called with the numbers of finished and of all items.
        unusable: lines for the reject list about pictures without a face.

    Raises:
        InputError: there are no faces, or `out` holds other files.
        ConfigurationError: `out` was begun with other settings.
        OutputError: `out` cannot be written.
    """
    if not faces:
        raise InputError("There are no faces to build from.")
    parts = split_faces(faces, settings.shares, settings.seed)
    negatives: dict[str, Path] = {}
    if settings.negatives is not None:
        # With forward slashes on every system, as the name determines split and random seed.
        for path in find_pictures(settings.negatives):
            negatives[path.relative_to(settings.negatives).as_posix()] = path
    described = [f"{face.name} {face.split} {_landmark_text(face)}" for face in faces]
    items = plan_items(faces, parts, settings)
    claim_folder(out, settings.to_mapping(described, negatives))
    negative_parts = split_names(negatives, settings.shares, settings.seed)
    plan = WorkPlan(
        out,
        faces,
        {part: [i for i, face in enumerate(faces) if parts[face.name] == part] for part in PARTS},
        {
            part: [path for name, path in negatives.items() if negative_parts[name] == part]
            for part in PARTS
        },
        settings,
    )

    manifest, rejects = _resumed(out, unusable)
    done = {line["name"] for line in manifest} | {
        line["item"] for line in rejects if line.get("final")
    }
    todo = [item for item in items if item.name not in done]
    finished = len(items) - len(todo)
    # Written first too, so that a detector can train on an unfinished set.
    _store_data_yaml(out, {item.part for item in items if item.face is None})
    if progress is not None:
        progress(finished, len(items))
    with (
        Journal(out / "manifest.jsonl") as manifest_journal,
        Journal(out / "rejects.jsonl") as rejects_journal,
    ):
        for line, rejected in done_by_processes(Worker, plan, todo, workers):
            for one in rejected:
                rejects.append({**one, "final": line is None})
                rejects_journal.append(rejects[-1])
            if line is not None:
                manifest.append(line)
                manifest_journal.append(line)
            finished += 1
            if progress is not None:
                progress(finished, len(items))
    manifest.sort(key=lambda line: (line["kind"], line["name"]))
    rejects = _distinct(rejects)
    write_lines(out / "manifest.jsonl", manifest)
    write_lines(out / "rejects.jsonl", rejects)
    _store_data_yaml(out, {line["part"] for line in manifest if line["kind"] == "scene"})
    store_contact_sheet(out, manifest)
    return _summary(manifest, rejects, len(todo))


def _landmark_text(face: SourceFace) -> str:
    return np.rint(np.asarray(face.landmarks) * 10.0).astype("<i4").tobytes().hex()


def _resumed(out: Path, unusable: Sequence[Line]) -> tuple[list[Line], list[Line]]:
    """Read an earlier run's manifest, without lost items, and its rejects plus `unusable`."""
    whole: dict[str, Line] = {}
    for line in read_lines(out / "manifest.jsonl"):
        whole_line = line.keys() >= _MANIFEST_KEYS and isinstance(line["files"], dict)
        files = line["files"].values() if whole_line else ()
        if files and all((out / str(file)).is_file() for file in files):
            whole[line["name"]] = line
    listed = [*read_lines(out / "rejects.jsonl"), *unusable]
    rejects = _distinct(line for line in listed if {"item", "file", "reason"} <= line.keys())
    write_lines(out / "manifest.jsonl", whole.values())
    write_lines(out / "rejects.jsonl", rejects)
    return list(whole.values()), rejects


def _distinct(rejects: Iterable[Line]) -> list[Line]:
    """Sort rejects and remove duplicates: scenes may sample the same unusable picture again."""
    by_key = {(line["item"], line["file"], line["reason"]): line for line in rejects}
    return [by_key[key] for key in sorted(by_key)]


def _store_data_yaml(out: Path, parts: Set[Part]) -> None:
    """Write `detection/data.yaml`; its paths are relative to itself, so the folder can be moved."""
    if not parts:
        return
    lines = [f"{part}: images/{part}" for part in PARTS if part in parts]
    lines += ["names:"] + [f"  {number}: {name}" for number, name in CLASS_NAMES.items()]
    store_text(out / "detection" / "data.yaml", "\n".join(lines) + "\n")


def _summary(manifest: Sequence[Line], rejects: Sequence[Line], made: int) -> BuildSummary:
    def counted(kind: str) -> dict[str, int]:
        held = Counter(line["part"] for line in manifest if line["kind"] == kind)
        return {part: held[part] for part in PARTS if held[part]}

    reasons = Counter(reason for _, reason in {(line["file"], line["reason"]) for line in rejects})
    return BuildSummary(
        counted("pair"),
        counted("scene"),
        sum(len(line["polygons"]) for line in manifest if line["kind"] == "scene"),
        made,
        dict(reasons.most_common()),
    )
