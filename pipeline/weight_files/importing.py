"""Importing other authors' published weights into a catalog, with their provenance."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.weight_files.recording import catalog_folder
from weights.base.errors import ConfigurationError
from weights.catalog.digest import file_sha256
from weights.catalog.record import TrainingData
from weights.catalog.register import (
    CatalogPlace,
    RegisteredWeights,
    TrainingSources,
    register_weights,
)

TAG = "imported"
"""Default tag of a name without one."""


def import_weights(
    name: str,
    file: str | os.PathLike[str],
    *,
    licence: str,
    source: str,
    options: Mapping[str, Any] | None = None,
    folder: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> RegisteredWeights:
    """Convert a published weight file to our format, with catalog record and model card.

    No code in the file is run; see `inpainter.importing.published.read_published`.

    Args:
        name: `architecture.tag`, such as "lama.big", or the architecture alone, which gets the tag
            `TAG`; one of `inpainter.importing.families.FAMILIES`.
        file: the authors' file.
        licence: the user's licence for it, as an SPDX expression or in words.
        source: where it is published.
        options: options of our network that the file does not contain, such as GLCIC's
            `mean_colour`.
        folder: for the weights; None for the folder named by `UNMASK_HOME`.
        overwrite: whether to replace files of that name.

    Raises:
        ConfigurationError: the family or an option is unknown, or there is no folder.
        WeightsError: the file cannot be read or is of another network, or the name is taken.
        OutputError: a file exists and `overwrite` is False, or cannot be written.
    """
    from inpainter.importing.conversion import import_network
    from inpainter.weight_files import describe_completion_network, save_completion_network

    for what, said in (("licence", licence), ("source", source)):
        if not said.strip():
            raise ConfigurationError(
                f"The {what} of imported weights must be stated: give it with --{what}."
            )
    catalog, original = catalog_folder(folder), Path(file)
    architecture, _, tag = name.partition(".")
    network, chosen, side = import_network(architecture, original, options)
    notes = (
        f"Imported from {original.name}, SHA-256 {file_sha256(original)}, which is published at "
        f"{source}; what it was trained on is known to its authors."
    )
    trained_on = TrainingSources(
        (TrainingData("as its authors say", "not stated", source),), (), notes
    )
    with tempfile.TemporaryDirectory() as temporary:
        converted = Path(temporary) / "converted.safetensors"
        save_completion_network(
            network, converted, name=architecture, options=chosen, input_size=side, half=False
        )
        return register_weights(
            converted,
            describe_completion_network(converted),
            CatalogPlace(f"{architecture}.{tag or TAG}", catalog, overwrite=overwrite),
            trained_on=trained_on,
            recipe="imported",
            seed=0,
            licence=licence,
        )
