"""`unmask run`: takes the masks off picture and video files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.command_options import command_options
from pipeline.commands.run_options import (
    ExistingOptions,
    FileOptions,
    PictureOptions,
    WorkOptions,
    given_options,
)
from pipeline.commands.stage_options import StageOptions
from weights.base.errors import InputError

if TYPE_CHECKING:
    from weights.base.contracts import Image, Mask

_OF_FILLED_PICTURES = (
    "mask",
    "reference",
    "variants",
    "inpainter",
    "detail",
    "blender",
    "quality",
    "side_by_side",
    "save_mask",
    "explain",
)
"""Options about filling holes, or about output made from filled pictures."""


@command_options
def run(
    files: FileOptions,
    written: PictureOptions,
    existing: ExistingOptions,
    work: WorkOptions,
    stages: StageOptions,
) -> None:
    """Take the masks off pictures and videos.

    A filled face is a guess made by a model. It is never evidence of who
    someone is; every file written says so in its metadata.

    Results keep the file format of their input. Where no mask is found the
    result is a copy of the input. Other files in folders are ignored; a file
    that fails does not stop the others.

    Exit code: 0 if every file is done, without a mask or skipped; 1 if some
    failed; 2 if the call is wrong or no file can be processed; 130 after
    Ctrl-C.

    unmask run photo.jpg -o result.jpg

    unmask run holiday/ -o unmasked/ --side-by-side

    unmask run photo.jpg -o result.jpg --variants 4

    unmask run 'in/**/*.png' -o out --format webp --resume

    unmask run - < photo.jpg > result.jpg

    unmask run inbox/ -o unmasked/ --watch

    Args:
        files: Input files, and where results go.
        written: What is written for a picture.
        existing: How existing results are treated.
        work: How the work is done.
        stages: Which stages are used.
    """
    from pipeline.commands.standard_streams import STREAM, is_piped
    from pipeline.run.outputs import Outputs
    from weights.images.formats import is_picture_name

    piped = is_piped(files.paths)
    if files.output is None and not piped:
        raise InputError(
            "Say where the results go: -o FILE for one picture, -o FOLDER for any number, as in "
            "'unmask run photo.jpg -o result.jpg'."
        )
    output = Path(files.output or STREAM)
    into_file = is_picture_name(output) and not output.is_dir()
    _check(files, written, existing, stages, streamed=output == Path(STREAM))
    arguments = stages.arguments(device=work.device, backend=work.backend)
    if work.batch is not None:
        arguments["batch_size"] = work.batch
    if work.engine is not None:
        from pipeline.commands.run_on_ray import run_on_ray

        run_on_ray(files, written, existing, work, arguments)
        return
    if work.gpus or work.column is not None:
        raise InputError("--gpus and --column are for --engine ray.")
    form = written.format
    if written.only_mask:
        arguments |= {"inpainter": _leave_as_it_is, "blender": "none"}
        form = form if into_file else form or "png"
    made = {name: value for name, value in vars(written).items() if name != "format"}
    outputs = Outputs(**made, variants=files.variants, seed=files.seed, existing=existing.treatment)
    if files.watch:
        _check_watched(files, output, into_file=into_file)

    from pipeline.commands.file_run import FileRun
    from pipeline.commands.watching import watch

    file_run = FileRun(files, output, outputs, form, arguments, work)
    with warnings.catch_warnings():
        # Damaged pictures are named at the end; Pillow's warnings add nothing.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        if files.watch:
            watch(file_run)
        file_run.carry_out()


def _check(
    files: FileOptions,
    written: PictureOptions,
    existing: ExistingOptions,
    stages: StageOptions,
    *,
    streamed: bool,
) -> None:
    """Refuse incompatible options."""
    from pipeline.commands.standard_streams import check_standard_output
    from pipeline.commands.summary import check_table
    from pipeline.variants import check_variants

    if streamed:
        beside = written.save_mask or written.side_by_side or written.explain or written.save_report
        if beside or files.as_json or files.variants:
            raise InputError(
                "Standard output takes only one picture: name a file with --output to get a "
                "report or further pictures."
            )
        if not files.dry_run:
            check_standard_output()
    if files.report is not None:
        check_table(files.report, overwrite=existing.overwrite or existing.resume)
    check_variants(files.variants, files.seed, [files.reference])
    if existing.resume and existing.overwrite:
        raise InputError("--resume keeps what exists and --overwrite replaces it: choose one.")
    if written.only_mask:
        values = {**vars(files), **vars(written), **vars(stages)}
        if given := given_options(values, _OF_FILLED_PICTURES):
            raise InputError(f"--only-mask fills nothing: leave {' and '.join(given)} out.")


def _check_watched(files: FileOptions, output: Path, *, into_file: bool) -> None:
    from pipeline.commands.standard_streams import STREAM

    if files.dry_run or files.report is not None or output == Path(STREAM) or into_file:
        raise InputError(
            "--watch runs until it is stopped and needs a folder for the results: it cannot be "
            "combined with --dry-run, --report, or a file or standard output as --output."
        )
    if len(files.paths) != 1:
        raise InputError(f"--watch takes one folder, but got {len(files.paths)} paths.")


def _leave_as_it_is(crop: Image, hole: Mask) -> Image:  # noqa: ARG001 - an inpainter's arguments
    """Fill nothing."""
    return crop
