"""Pushing and pulling weights to and from the Hugging Face hub: file, record and card.

This is the only module through which unmask uses the network, and only on request.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.weight_files.recording import catalog_folder, describe_weights
from weights.base.atomic import atomic_path
from weights.base.errors import InputError, MissingDependencyError, WeightsError
from weights.base.names import unknown_name
from weights.catalog.card import model_card
from weights.catalog.digest import file_sha256
from weights.catalog.lookup import get_record, verify
from weights.catalog.record import WeightRecord, read_record
from weights.catalog.register import CatalogPlace, RegisteredWeights, write_record_and_card

if TYPE_CHECKING:
    from collections.abc import Iterator

    from huggingface_hub import HfApi

README = "README.md"
"""The file that the hub shows as a repository's front page."""


class PushedWeights(NamedTuple):
    """What was pushed.

    Attributes:
        address: URL of the commit, or of the repository if the commit's is unknown.
        files: their names in the repository.
    """

    address: str
    files: tuple[str, ...]


def push_weights(
    name: str, repository: str, *, public: bool = False, message: str | None = None
) -> PushedWeights:
    """Push weights of the catalog, with record and card, to a repository on the hub.

    A missing repository is created. It may hold several weights; the card of the first becomes its
    README. Authentication is by `hf auth login` or `HF_TOKEN`.

    Args:
        name: of the weights.
        repository: "owner/name".
        public: whether a newly created repository is public.
        message: of the commit.

    Raises:
        ConfigurationError: there are no weights of that name.
        WeightsError: the weight file is missing or damaged, or the hub refuses.
        MissingDependencyError: huggingface_hub is not installed.
    """
    record, path = get_record(name), verify(name)
    hub = _hub()
    from huggingface_hub import CommitOperationAdd

    card = model_card(record)
    contents: dict[str, Path | bytes] = {
        record.file: path,
        f"{name}.yaml": record.to_yaml().encode(),
        f"{name}.md": card.encode(),
    }
    with _errors_converted(repository):
        hub.create_repo(repository, private=not public, exist_ok=True)
        if README not in hub.list_repo_files(repository):
            contents[README] = (_front_matter(record) + card).encode()
        commit = hub.create_commit(
            repository,
            [CommitOperationAdd(file, content) for file, content in contents.items()],
            commit_message=message or f"Weights {name}",
        )
    address = getattr(commit, "commit_url", None)
    return PushedWeights(str(address or repository), tuple(contents))


def pull_weights(
    repository: str,
    name: str | None = None,
    *,
    revision: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
) -> RegisteredWeights:
    """Pull weights that `push_weights` pushed to a repository on the hub; runs no code in them.

    Only the record and the .safetensors file that it names are downloaded; the card is rewritten
    from the record. Nothing is kept unless size, SHA-256 and network match the record.

    Args:
        repository: "owner/name".
        name: of the weights; may be omitted if the repository has only one.
        revision: branch, tag or commit; None for the newest.
        folder: for file, record and card; None for the folder named by `UNMASK_HOME`.
        overwrite: whether to replace files of that name.

    Raises:
        ConfigurationError: there is no folder, no such weights, or the record is malformed.
        WeightsError: the file does not match its record, the name is taken, or the hub refuses.
        OutputError: a file exists and `overwrite` is False, or cannot be written.
        MissingDependencyError: huggingface_hub is not installed.
    """
    catalog = catalog_folder(folder)
    hub = _hub()
    with tempfile.TemporaryDirectory(prefix="unmask-") as temporary:

        def fetched(file: str) -> Path:
            with _errors_converted(repository):
                return Path(
                    hub.hf_hub_download(repository, file, revision=revision, local_dir=temporary)
                )

        with _errors_converted(repository):
            files = hub.list_repo_files(repository, revision=revision)
        chosen = _chosen(name, files, repository)
        record = read_record(fetched(f"{chosen}.yaml"))
        if record.name != chosen:
            raise WeightsError(f"The record {chosen}.yaml of {repository} is of {record.name!r}.")
        place = CatalogPlace(chosen, catalog, overwrite=overwrite)
        pulled = RegisteredWeights(
            record, catalog / record.file, place.record_file, place.card_file
        )
        place.refuse_taken(pulled[1:])
        if record.file not in files:
            raise WeightsError(f"{repository} has the record of {chosen!r} but no {record.file}.")
        weights = fetched(record.file)
        _check(weights, record, repository)
        with atomic_path(pulled.weights, overwrite=overwrite) as written:
            shutil.copyfile(weights, written)
    write_record_and_card(record, pulled.record_file, overwrite=overwrite)
    return pulled


def _chosen(name: str | None, files: list[str], repository: str) -> str:
    """The name of the weights to pull: the given one, or the only one in the repository."""
    names = sorted(
        file.removesuffix(".yaml")
        for file in files
        if file.endswith(".yaml") and "/" not in file and not file.startswith(".")
    )
    if not names:
        raise WeightsError(
            f"{repository} holds no unmask weights, that is, a record NAME.yaml with "
            "NAME.safetensors."
        )
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        raise InputError(f"{repository} holds several weights: name one of {', '.join(names)}.")
    if name not in names:
        raise unknown_name(f"weights in {repository}", name, names)
    return name


def _check(weights: Path, record: WeightRecord, repository: str) -> None:
    """Refuse a file that does not match its record.

    Raises:
        WeightsError: its content, or its network, differs.
    """
    if weights.stat().st_size != record.bytes or file_sha256(weights) != record.sha256:
        raise WeightsError(
            f"{record.file} of {repository} is not the file that its record describes: size or "
            "SHA-256 differ; nothing was kept."
        )
    held = describe_weights(weights)
    if (held.kind, held.architecture) != (record.kind, record.architecture):
        raise WeightsError(
            f"{record.file} of {repository} holds a {held.architecture}, but its record says "
            f"{record.architecture}; nothing was kept."
        )


def _front_matter(record: WeightRecord) -> str:
    """The README's front matter for the hub."""
    import yaml

    facts = {
        "library_name": "unmask",
        "license": "other",
        "license_name": record.licence,
        "tags": ["unmask", record.kind],
    }
    return f"---\n{yaml.safe_dump(facts, sort_keys=False)}---\n\n"


def _hub() -> HfApi:
    """The hub's client, with telemetry off.

    Raises:
        MissingDependencyError: it is not installed.
    """
    if find_spec("huggingface_hub") is None:
        raise MissingDependencyError(
            "Weights are pushed and pulled by huggingface_hub: install with "
            "pip install 'unmask[hub]'."
        )
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import huggingface_hub

    return huggingface_hub.HfApi(library_name="unmask")


@contextmanager
def _errors_converted(repository: str) -> Iterator[None]:
    """Turn errors of the hub, whose exceptions share no base class, into one sentence."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(
            f"{repository} on the hub cannot be used: {reason[:300].rstrip('.')}."
        ) from error
