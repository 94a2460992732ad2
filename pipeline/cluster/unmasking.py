"""`unmask_dataset()`: one call for more pictures than one machine can handle."""

from __future__ import annotations

import csv
import io
import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pipeline.cluster.attempts import SharedAttempts
from pipeline.cluster.places import Place, is_uri
from pipeline.cluster.ray_runtime import load_ray, ray_cluster
from pipeline.cluster.rows import RowOutcome, raise_fault
from pipeline.cluster.steps import Plan, UnmaskPictures, read_pictures, write_files, write_part
from pipeline.core import Pipeline
from pipeline.run.folder import Findings, find_files, format_named, plan_jobs
from weights.base.errors import InputError, UnmaskError
from weights.base.option_values import check_whole_number
from weights.images.formats import PICTURE_SUFFIXES

ERRORS = "_errors.csv"
"""The table of pictures that failed, in the folder of the results."""

_ROWS_READ = 16
"""How many pictures a worker reads at a time."""

_ROWS_WRITTEN = 64
"""How many pictures go into one file of a table."""

_READING = 0.25
"""CPUs that a reading or writing task requests: it mostly waits for files."""


@dataclass(frozen=True)
class DatasetReport:
    """The outcome of a data set.

    Attributes:
        counts: how many pictures were "done", had "no mask found", were "skipped" or "failed".
        errors: the CSV file of those that failed; None if none did.
        seconds: time that it took.
    """

    counts: dict[str, int] = field(default_factory=dict)
    errors: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """What is read and written, and by how many workers.

    Attributes:
        column: the column of a table that holds the content of picture files as bytes, or, as in
            data sets of Hugging Face, `{bytes, path}`.
        name_column: the column of a table with a unique name for each picture; it identifies the
            results.
        results: "files", named after the pictures; or "table", Parquet files with the columns
            `name`, `image` (content of a picture file), `status`, `error`, `note`, `faces` (JSON)
            and `seconds`.
        workers: how many workers load the pipeline; None for as many as fit on the cluster.
        cpus: CPUs per worker.
        gpus: GPUs per worker; with 0.25 four workers share one.
        batch: how many pictures go through the stages together; None is 8 on a GPU and 1 on a CPU.
        overwrite: replace existing results; otherwise they are skipped.
        format: format of all files to write, such as "png"; None for that of each picture.
        quality: 1 to 100 for JPEG, WebP and AVIF, see `write_picture`.

    Raises:
        InputError: a value is out of range.
    """

    column: str | None = None
    name_column: str = "name"
    results: Literal["files", "table"] = "files"
    workers: int | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    batch: int | None = None
    overwrite: bool = False
    format: str | None = None
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.results not in ("files", "table"):
            raise InputError(f"results must be 'files' or 'table', but is {self.results!r}.")
        if self.results == "table" and self.overwrite:
            raise InputError("A table of results is not overwritten: name a new folder.")
        for name, number in (("workers", self.workers), ("batch", self.batch)):
            if number is not None:
                check_whole_number(name, number)
        if not self.cpus > 0:
            raise InputError(f"cpus must be above 0, but is {self.cpus!r}.")
        if self.gpus < 0 or (self.gpus > 1 and self.gpus != int(self.gpus)):
            raise InputError(
                f"gpus must be a fraction from 0 to 1 or a whole number, but is {self.gpus!r}."
            )

    @property
    def usual_workers(self) -> int:
        """How many workers this machine alone would have."""
        return self.workers or max(1, int((os.cpu_count() or 1) / self.cpus))

    def most_workers(self, ray: Any) -> int:
        """How many workers fit on a cluster in addition to the tasks that read and write."""
        if self.workers is not None:
            return self.workers
        there = ray.cluster_resources()
        most = (there.get("CPU", 1.0) - 1) / self.cpus
        if self.gpus:
            most = min(most, there.get("GPU", 0.0) / self.gpus)
        return max(1, int(most))

    def plan(self, place: Place) -> Plan:
        """What each worker does, for results in `place`."""
        table = self.results == "table"
        form, suffix = (None, "") if self.format is None else format_named(self.format)
        return Plan(
            place,
            table,
            _names_in(place) if table else frozenset(),
            self.overwrite,
            self.column,
            self.name_column,
            form,
            suffix,
            self.quality,
        )


