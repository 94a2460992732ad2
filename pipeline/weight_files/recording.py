"""Adding trained weights to a catalog: file, catalog record and model card, all of one name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inpainter.evaluation.results import TOGETHER
from weights.base.errors import ConfigurationError, InputError, WeightsError
from weights.base.json_text import read_json
from weights.base.settings import read_yaml
from weights.catalog import lookup
from weights.catalog.description import NetworkDescription
from weights.catalog.digest import file_sha256
from weights.catalog.group_figures import GROUPS, PEOPLE
from weights.catalog.lookup import named_homes
from weights.catalog.record import WeightRecord
from weights.catalog.register import (
    LICENCE,
    CatalogPlace,
    RegisteredWeights,
    read_training_sources,
    register_weights,
    rounded_figure,
)
from weights.catalog.store import read_metadata

RUN_FILES: dict[str, str] = {
    "detector.safetensors": "run.yaml",
    "average.safetensors": "recipe.yaml",
    "confirmation.safetensors": "run.yaml",
    "landmarks.safetensors": "run.yaml",
}
"""Name of the weights in a run's folder, and of the file next to it that holds the seed."""


def record_weights(
    run_or_file: str | os.PathLike[str],
    place: CatalogPlace,
    *,
    data: str | os.PathLike[str],
    recipe: str,
    seed: int | None = None,
    reports: Mapping[str, str | os.PathLike[str]] | None = None,
    licence: str = LICENCE,
) -> RegisteredWeights:
    """Copy trained weights to a catalog, and write their record and model card.

    Network, options, sizes and counts are taken from the weights themselves, which are loaded and
    run once; on any error nothing is written.

    Args:
        run_or_file: folder of a run of `unmask train`, or a .safetensors file.
        place: where they go.
        data: YAML of the training data, see `weights.catalog.register.TrainingSources`.
        recipe: name of the training recipe.
        seed: of the training; None takes it from the run's folder.
        reports: name of each measurement to its report.json of `unmask evaluate`; without any, the
            run's own figures are kept.
        licence: of the weights, as an SPDX expression.

    Raises:
        InputError: a report is of other weights or cannot be read, or no seed is known.
        ConfigurationError: the YAML is malformed.
        WeightsError: the weights are missing or damaged, or the name is of another architecture or
            taken.
        OutputError: a file exists and is not to be replaced, or cannot be written.
    """
    source = _weights_of(Path(run_or_file))
    trained_on = read_training_sources(data)
    known_seed = _seed_of(source) if seed is None else seed
    description = describe_weights(source)
    digest = file_sha256(source)
    metrics = {
        label: read_figures(Path(report), description, digest)
        for label, report in (reports or {}).items()
    }
    if not metrics:
        metrics = _own_figures(source, digest)
    return register_weights(
        source,
        description,
        place,
        trained_on=trained_on,
        recipe=recipe,
        seed=known_seed,
        metrics=metrics,
        licence=licence,
    )


def describe_weights(path: Path) -> NetworkDescription:
    """Describe a weight file of any of our networks.

    Raises:
        WeightsError: the file is missing, damaged or of another network, or not one of ours.
    """
    from detector.find import verifier_file, weight_file
    from weights.landmarks import file as landmark_file

    metadata = read_metadata(path)
    if metadata.get("format") == weight_file.FORMAT:
        return weight_file.describe_detector(path)
    if metadata.get("format") == verifier_file.FORMAT:
        return verifier_file.describe_verifier(path)
    if metadata.get("format") == landmark_file.FORMAT:
        return landmark_file.describe_landmarks(path)
    if "architecture" in metadata:
        from inpainter.weight_files import describe_completion_network

        return describe_completion_network(path)
    raise WeightsError(
        f"{path} does not say which network it belongs to: give a file that `unmask train` wrote."
    )


def read_figures(
    report: Path, network: NetworkDescription | WeightRecord, digest: str
) -> dict[str, Any]:
    """Read the figures of one network from a report.json of `unmask evaluate`.

    In a comparison of inpainters, the first system of the network's architecture is used.

    Args:
        report: the file.
        network: that was measured.
        digest: SHA-256 of its weight file; a report that names another existing file is refused.

    Returns:
        Numbers and mappings of numbers, rounded; for an inpainter also by group of people, see
        `weights.catalog.group_figures`.

    Raises:
        InputError: the report cannot be read, or is of another stage or of other weights.
    """
    content = read_json(report)
    stage = "inpainter" if network.kind == "inpainter" else "detector"
    wanted = "overall" if stage == "inpainter" else "quality"
    if not isinstance(content, Mapping) or not isinstance(content.get(wanted), Mapping):
        raise InputError(
            f"{report} is not a report of 'unmask evaluate {stage}': it has no {wanted!r}."
        )
    if stage == "inpainter":
        return _inpainter_figures(content, network.architecture, digest, report)
    option = "confirmation" if network.kind == "confirmation" else "weights"
    _refuse_other_weights(content.get("configuration", {}).get(option), digest, report)
    return _detector_figures(content)


