"""Train every learned system for the same short time and compare them.

`python -m examples.maintenance.compare_models --faces FOLDER --output runs/zoo --minutes 20`

All see the same faces with the same framing, size and batch size; rates, losses and discriminators
are those of each paper, except for what is not on this machine, as the table notes. They are
evaluated on faces of the split "val" with drawn masks: a system gets the hole, and the two that see
the mask itself get the masked picture. In addition to the tables there are two sheets of pictures:
of faces of that split, and of scikit-image's astronaut, which anyone may publish. The same command
resumes a stopped run.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.astronaut import astronaut, masked_astronaut
from examples.maintenance.trial_recipes import shorten
from inpainter import create_model, list_models
from inpainter.completion import NetworkInpainter
from inpainter.evaluation.benchmark_cases import Case
from inpainter.evaluation.evaluate import case_rows, complete_cases, evaluate_inpainter
from inpainter.evaluation.loop import Instruments
from inpainter.evaluation.picture_sheet import SheetRow, draw_sheet
from inpainter.evaluation.results import CaseResult, Measurements
from inpainter.evaluation.stored_cases import LIST_FILE, StoredCases, store_cases
from inpainter.latent_search import SemanticInpainter
from inpainter.training import read_recipe, train_inpainter
from inpainter.training.face_generator import FaceGeneratorRecipe, train_face_generator
from inpainter.training.recipe import DataSettings, HoleSettings
from inpainter.training.time_budget import fit_schedule
from pipeline.evaluation.case_sets import DRAWN_MASK, open_cases
from pipeline.evaluation.document import Table, cells, counted, markdown_table
from pipeline.evaluation.drawn_faces import framed_case
from pipeline.evaluation.resumption import result_from_line, result_line
from pipeline.stages.registry import create_stage
from weights.base.atomic import write_whole
from weights.base.contracts import Inpainter
from weights.base.names import unknown_name
from weights.base.regions import MaskRegion
from weights.base.run_settings import RunOptions
from weights.catalog.description import count_parameters
from weights.images import write_picture
from weights.images.mark import make_mark

SEMANTIC = "semantic"
FACE_HOLES = {
    "name": "detector.synthesis.holes:FaceMaskHoles",
    "growth": [0.0, 0.12],
    "varied_share": 0.5,
}
METRICS = ("psnr_hole", "ssim_hole", "l1_hole")
"""The metrics in each cell of the table of bands, and their decimals."""

ASTRONAUTS = {"surgical": 5, "cloth": 5, "n95": 5, "patterned": 5}
"""Kinds of masks that the astronaut wears, and their random seeds."""


def system_recipes() -> dict[str, str]:
    """The name of each learned system and of its recipe; "gated-detail" completes nothing alone."""
    names = {*list_models(), "gated-dmfb.model1"} - {"gated-detail"}
    profiles = {"gated": "gated.cpu", "gated-unet": "gated-unet.cpu"}
    return {name: profiles.get(name, name) for name in sorted(names)} | {SEMANTIC: "dcgan"}


@dataclass(frozen=True)
class Trained:
    """A system after its short training.

    Attributes:
        system: the inpainter.
        parameters: parameters of its network.
        steps: training steps, if counted.
        left_out: parts of the paper's recipe that were left out.
    """

    system: Inpainter
    parameters: int
    steps: int | None = None
    left_out: tuple[str, ...] = ()


def train_system(name: str, recipe_name: str, options: argparse.Namespace) -> Trained:
    """Train one system within the time budget, or resume it; a finished one is kept."""
    folder = options.output / "runs" / name
    finished = folder / "finished.json"
    data = DataSettings(faces=str(options.faces), validation_count=16, workers=options.workers)
    if name == SEMANTIC:
        weights = folder / "faces.safetensors"
        if not finished.is_file():
            train_face_generator(
                FaceGeneratorRecipe(
                    epochs=100_000, batch=options.face_batch, framing=FACE_HOLES, data=data
                ),
                folder,
                device=options.device,
                threads=options.threads,
                time_budget_minutes=options.minutes,
            )
            _note(finished, None)
        search = SemanticInpainter(
            weights=weights, device=options.device, steps=options.search_steps
        )
        return Trained(search, count_parameters(create_model("dcgan")))
    short = shorten(
        read_recipe(recipe_name),
        size=options.size,
        batch=options.batch,
        data=data,
        holes=HoleSettings(face=FACE_HOLES, other=None),
        precision=options.precision,
    )
    if not finished.is_file():
        run_options: RunOptions = {"device": options.device, "threads": options.threads}
        recipe = fit_schedule(short.recipe, folder, options.minutes, **run_options)
        run_options["time_budget_minutes"] = options.minutes
        run = train_inpainter(recipe, folder, **run_options)
        _note(finished, run.steps)
    steps = json.loads(finished.read_text(encoding="utf-8"))["steps"]
    architecture = short.recipe.network["name"]
    inpainter = NetworkInpainter(
        architecture, folder / "average.safetensors", options.device, image_size=options.size
    )
    network: Any = inpainter.network
    return Trained(inpainter, count_parameters(network), steps, short.left_out)


def _note(path: Path, steps: int | None) -> None:
    write_whole(path, json.dumps({"steps": steps}) + "\n", overwrite=True)


def frozen_cases(options: argparse.Namespace) -> StoredCases:
    """Draw the masks for evaluation, once for all runs in the output folder."""
    folder = options.output / f"cases-{options.count}"
    if not (folder / LIST_FILE).is_file():
        drawn = open_cases(
            options.faces,
            {DRAWN_MASK: DRAWN_MASK},
            split="val",
            count=options.count,
            size=options.size,
            seed=0,
        )
        store_cases(drawn, folder)
    return StoredCases(folder)


def measure_system(
    name: str,
    system: Inpainter,
    cases: StoredCases,
    tools: Instruments,
    options: argparse.Namespace,
) -> list[CaseResult]:
    """Evaluate one system; earlier results on the same cases are reused."""
    kept = options.output / "runs" / name / "measured.json"
    settings = {"holes": cases.checksum, "landmarks": options.landmarks, "realism": True}
    if kept.is_file():
        earlier = json.loads(kept.read_text(encoding="utf-8"))
        if earlier["settings"] == settings:
            return [result_from_line(line) for line in earlier["results"]]
    measured = evaluate_inpainter({name: system}, cases, instruments=tools)
    lines = [result_line(result) for result in measured.results]
    write_whole(kept, json.dumps({"settings": settings, "results": lines}), overwrite=True)
    return list(measured.results)


def instruments(options: argparse.Namespace) -> Instruments:
    """The instruments for metrics beyond pixels."""
    from inpainter.metrics import DlibLandmarks, HoleFeatures

    finder = DlibLandmarks() if options.landmarks else None
    return Instruments(finder, realism=HoleFeatures(options.device))


def overall_table(measurements: Measurements, trained: Mapping[str, Trained]) -> str:
    """Write a Markdown table: one row per system, one column per main metric."""
    metrics = [metric for metric in measurements.metrics if metric.headline]
    rows = []
    for system in measurements.systems:
        one = trained.get(system)
        parameters = f"{one.parameters:,}" if one else "-"
        steps = "-" if one is None or one.steps is None else f"{one.steps:,}"
        means = [
            measurements.estimate(system, metric.name).mean_text(metric.decimals)
            for metric in metrics
        ]
        rows.append(cells(system, parameters, steps, *means))
    heading = ("system", "parameters", "steps", *(one.title for one in metrics))
    return markdown_table(Table("Overall", heading, tuple(rows))) + "\n"


def band_table(measurements: Measurements) -> str:
    """Write a Markdown table: one row per system, one column per band of hole area."""
    bands = [None, *(part for part in measurements.parts() if part.kind == "hole area")]
    metrics = [metric for metric in measurements.metrics if metric.name in METRICS]
    first = [one for one in measurements.results if one.system == measurements.systems[0]]
    headings = [
        f"{'all holes' if band is None else band.name} "
        f"({sum(band is None or band.holds(result) for result in first)})"
        for band in bands
    ]
    rows = []
    for system in measurements.systems:
        figures = [
            " / ".join(
                measurements.estimate(system, one.name, band).mean_text(one.decimals)
                for one in metrics
            )
            for band in bands
        ]
        rows.append(cells(system, *figures))
    table = Table("By band", ("system", *headings), tuple(rows), labels=1 + len(bands))
    return markdown_table(table) + "\n"


def astronaut_cases(size: int) -> list[Case]:
    """The astronaut with several masks, framed like the faces."""
    refiner = create_stage("refiner", "morphology")
    cases = []
    for kind, seed in ASTRONAUTS.items():
        masked, mask = masked_astronaut(kind, seed)
        hole = refiner.refine(masked, [MaskRegion.from_mask(mask)])[0]
        cases.append(framed_case(kind, astronaut(), hole, {}, size, masked))
    return cases


def astronaut_rows(systems: Mapping[str, Inpainter], cases: Sequence[Case]) -> list[SheetRow]:
    """A row for the masked pictures, one for each system, and one for the true pictures."""
    pictures = {
        "masked": [case.masked for case in cases if case.masked is not None],
        **{name: complete_cases(name, system, cases) for name, system in systems.items()},
        "as it was": [case.image for case in cases],
    }
    return [
        SheetRow(name, {case.name: one for case, one in zip(cases, row, strict=True)}, caption=name)
        for name, row in pictures.items()
    ]


def write_comparison(
    measurements: Measurements,
    trained: Mapping[str, Trained],
    sheets: Mapping[str, Sequence[SheetRow]],
    options: argparse.Namespace,
) -> None:
    """Write the tables, the figures and the sheets of pictures to the output folder."""
    left_out = {name: one.left_out for name, one in trained.items()}
    notes = [f"- {name} without {', '.join(said)}" for name, said in left_out.items() if said]
    text = (
        "# Completion systems, each trained for the same short time\n\n"
        f"{options.minutes:g} minutes each at {options.size} pixels in batches of "
        f"{options.batch} ({options.precision}), on {options.described}; {measurements.cases} "
        "faces that were not trained on, with drawn masks. So short a training says what a system "
        "gives early, not what it can do in the end. A filled face is a guess, never evidence of "
        "who someone is.\n\n"
        f"{overall_table(measurements, trained)}\n"
        "By the hole's share of the crop, in the hole: PSNR in dB / SSIM / mean absolute error of "
        "[0, 1].\n\n"
        f"{band_table(measurements)}\n"
        "![The astronaut's masks, filled by each system](comparison.jpg)\n"
    )
    if notes:
        text += "\nNot on this machine, or left out to train alone:\n\n" + "\n".join(notes) + "\n"
    summary = {
        "minutes": options.minutes,
        "size": options.size,
        "batch": options.batch,
        "precision": options.precision,
        "device": options.described,
        "left_out": left_out,
        "steps": {name: one.steps for name, one in trained.items()},
        "parameters": {name: one.parameters for name, one in trained.items()},
        **measurements.summary(),
    }
    figures = json.dumps(summary, indent=2, default=str) + "\n"
    write_whole(options.output / "comparison.md", text, overwrite=True)
    write_whole(options.output / "comparison.json", figures, overwrite=True)
    for name, rows in sheets.items():
        sheet = draw_sheet(rows, cell=options.size)
        write_picture(options.output / name, sheet, overwrite=True, mark=make_mark())


def describe_device(device: str, threads: int | None) -> str:
    """Describe the device of the training."""
    import torch

    from weights.base.device import resolve_device

    chosen = resolve_device(device)
    if chosen.type == "cuda":
        return torch.cuda.get_device_name(chosen)
    return f"{counted(threads or torch.get_num_threads(), 'thread')} of a CPU"


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.maintenance.compare_models", description=__doc__
    )
    parser.add_argument("--faces", type=Path, required=True, help="folder with faces.jsonl")
    parser.add_argument("--output", type=Path, default=Path("runs/zoo"), help="folder for it all")
    parser.add_argument("--minutes", type=float, default=20.0, help="training time of each system")
    parser.add_argument(
        "--models", default="", help="some of the systems, separated by commas; all without"
    )
    parser.add_argument("--size", type=int, default=128, help="side of the pictures, pixels")
    parser.add_argument("--batch", type=int, default=8, help="faces in a batch")
    parser.add_argument("--precision", default="32-true", help="32-true or bf16-mixed")
    parser.add_argument("--face-batch", type=int, default=64, help="of the face generator")
    parser.add_argument("--search-steps", type=int, default=200, help="of the latent search")
    parser.add_argument("--count", type=int, default=200, help="faces to measure on")
    parser.add_argument(
        "--landmarks", action="store_true", help="measure faces found and landmarks, by dlib"
    )
    parser.add_argument("--shown", type=int, default=8, help="faces on the sheet of pictures")
    parser.add_argument("--workers", type=int, default=1, help="threads that make samples")
    parser.add_argument("--threads", type=int, help="number of CPU threads")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Train, evaluate, and write tables and sheets."""
    options = build_parser().parse_args(arguments)
    options.described = describe_device(options.device, options.threads)
    recipes = system_recipes()
    chosen = [name for name in options.models.split(",") if name] or list(recipes)
    for name in chosen:
        if name not in recipes:
            raise unknown_name("learned system", name, recipes)
    cases, tools = frozen_cases(options), instruments(options)
    trained: dict[str, Trained] = {}
    systems: dict[str, Inpainter] = {"telea": create_stage("inpainter", "telea")}
    results = measure_system("telea", systems["telea"], cases, tools, options)
    for name in chosen:
        print(f"{name}: {options.minutes:g} minutes", flush=True)
        trained[name] = train_system(name, recipes[name], options)
        systems[name] = trained[name].system
        results += measure_system(name, systems[name], cases, tools, options)
    measurements = evaluate_inpainter(systems, cases, instruments=tools, known=results)
    shown = list(itertools.islice(cases, options.shown))
    of_faces = case_rows(systems, shown, [case.name for case in shown])
    sheets = {
        "faces.jpg": [of_faces[case.name] for case in shown],
        "comparison.jpg": astronaut_rows(systems, astronaut_cases(options.size)),
    }
    write_comparison(measurements, trained, sheets, options)
    print((options.output / "comparison.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