def unmask_dataset(
    source: Any,
    output: str | os.PathLike[str],
    *,
    on_outcome: Callable[[RowOutcome], object] | None = None,
    **options: Any,
) -> DatasetReport:
    """Take the masks off many pictures with Ray Data, on this machine or on a cluster.

    Uses Ray as the program started it, else the cluster that `RAY_ADDRESS` names, else this
    machine. Each worker loads the pipeline once. Reading waits if results are written more slowly.
    A picture that fails does not stop the others: it is listed in `_errors.csv` next to the
    results, and in the column `error` if the results are a table. The work of a lost worker is
    repeated by another, and no result is written twice. Repeating a stopped call resumes it:
    existing results are skipped. Filled pictures carry the mark that a model edited them.

    Args:
        source: files, a path, URI, folder, glob or a list of these; or, if `column` is given, a
            Parquet file or folder, or a `ray.data.Dataset`.
        output: the folder for the results, a path or a URI that all workers can reach.
        on_outcome: called with the outcome of each picture, in any order.
        **options: those of `DatasetOptions`; and `detector`, `refiner`, `inpainter`, `blender` and
            the other arguments of `Pipeline`, of which objects must be picklable.

    Raises:
        MissingDependencyError: Ray Data is not installed.
        InputError: an argument is invalid, or there are no pictures.
        ConfigurationError, WeightsError: a stage cannot be made.
        OutputError: a part of a table, or the table of errors, cannot be written.
        UnmaskError: Ray gave up, for example because no worker is available.
    """
    own = [field.name for field in fields(DatasetOptions) if field.name in options]
    chosen = DatasetOptions(**{name: options.pop(name) for name in own})
    pipeline = Pipeline(**options)
    ray = load_ray()
    place = Place.named(output)
    plan = chosen.plan(place)
    files = None if chosen.column is not None else _find(source, place, chosen.format)
    began = time.perf_counter()
    counts: Counter[str] = Counter()
    failed: list[RowOutcome] = []
    try:
        with ray_cluster(ray, chosen.usual_workers * chosen.cpus + 1):
            rows = _rows(ray, source, plan, files)
            for outcome in _work(ray, rows, pipeline, plan, chosen):
                counts[outcome.status] += 1
                if outcome.status == "failed":
                    failed.append(outcome)
                if on_outcome is not None:
                    on_outcome(outcome)
    finally:
        errors = _write_errors(place / ERRORS, failed)
    return DatasetReport(dict(counts), errors, time.perf_counter() - began)


def _find(source: Any, output: Place, format: str | None) -> list[tuple[str, str]]:  # noqa: A002
    """The name of each picture file's result, and the file's location.

    Raises:
        InputError: there are none, or two would have the same result.
    """
    paths = [source] if isinstance(source, str | os.PathLike) else list(source)
    uris = [os.fspath(path) for path in paths if is_uri(os.fspath(path))]
    if uris and len(uris) < len(paths):
        raise InputError("Name either local files or URIs, not both.")
    found = list(_find_remote(uris)) if uris else _find_local(paths, output, format)
    twice = next((name for name, n in Counter(name for name, _ in found).items() if n > 1), None)
    if twice is not None:
        raise InputError(
            f"Two pictures would both be written to {twice}: process one folder at a time."
        )
    if not found:
        raise InputError(f"There are no pictures in {', '.join(map(repr, map(str, paths)))}.")
    return found


