"""What workers of a cluster do: read pictures, take the masks off them, write the results.

A failing row says so in its column `error` and is passed on: one bad picture stops nothing. Every
step is idempotent, as it is repeated after a worker is lost.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, cast

from pipeline.cluster.attempts import MOST_LOSSES, Attempts, SharedAttempts
from pipeline.cluster.places import Place
from pipeline.cluster.rows import FAULT, MADE, READ, TOLD, fault_row, table_of
from pipeline.core import Pipeline
from pipeline.result import UnmaskResult
from pipeline.run.folder import in_format
from pipeline.run.outcome import reason_of, reported_faces
from pipeline.run.streaming import FATAL_ERRORS
from pipeline.video import is_video
from pipeline.warm_up import warm_up
from weights.base.errors import ExistsError, InputError, OutputError, UnmaskError
from weights.base.log import unmask_logger
from weights.images.formats import is_picture_name
from weights.images.mark_reader import sidecar_path
from weights.images.picture import Picture
from weights.images.reading import read_picture
from weights.images.writing import encode_picture, losses, mark_beside

RESULT_COLUMNS = ("name", "image", "status", "error", "note", "faces", "seconds")
"""Columns of results written as a table; `image` is the content of a picture file."""


@dataclass(frozen=True)
class Plan:
    """What to read and what to write.

    Attributes:
        output: the folder of the results.
        table: whether to write a table rather than files.
        finished: names in an already existing table.
        overwrite: whether to replace existing files.
        column: of an input table, the column with the pictures; None for files.
        name_column: of an input table, the column with the names.
        format: Pillow's name of the format to write; None for that of each picture.
        suffix: the format's suffix; "" for that of each picture.
        quality: of lossy formats, see `write_picture`.
    """

    output: Place
    table: bool = False
    finished: frozenset[str] = frozenset()
    overwrite: bool = False
    column: str | None = None
    name_column: str = "name"
    format: str | None = None
    suffix: str = ""
    quality: int | None = None

    def is_finished(self, name: str) -> bool:
        """Whether a result of that name exists and is kept."""
        if self.table:
            return name in self.finished
        return not self.overwrite and (self.output / name).exists()


def read_pictures(table: Any, plan: Plan) -> Any:
    """Read the pictures of a table's rows, except finished ones.

    Args:
        table: a `pyarrow.Table` with the columns `name` and `source` (a URI or path) for files, or
            with the plan's columns.
        plan: what to read, and where results may already exist.

    Returns:
        A table with the columns `READ`.
    """
    return table_of([_read(row, plan) for row in table.to_pylist()], READ)


def _read(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    name, content = _named(row, plan)
    read: dict[str, Any] = {"name": name, "source": row.get("source") or name, "status": ""}
    try:
        name = read["name"] = _result_name(name, plan)
        if plan.is_finished(name):
            return read | {"status": "skipped"}
        if plan.column is None:
            if is_video(PurePosixPath(name)):
                raise InputError("This is a video: run videos without a cluster.")
            content = Place.named(row["source"]).read()
        elif not isinstance(content, bytes):
            raise InputError(f"The column {plan.column!r} does not hold a picture file here.")
        return read | {"content": content}
    except Exception as error:
        return read | {"status": "failed", "error": reason_of(error)}


def _named(row: dict[str, Any], plan: Plan) -> tuple[str, Any]:
    """The name of a row, and the content in it."""
    if plan.column is None:
        return row["name"], None
    content: Any = row[plan.column]
    path = None
    if isinstance(content, dict):
        # The image format of Hugging Face data sets.
        content, path = content.get("bytes"), content.get("path")
    name = row.get(plan.name_column)
    return str(path if name is None else name), content


def _result_name(name: str, plan: Plan) -> str:
    """The name of a result, below the output.

    Raises:
        InputError: it would lie outside the output, or its suffix is not that of a format.
    """
    path = PurePosixPath(name)
    if plan.table:
        return name
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise InputError(f"{name!r} is not a valid file name inside the output.")
    if plan.format is not None:
        return in_format(cast("Any", path), plan.format, plan.suffix).as_posix()
    if plan.column is not None and not is_picture_name(cast("Any", path)):
        raise InputError(f"{name!r} has no picture suffix: give a format.")
    return name


class UnmaskPictures:
    """Takes the masks off the pictures in a table; loads its stages once.

    Args:
        pipeline: the pipeline, whose stages are not yet loaded.
        plan: the format to write.
        threads: how many threads to compute with; None leaves it to the libraries.
        attempts: counts how often pictures are begun, over all workers; None for a counter of its
            own.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        plan: Plan,
        threads: int | None = None,
        attempts: Attempts | SharedAttempts | None = None,
    ) -> None:
        if threads is not None:
            import cv2
            import torch

            torch.set_num_threads(threads)
            cv2.setNumThreads(threads)
        self._pipeline, self._plan, self._attempts = pipeline, plan, attempts or Attempts()
        self._models = tuple(pipeline.model_names())
        self._fault: UnmaskError | None = None
        try:
            warm_up(pipeline)
        except FATAL_ERRORS as error:
            # An error raised here would reach the caller only as text.
            self._fault = error
        except Exception as error:
            # A third-party stage may fail on so small a picture and still work on others.
            unmask_logger().info("loading the stages: %s", reason_of(error))

    def __call__(self, table: Any) -> Any:
        """Turn a table with the columns `READ` into one with the columns `MADE`."""
        rows = table.to_pylist()
        try:
            if self._fault is not None:
                raise self._fault
            rows = self._unmask_counted(rows)
        except FATAL_ERRORS as error:
            rows = [fault_row(row, error) for row in rows]
        return table_of(rows, MADE)

    def _unmask_counted(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Unmask rows together, or one by one if a worker was lost at them before.

        This finds a picture that kills its workers, which is given up in the end.
        """
        names = [row["name"] for row in rows]
        if any(self._attempts.begin(names)):
            made = [self._unmask_alone(row) for row in rows]
        else:
            made = self._unmask(rows)
        self._attempts.end(names)
        return made

    def _unmask_alone(self, row: dict[str, Any]) -> dict[str, Any]:
        key = f"{row['name']} alone"
        (losses,) = self._attempts.begin([key])
        if losses >= MOST_LOSSES:
            made = _failed(row, InputError(f"{losses + 1} workers were lost at this picture."))
        else:
            (made,) = self._unmask([row])
        self._attempts.end([key])
        return made

    def _unmask(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        pictures: dict[int, Picture] = {}
        for index, row in enumerate(rows):
            if row["status"]:
                continue
            try:
                pictures[index] = read_picture(row["content"], name=row["name"])
            except Exception as error:
                rows[index] = _failed(row, error)
        images = [picture.pixels for picture in pictures.values()]
        results = self._pipeline.run(images, on_error="return") if images else []
        for (index, picture), result in zip(pictures.items(), results, strict=True):
            try:
                if isinstance(result, Exception):
                    raise result
                rows[index] = self._made(rows[index], picture, result)
            except Exception as error:
                rows[index] = _failed(rows[index], error)
        return rows

    def _made(self, row: dict[str, Any], picture: Picture, result: UnmaskResult) -> dict[str, Any]:
        form = self._plan.format or picture.format or "PNG"
        filled = bool(result.hole.any())
        made = {
            **row,
            "status": "done" if filled else "no mask found",
            "faces": json.dumps(reported_faces(result)),
            "seconds": sum(result.timings.values()),
        }
        if not filled and form == picture.format:
            return made
        # Without its content, the picture is restored as an image, which can be written in any
        # format.
        image = result.restored(replace(picture, content=None), result.image, self._models)
        notes = (*picture.notes, *losses(picture, form))
        return made | {
            "content": encode_picture(image, form, quality=self._plan.quality, like=picture),
            "beside": mark_beside(image, form),
            "note": " ".join(notes) or None,
        }


def _failed(row: dict[str, Any], error: BaseException) -> dict[str, Any]:
    return {**row, "content": None, "status": "failed", "error": reason_of(error)}


def write_files(table: Any, plan: Plan) -> Any:
    """Write the results of a table with the columns `MADE` as files; return the columns `TOLD`."""
    return table_of([_write_file(row, plan) for row in table.to_pylist()], TOLD)


def _write_file(row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    if row["content"] is None:
        return row
    try:
        for place, content in _files_of(row, plan):
            try:
                place.write(content, overwrite=plan.overwrite)
            except ExistsError:
                # Written by an earlier attempt of this step, or else by another run.
                if place.read() != content:
                    return row | {
                        "status": "skipped",
                        "note": "another run has written it in the meantime",
                        "faces": None,
                    }
    except Exception as error:
        return row | {"status": "failed", "error": reason_of(error), "faces": None}
    return row


def _files_of(row: dict[str, Any], plan: Plan) -> Iterator[tuple[Place, bytes]]:
    """The files of a result, the picture last."""
    if row["beside"] is not None:
        name = sidecar_path(cast("Any", PurePosixPath(row["name"]))).as_posix()
        yield plan.output / name, row["beside"]
    yield plan.output / row["name"], row["content"]


def write_part(table: Any, plan: Plan) -> Any:
    """Write the results of a table as one file of a data set; return the columns `TOLD`.

    The file's name is derived from the names in it, so repeating this writes no second file.
    """
    import pyarrow.compute
    import pyarrow.parquet

    unwritten = pyarrow.array(["skipped", FAULT])
    rows = table.filter(
        pyarrow.compute.invert(pyarrow.compute.is_in(table["status"], value_set=unwritten))
    )
    if rows.num_rows:
        renamed = rows.rename_columns(["image" if c == "content" else c for c in MADE])
        buffer = io.BytesIO()
        # Pictures are already compressed.
        pyarrow.parquet.write_table(renamed.select(RESULT_COLUMNS), buffer, compression="none")
        names = json.dumps(sorted(rows["name"].to_pylist()))
        digest = hashlib.sha256(names.encode()).hexdigest()[:32]
        try:
            (plan.output / f"part-{digest}.parquet").write(buffer.getvalue(), overwrite=True)
        except OutputError as error:
            return table_of([fault_row(row, error) for row in table.to_pylist()], TOLD)
    return table.select(TOLD)
