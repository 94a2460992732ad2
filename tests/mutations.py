"""Deliberate mistakes, each of which tests must notice: `python -m tests.mutations [NAME ...]`.

Every mistake is made in a copy of the project, where the tests that guard against it are run. It
takes a few minutes, and pytest does not collect it; `tests/test_project.py` checks that the lines
and tests named here exist. Exit code 1 says that a mistake went unnoticed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Mistake:
    """A mistake that somebody might make.

    Attributes:
        name: what is wrong then.
        file: where it is made.
        right: the code as it is; it stands there once.
        wrong: what takes its place.
        tests: those that must fail, as pytest takes them.
    """

    name: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]


COMPLETION = "tests/inpainter/test_completion.py"
DATA = "tests/inpainter/data/test_data.py"
FROZEN = "tests/inpainter/evaluation/test_benchmark_cases.py"
STEPS = "tests/inpainter/training/test_training_steps.py"
ARITHMETIC = "tests/inpainter/training/test_arithmetic.py"
ADVERSARY = "inpainter/training/adversary.py"
MODULE = "inpainter/training/module.py"
AVERAGE = "inpainter/training/moving_average.py"
CALLBACKS = "inpainter/training/callbacks.py"
FACE_DATA = "inpainter/training/face_data.py"
STREAM = "inpainter/data/stream.py"
PUT_BACK = "torch.where(hole > 0.5, prediction, image)"

MISTAKES = (
    Mistake(
        "networks are fed pictures from 0 to 1",
        "inpainter/tensors.py",
        ".float() / 127.5 - 1.0",
        ".float() / 255.0",
        (
            f"{COMPLETION}::test_the_network_is_given_pictures_from_minus_one_to_one_and_holes_of_one",
        ),
    ),
    Mistake(
        "training sees pictures from 0 to 1",
        "inpainter/data/colour.py",
        "pictures = from_bytes(batch[part])",
        "pictures = (from_bytes(batch[part]) + 1.0) / 2.0",
        (f"{DATA}::test_light_from_the_side_is_a_slope_and_leaves_the_middle",),
    ),
    Mistake(
        "networks complete outside of the hole",
        "inpainter/networks/base.py",
        PUT_BACK,
        PUT_BACK.replace(">", "<"),
        ("tests/inpainter/networks/test_networks.py",),
    ),
    Mistake(
        "losses see the prediction outside of the hole",
        MODULE,
        "completed = torch.where(hole > 0.5, prediction, pictures.known)",
        "completed = torch.where(hole < 0.5, prediction, pictures.known)",
        (f"{ARITHMETIC}::test_a_completed_picture_is_painted_in_the_hole_and_true_outside",),
    ),
    Mistake(
        "the discriminator sees the prediction outside of the hole",
        ADVERSARY,
        "picture = torch.where(pictures.hole > 0.5, picture, pictures.known)",
        "picture = torch.where(pictures.hole < 0.5, picture, pictures.known)",
        (f"{ARITHMETIC}::test_the_discriminator_is_shown_the_picture_that_the_recipe_names",),
    ),
    Mistake(
        "the discriminator is shown the prediction for the completed picture",
        ADVERSARY,
        'self.settings.picture == "completed"',
        'self.settings.picture == "none"',
        (f"{ARITHMETIC}::test_the_discriminator_is_shown_the_picture_that_the_recipe_names",),
    ),
    Mistake(
        "the last weights are saved",
        CALLBACKS,
        "            module.average.network,\n",
        "            module.generator,\n",
        (f"{ARITHMETIC}::test_the_averaged_weights_are_saved_and_not_the_last_ones",),
    ),
    Mistake(
        "the last weights are validated",
        MODULE,
        "self.average.network(*pictures.inputs)",
        "self.generator(*pictures.inputs)",
        (f"{ARITHMETIC}::test_the_averaged_network_is_validated",),
    ),
    Mistake(
        "the average stands still",
        MODULE,
        "            self.average.update(self.generator)\n",
        "",
        (f"{ARITHMETIC}::test_the_average_takes_part_of_each_step",),
    ),
    Mistake(
        "weights to start from do not reach the average",
        "inpainter/training/loop.py",
        "for network in (module.generator, module.average.network):",
        "for network in (module.generator,):",
        ("tests/inpainter/training/test_training.py",),
    ),
    Mistake(
        "real and completed pictures are mixed up",
        ADVERSARY,
        "return real_scores, fake_scores",
        "return fake_scores, real_scores",
        (
            ARITHMETIC,
            STEPS,
        ),
    ),
    Mistake(
        "the discriminator judges reflected pixels",
        ADVERSARY,
        "return torch.where(pictures.out_of_frame > 0.5, pictures.image, picture)",
        "return picture",
        (
            ARITHMETIC,
            STEPS,
        ),
    ),
    Mistake(
        "a penalty that is due now and then counts once",
        ADVERSARY,
        "settings.r1_interval * self._r1_penalty",
        "self._r1_penalty",
        (
            "tests/inpainter/training/test_training_settings.py::test_the_slope_is_punished_at_intervals_and_as_often_as_strongly",
        ),
    ),
    Mistake(
        "a batch in parts counts each part in full",
        MODULE,
        "self.manual_backward(share * total)",
        "self.manual_backward(total)",
        (STEPS,),
    ),
    Mistake(
        "the average keeps its buffers",
        AVERAGE,
        "average.copy_(buffer)",
        "pass",
        (f"{ARITHMETIC}::test_the_average_takes_buffers_as_they_are_and_begins_fast",),
    ),
    Mistake(
        "the average has no warm-up",
        AVERAGE,
        "min(self.decay, (1 + done) / (10 + done))",
        "self.decay",
        (f"{ARITHMETIC}::test_the_average_takes_buffers_as_they_are_and_begins_fast",),
    ),
    Mistake(
        "samples do not follow from the seed",
        STREAM,
        "default_rng((seed, 2, index, attempt))",
        "default_rng((2, index, attempt))",
        (f"{ARITHMETIC}::test_each_pass_has_an_order_and_each_sample_chance_of_its_own",),
    ),
    Mistake(
        "every pass has the same order",
        STREAM,
        "default_rng((seed, 1, turn))",
        "default_rng((seed, 1))",
        (f"{ARITHMETIC}::test_each_pass_has_an_order_and_each_sample_chance_of_its_own",),
    ),
    Mistake(
        "faces come in the order of the folder",
        STREAM,
        ".permutation(count)",
        ".permutation(1) + np.arange(count)",
        (f"{ARITHMETIC}::test_each_pass_has_an_order_and_each_sample_chance_of_its_own",),
    ),
    Mistake(
        "every round learns from the same data",
        FACE_DATA,
        "for before, count in self.rounds[:number])",
        "for before, count in self.rounds[:0])",
        (f"{ARITHMETIC}::test_each_round_and_each_device_goes_on_in_the_stream",),
    ),
    Mistake(
        "a round that was cut short begins anew",
        FACE_DATA,
        "start += (whole - steps) * phase.batch * devices",
        "start += 0",
        (f"{ARITHMETIC}::test_each_round_and_each_device_goes_on_in_the_stream",),
    ),
    Mistake(
        "the two sides of a hole's rim are mixed up",
        "inpainter/postprocess/grain.py",
        "for side in (~hole, hole)",
        "for side in (hole, ~hole)",
        ("tests/inpainter/postprocess/test_grain.py",),
    ),
    Mistake(
        "all processes learn from the same data",
        STREAM,
        "(number * self.devices + self.rank)",
        "(number * self.devices)",
        (f"{ARITHMETIC}::test_each_round_and_each_device_goes_on_in_the_stream",),
    ),
    Mistake(
        "all processes draw the same chance in a step",
        MODULE,
        "trainer.world_size + trainer.global_rank",
        "trainer.world_size",
        (f"{ARITHMETIC}::test_each_step_of_each_process_has_a_seed_of_its_own",),
    ),
    Mistake(
        "validation measures reflected pixels",
        MODULE,
        "missing = hole * inside",
        "missing = hole",
        (f"{ARITHMETIC}::test_reflected_pixels_are_not_validated",),
    ),
    Mistake(
        "rates do not fall",
        MODULE,
        "(1 + math.cos(math.pi * progress)) / 2",
        "1.0",
        (f"{ARITHMETIC}::test_rates_rise_linearly_and_fall_along_a_cosine",),
    ),
    Mistake(
        "rates do not rise",
        MODULE,
        "return (self.steps_done + 1) / settings.warmup_steps",
        "return 1.0",
        (f"{ARITHMETIC}::test_rates_rise_linearly_and_fall_along_a_cosine",),
    ),
    Mistake(
        "the generator's limit clips the discriminator too",
        MODULE,
        "limit = settings.discriminator_gradient_clip",
        "limit = settings.discriminator_gradient_clip or settings.gradient_clip",
        (f"{ARITHMETIC}::test_the_generators_limit_is_none_of_the_discriminators",),
    ),
    Mistake(
        "samples are shifted by half a pixel",
        "inpainter/data/sampling.py",
        "offset = size / 2 - 0.5 - matrix @ (centre - 0.5)",
        "offset = size / 2 - matrix @ centre",
        (f"{DATA}::test_a_sample_lies_where_its_square_does",),
    ),
    Mistake(
        "the faces of a benchmark do not follow from the seed",
        "inpainter/evaluation/benchmark_cases.py",
        'f"{self.seed}/{purpose}/{self._name(face)}"',
        'f"{purpose}/{self._name(face)}"',
        (f"{FROZEN}::test_faces_and_holes_follow_from_the_seed_and_the_name",),
    ),
    Mistake(
        "the holes of a benchmark do not follow from the seed",
        "inpainter/evaluation/benchmark_cases.py",
        'np.random.default_rng((self.seed, self._digest(face, "hole")))',
        'np.random.default_rng(self._digest(face, "hole"))',
        (f"{FROZEN}::test_faces_and_holes_follow_from_the_seed_and_the_name",),
    ),
    Mistake(
        "rows count as inside by the picture's width",
        "inpainter/evaluation/benchmark_cases.py",
        "(centres + y0 <= frame[0])",
        "(centres + y0 <= frame[1])",
        (f"{FROZEN}::test_what_is_inside_goes_by_the_picture_s_height_and_width",),
    ),
    Mistake(
        "fills of crops that are no squares are shifted",
        "inpainter/completion.py",
        "[:height, :width]",
        "[-height:, -width:]",
        (f"{COMPLETION}::test_a_fill_lies_where_it_was_painted",),
    ),
    Mistake(
        "sheets of training do not say that a model made them",
        "inpainter/training/sheet.py",
        "save_marked(np.concatenate(rows), temporary, make_mark())",
        '__import__("PIL.Image").Image.fromarray(np.concatenate(rows)).save(temporary, "JPEG")',
        (f"{ARITHMETIC}::test_a_sheet_of_filled_faces_says_that_they_are_guesses",),
    ),
    Mistake(
        "sheets of evaluation do not say that a model made them",
        "pipeline/evaluation/writing.py",
        "save_marked(draw_sheet(rows, cell), path, make_mark(), quality=90)",
        '__import__("PIL.Image").Image.fromarray(draw_sheet(rows, cell)).save(path, "JPEG")',
        ("tests/pipeline/evaluation/test_reports.py::test_a_sheet_says_that_a_model_filled_it",),
    ),
    Mistake(
        "the compiled network is not used",
        MODULE,
        "torch.compile(self.generator) if recipe.compile else self.generator",
        "self.generator",
        (f"{ARITHMETIC}::test_compiled_networks_learn_the_same",),
    ),
)


def copy_project(folder: Path) -> None:
    """Copy what git tracks or would track, as it is in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