def _find_local(
    paths: Sequence[Any],
    output: Place,
    format: str | None,  # noqa: A002
) -> list[tuple[str, str]]:
    target = Path(output.path) if output.is_local else Path(f"results of {output.path}")
    found: Findings = find_files(paths, leave_out=target)
    return [
        (job.output.relative_to(target).as_posix(), str(job.source.absolute()))
        for job in plan_jobs(found, target, format=format)
    ]


def _find_remote(uris: Sequence[str]) -> Iterator[tuple[str, str]]:
    for uri in uris:
        place = Place.named(uri)
        if place.exists():
            yield PurePosixPath(place.path).name, uri
            continue
        for name in place.files():
            if PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES:
                yield name, f"{uri.rstrip('/')}/{name}"


def _names_in(output: Place) -> frozenset[str]:
    """The names in an existing table of results."""
    import pyarrow.dataset

    if not any(name.endswith(".parquet") for name in output.files()):
        return frozenset()
    written = pyarrow.dataset.dataset(output.path, filesystem=output.filesystem, format="parquet")
    return frozenset(written.to_table(columns=["name"])["name"].to_pylist())


def _rows(ray: Any, source: Any, plan: Plan, files: list[tuple[str, str]] | None) -> Any:
    """A data set with a row per picture, in blocks small enough to be distributed."""
    import pyarrow

    if files is not None:
        names, sources = zip(*files, strict=True)
        table = pyarrow.table({"name": names, "source": sources})
        return ray.data.from_arrow(
            table, override_num_blocks=math.ceil(table.num_rows / _ROWS_READ)
        )
    data = source
    if not isinstance(source, ray.data.Dataset):
        place = Place.named(source)
        data = ray.data.read_parquet(place.path, filesystem=place.filesystem)
    columns = data.columns() or []
    if plan.column not in columns:
        raise InputError(
            f"There is no column {plan.column!r}; the columns are {', '.join(columns)}."
        )
    return data.select_columns([c for c in columns if c in (plan.column, plan.name_column)])


def _work(
    ray: Any, rows: Any, pipeline: Any, plan: Plan, options: DatasetOptions
) -> Iterator[RowOutcome]:
    """Take rows through the steps as they come, and yield their outcomes."""
    share = {"batch_format": "pyarrow", "num_cpus": _READING}
    made = rows.map_batches(
        read_pictures, batch_size=_ROWS_READ, fn_kwargs={"plan": plan}, **share
    ).map_batches(
        UnmaskPictures,
        batch_format="pyarrow",
        batch_size=options.batch or (8 if options.gpus else 1),
        fn_constructor_args=(pipeline, plan, max(1, int(options.cpus)), SharedAttempts.start(ray)),
        compute=ray.data.ActorPoolStrategy(
            size=options.most_workers(ray), max_tasks_in_flight_per_actor=2
        ),
        num_cpus=options.cpus,
        num_gpus=options.gpus or None,
    )
    write, size = (write_part, _ROWS_WRITTEN) if plan.table else (write_files, None)
    told = made.map_batches(write, batch_size=size, fn_kwargs={"plan": plan}, **share)
    try:
        for table in told.iter_batches(batch_format="pyarrow", batch_size=None):
            for row in table.to_pylist():
                raise_fault(row)
                yield RowOutcome.from_row(row)
    except ray.exceptions.RayError as error:
        said = [line for line in str(error).splitlines() if line.strip()]
        raise UnmaskError(f"The work on Ray failed: {said[-1] if said else error!r}") from error


def _write_errors(place: Place, failed: Sequence[RowOutcome]) -> str | None:
    """Write the table of pictures that failed, replacing that of an earlier run."""
    if not failed:
        if place.exists():
            place.filesystem.delete_file(place.path)
        return None
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(["name", "source", "error"])
    table.writerows([one.name, one.source, one.error] for one in failed)
    place.write(text.getvalue().encode(), overwrite=True)
    return place.path