def _inpainter_figures(
    content: Mapping[str, Any], architecture: str, digest: str, report: Path
) -> dict[str, Any]:
    systems = [
        label
        for label in content["overall"]
        if label.partition("@")[0].partition(" ")[0] == architecture
    ]
    if not systems:
        raise InputError(
            f"{report} has no figures of {architecture!r}: it measured "
            f"{', '.join(content['overall'])}."
        )
    _refuse_other_weights(systems[0].partition("@")[2], digest, report)
    figures = {
        metric: rounded_figure(estimate["mean"])
        for metric, estimate in content["overall"][systems[0]].items()
        if estimate.get("mean") is not None
    }
    groups = _group_figures(content.get("parts") or {}, systems[0])
    return {"cases": content.get("cases", 0), **figures, **({GROUPS: groups} if groups else {})}


def _group_figures(parts: Mapping[str, Any], system: str) -> dict[str, Any]:
    """Figures inside the hole by age, gender and ethnicity, for labelled faces."""
    found: dict[str, Any] = {}
    for kind in PEOPLE:
        for label, measured in (parts.get(kind) or {}).items():
            if label == TOGETHER:
                continue
            estimates = measured.get(system) or {}
            psnr, ssim = (estimates.get(name) or {} for name in ("psnr_hole", "ssim_hole"))
            if not psnr.get("count") or psnr.get("mean") is None:
                continue
            values = {
                f"{name}{suffix}": (estimates.get(name) or {}).get(key)
                for name in ("realism_distance", "psnr_hole")
                for suffix, key in (("", "mean"), ("_low", "low"), ("_high", "high"))
            }
            values["ssim_hole"] = ssim.get("mean")
            found.setdefault(kind, {})[label] = {
                "cases": psnr["count"],
                **{name: rounded_figure(one) for name, one in values.items() if one is not None},
            }
    return found


def _detector_figures(content: Mapping[str, Any]) -> dict[str, Any]:
    figures: dict[str, Any] = {
        name: rounded_figure(content[name])
        for name in (
            "pictures",
            "drawn",
            "confidence",
            "min_width",
            "precision",
            "recall",
            "ap50",
            "ap",
            "box_precision",
            "box_recall",
            "box_ap50",
            "box_ap",
            "unmasked_pictures",
        )
        if content.get(name) is not None
    }
    changed = content.get("unmasked_changed") or {}
    for name, quality in content["quality"].items():
        values = {**quality, "unmasked_changed": changed.get(name)}
        known = {key: rounded_figure(value) for key, value in values.items() if value is not None}
        if known:
            figures[name] = known
    return figures


def _refuse_other_weights(measured: Any, digest: str, report: Path) -> None:
    """Refuse a report that names a weight file on this machine with another content."""
    named_file = isinstance(measured, str) and measured and Path(measured).is_file()
    if named_file and file_sha256(measured) != digest:
        raise InputError(
            f"{report} measured {measured}, which is not the file to record: measure the weights "
            "that you record."
        )


def _weights_of(path: Path) -> Path:
    if not path.is_dir():
        return lookup.resolve(path)
    for name in RUN_FILES:
        if (path / name).is_file():
            return path / name
    raise WeightsError(
        f"{path} is not a run with weights: it has neither {' nor '.join(RUN_FILES)}."
    )


def _seed_of(source: Path) -> int:
    settings = source.parent / RUN_FILES.get(source.name, "")
    if settings.is_file():
        seed = read_yaml(settings).get("seed")
        if isinstance(seed, int):
            return seed
    raise InputError(f"The seed of {source} is not known: give it with --seed.")


def _own_figures(source: Path, digest: str) -> dict[str, Any]:
    """The figures in the record that a run made of its weights; empty if there is none."""
    for file in sorted((source.parent / "catalog").glob("*.yaml")):
        record = read_yaml(file)
        if record.get("sha256") == digest:
            return dict(record.get("metrics") or {})
    return {}


def catalog_folder(folder: str | os.PathLike[str] | None) -> Path:
    """Return the folder for weights: the one given, or the first of `UNMASK_HOME`, made if missing.

    Raises:
        ConfigurationError: there is neither.
    """
    if folder is not None and os.fspath(folder):
        return Path(folder).expanduser()
    homes = named_homes()
    if not homes:
        raise ConfigurationError(
            "There is no folder for the weights: set UNMASK_HOME, or give one with --folder."
        )
    homes[0].mkdir(parents=True, exist_ok=True)
    return homes[0]