def run_tests(folder: Path, tests: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run tests on the copy in a folder, until the first fails."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def verdict(mistake: Mistake, folder: Path) -> str | None:
    """Make a mistake in the copy and take it back; say what is wrong, None where it is noticed."""
    file = folder / mistake.file
    right = file.read_text(encoding="utf-8")
    if right.count(mistake.right) != 1:
        return f"{mistake.file} does not hold once: {mistake.right}"
    file.write_text(right.replace(mistake.right, mistake.wrong), encoding="utf-8")
    try:
        run = run_tests(folder, mistake.tests)
    finally:
        file.write_text(right, encoding="utf-8")
    if run.returncode == 0:
        return "went unnoticed"
    # Other codes than 1 are of pytest itself: no such test, or none that can be run.
    return None if run.returncode == 1 else f"tests could not be run: {run.stdout[-400:]}"


def main(arguments: list[str] | None = None) -> int:
    """Make all mistakes, or those whose names hold one of the words given."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("words", nargs="*", help="make only mistakes whose names hold one of these")
    words = parser.parse_args(arguments).words
    chosen = [one for one in MISTAKES if not words or any(word in one.name for word in words)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_project(folder)
        whole = run_tests(
            folder, tuple(dict.fromkeys(test for one in chosen for test in one.tests))
        )
        if whole.returncode != 0:
            print(f"The tests fail without any mistake:\n{whole.stdout}")
            return 1
        unnoticed = 0
        for mistake in chosen:
            said = verdict(mistake, folder)
            unnoticed += said is not None
            print(f"{'noticed' if said is None else 'FAILED '}  {mistake.name}", flush=True)
            if said is not None:
                print(f"         {said}", flush=True)
    return int(unnoticed > 0)


if __name__ == "__main__":
    sys.exit(main())
