"""Adding trained weights to a catalog: file, catalog record and model card, all of one name."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from weights.base.atomic import atomic_path, write_whole
from weights.base.errors import OutputError, WeightsError
from weights.base.settings import read_yaml, settings_from_mapping
from weights.catalog import lookup
from weights.catalog.card import model_card
from weights.catalog.description import NetworkDescription
from weights.catalog.record import TrainingData, WeightRecord
from weights.catalog.store import record_of

LICENCE = "AGPL-3.0-or-later"
"""Default licence of weights trained by unmask."""

CATALOG_NAME = "catalog"
"""Subfolder of a run with weights, catalog record and model card; usable as `UNMASK_HOME`."""

SOURCES_NAME = "sources.yaml"
"""Name of the file next to a data set that lists the sources of its pictures."""

_DIGITS = 5


@dataclass(frozen=True)
class TrainingSources:
    """A network's training data, as written by hand in YAML.

    Attributes:
        sources: the collections, each with name, licence and credit.
        gets_wrong: observed failures of the network, a plain sentence each.
        notes: limits and remarks for the model card, plain sentences.
    """

    sources: tuple[TrainingData, ...]
    gets_wrong: tuple[str, ...] = ()
    notes: str = ""


@dataclass(frozen=True)
class CatalogPlace:
    """Location of weights in a catalog: file, record and card, all of one name.

    If record and card are next to the file, the folder can serve as `UNMASK_HOME`.

    Attributes:
        name: `architecture.tag`, such as "gated.faces256"; the files are named after it.
        folder: of the weight file.
        records: folder of record and card; None for `folder`.
        overwrite: whether to replace files of that name.
    """

    name: str
    folder: Path
    records: Path | None = None
    overwrite: bool = False

    @classmethod
    def of_run(cls, folder: Path, architecture: str) -> CatalogPlace:
        """The place for a run's weights in its own folder, named after that folder."""
        tag = re.sub(r"[^a-z0-9_]+", "-", folder.name.lower()).strip("-_") or "trained"
        return cls(f"{architecture}.{tag}", folder / CATALOG_NAME, overwrite=True)

    @property
    def weights(self) -> Path:
        """The weight file."""
        return self.folder / f"{self.name}.safetensors"

    @property
    def record_file(self) -> Path:
        """The record's YAML."""
        return (self.records or self.folder) / f"{self.name}.yaml"

    @property
    def card_file(self) -> Path:
        """The model card, Markdown."""
        return self.record_file.with_suffix(".md")

    def refuse_taken(self, files: Iterable[Path]) -> None:
        """Check before any work that files may be written.

        Raises:
            OutputError: one exists and may not be replaced.
            WeightsError: another folder of the catalog uses the name.
        """
        for path in files:
            if path.exists() and not self.overwrite:
                raise OutputError(f"{path} exists already and is not overwritten unless asked.")
        folders = [folder.resolve() for folder in lookup.record_folders()]
        own = self.record_file.parent.resolve()
        for folder in folders if own in folders else ():
            if folder != own and (folder / self.record_file.name).exists():
                raise WeightsError(
                    f"There are weights {self.name!r} already, in {folder}: choose another name."
                )


class RegisteredWeights(NamedTuple):
    """Weights that were added to the catalog.

    Attributes:
        record: the catalog record.
        weights: the weight file.
        record_file: the record's YAML.
        card_file: the model card, Markdown.
    """

    record: WeightRecord
    weights: Path
    record_file: Path
    card_file: Path


def read_training_sources(path: str | os.PathLike[str]) -> TrainingSources:
    """Read a network's training data from YAML.

    Raises:
        ConfigurationError: the file is missing or malformed.
    """
    where = f"training data {os.fspath(path)}"
    return settings_from_mapping(TrainingSources, read_yaml(Path(path)), where)


def sources_beside(*data: Path) -> TrainingSources:
    """Training data from the `sources.yaml` next to data sets; each source once.

    A data set without one is listed with unstated terms.

    Args:
        data: files of data sets, such as `data.yaml`.

    Raises:
        ConfigurationError: such a file is malformed.
    """
    sources: list[TrainingData] = []
    gets_wrong: list[str] = []
    notes: list[str] = []
    for file in data:
        path = file.parent / SOURCES_NAME
        if path.is_file():
            known = read_training_sources(path)
        else:
            name = "/".join(file.absolute().parent.parts[-2:])
            credit = f"not stated: there is no {SOURCES_NAME} next to it"
            known = TrainingSources((TrainingData(name, "not stated", credit),))
        sources += [source for source in known.sources if source not in sources]
        gets_wrong += [one for one in known.gets_wrong if one not in gets_wrong]
        notes += [known.notes] if known.notes and known.notes not in notes else []
    return TrainingSources(tuple(sources), tuple(gets_wrong), " ".join(notes))


def rounded_figure(value: float) -> float:
    """Round a measured figure as shown in records; whole numbers are unchanged."""
    return value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")


def register_weights(
    source: Path,
    description: NetworkDescription,
    place: CatalogPlace,
    *,
    trained_on: TrainingSources,
    recipe: str,
    seed: int,
    metrics: Mapping[str, Any] | None = None,
    licence: str = LICENCE,
) -> RegisteredWeights:
    """Copy trained weights to a catalog, and write their record and model card.

    On any error nothing is written.

    Args:
        source: the weights, a .safetensors file; it may already be in its place.
        description: description of these weights.
        place: where they go.
        trained_on: sources and remarks.
        recipe: name of the training recipe.
        seed: of the training.
        metrics: measured figures, numbers or mappings of numbers.
        licence: of the weights, as an SPDX expression.

    Raises:
        WeightsError: the name is of another architecture or taken, or a value is invalid for its
            field of the record.
        OutputError: a file exists and may not be replaced, or cannot be written.
    """
    target, *described = files = place.weights, place.record_file, place.card_file
    in_place = target.exists() and target.resolve() == source.resolve()
    place.refuse_taken(described if in_place else files)
    if place.name.partition(".")[0] != description.architecture:
        raise WeightsError(
            f"{source} holds a {description.architecture}, so its name must be "
            f"{description.architecture!r}, a dot and a tag, but is {place.name!r}."
        )
    facts = asdict(description)
    del facts["architecture"]
    # The record validates itself, here before anything is written.
    record = record_of(
        source,
        name=place.name,
        licence=licence,
        data=trained_on.sources,
        recipe=recipe,
        seed=seed,
        metrics=dict(metrics or {}),
        gets_wrong=trained_on.gets_wrong,
        notes=trained_on.notes,
        **facts,
    )
    record = replace(record, file=target.name)
    if not in_place:
        with atomic_path(target, overwrite=place.overwrite) as temporary:
            shutil.copyfile(source, temporary)
    write_record_and_card(record, place.record_file, overwrite=place.overwrite)
    return RegisteredWeights(record, *files)


def write_record_and_card(record: WeightRecord, path: Path, *, overwrite: bool = False) -> Path:
    """Write a record, and the card next to it; return the card's path.

    Raises:
        OutputError: a file exists and `overwrite` is False, or cannot be written.
    """
    card = path.with_suffix(".md")
    for file, text in ((path, record.to_yaml()), (card, model_card(record))):
        write_whole(file, text, overwrite=overwrite)
    return card
