"""Training recipes: network, discriminator, losses, schedule, holes, data, seed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

import yaml

from inpainter.data.augmentation import Augmentation
from inpainter.data.statistics import check_statistics
from inpainter.training.rounds import equal_rounds, round_at
from inpainter.training.terms import JudgedPicture, LossTerm, read_terms
from weights.base.atomic import write_whole
from weights.base.dotted_paths import refuse_working_directory
from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name
from weights.base.settings import read_yaml, settings_from_mapping


@dataclass(frozen=True)
class DataSettings(Augmentation):
    """The training faces, and how they are framed and augmented, in addition to `Augmentation`.

    Attributes:
        faces: folder of faces, as `inpainter.data.faces.list_faces` reads it; empty if given on the
            command line.
        pairs: data set with pairs of true and masked faces, as `unmask synthesize` writes it, to
            train on instead; empty for none.
        masked: draws masks on the faces, for networks that see the mask itself, as
            `create_mask_source` takes it; its holes replace all others.
        train_split: split to train on.
        validation_split: split to validate on.
        split_seed: random seed for splitting a folder that defines no splits.
        rims: probability that a hole leaves a rim of the mask and its shadow, see `stain_rims`; the
            target is the clean face.
        sketch_share: probability that a network that takes a sketch gets that of the true picture
            in the hole (Yu et al. 2019); otherwise it learns to fill without.
        workers: threads that make samples.
        processes: processes that make them instead, each with the faces in its own memory; 0 for
            threads. Threads share one interpreter, which cannot keep up with a large GPU.
        deblocked: whether training faces (not pairs) are deblocked; otherwise a discriminator
            teaches the network to reproduce JPEG's block grid.
        turned_share: faces turned by more than 30 degrees are repeated until they make up this
            fraction of all; 0 to repeat none.
        validation_count: number of frozen validation samples.
    """

    faces: str = ""
    pairs: str = ""
    masked: Any = None
    train_split: str = "train"
    validation_split: str = "val"
    split_seed: int = 0
    landmark_spread: float = 0.03
    rims: float = 0.0
    sketch_share: float = 0.5
    workers: int = 1
    processes: int = 0
    deblocked: bool = False
    turned_share: float = 0.0
    validation_count: int = 64

    def __post_init__(self) -> None:
        if not 0.0 <= self.turned_share < 1.0:
            raise ConfigurationError(
                "turned_share of a recipe's data must be 0 or more and below 1, but is "
                f"{self.turned_share!r}."
            )


@dataclass(frozen=True)
class HoleSettings:
    """Which holes are generated; each generator as `inpainter.holes.create_holes` takes it.

    Attributes:
        face: generator of face-mask-shaped holes, which also frame the crop.
        other: generator of holes of any shape; None for face holes only.
        other_share: probability that such a hole replaces the face hole.
        union_share: probability that both are combined.
    """

    face: Any = "centre-box"
    other: Any = None
    other_share: float = 0.15
    union_share: float = 0.05


@dataclass(frozen=True)
class AdversarialSettings:
    """How the discriminator is built and trained, and its weight in the generator's loss.

    Attributes:
        discriminator: name of the discriminator and its options, `{name: sn-patchgan, ...}`.
        kind: the adversarial loss, as `inpainter.losses` names it.
        weight: weight of the generator's adversarial loss.
        feature_matching: weight of the distance between the discriminator's features of the real
            and of the completed picture, 0 for none (Wang et al. 2018).
        feature_matching_layers: weight of each of the discriminator's layers in that distance; None
            for equal weights.
        feature_matching_distance: "absolute", or "squared" as in LaMa (Suvorov et al. 2022).
        picture: which of the network's pictures is scored.
        fake_region: which scores of a completed picture's map are labelled fake: "whole" for all;
            "hole" for those of patches that contain some of the hole, the others being labelled
            real (Suvorov et al. 2022, LaMa); "blurred-hole" for each in proportion to the blurred
            hole in its patch (Zeng et al. 2022, AOT-GAN).
        generator_region: which scores count for the generator: "whole" for all, "hole" for those of
            patches that contain some of the hole.
        every: number of batches per step of the discriminator.
        r1: gamma of the R1 penalty on the discriminator's gradient at real pictures, 0 for none
            (Mescheder et al. 2018).
        r1_interval: number of discriminator steps per R1 penalty, which is scaled up by the same
            factor (Karras et al. 2020).
        r1_hole: whether the penalty includes the gradient with respect to the hole (Sargsyan et al.
            2023).
    """

    discriminator: dict[str, Any] = field(default_factory=lambda: {"name": "sn-patchgan"})
    kind: str = "hinge"
    weight: float = 1.0
    feature_matching: float = 0.0
    feature_matching_layers: tuple[float, ...] | None = None
    feature_matching_distance: Literal["absolute", "squared"] = "absolute"
    picture: JudgedPicture = "completed"
    fake_region: Literal["whole", "hole", "blurred-hole"] = "whole"
    generator_region: Literal["whole", "hole"] = "whole"
    every: int = 1
    r1: float = 0.0
    r1_interval: int = 16
    r1_hole: bool = False

    def __post_init__(self) -> None:
        if min(self.every, self.r1_interval) < 1 or self.r1 < 0.0:
            raise ConfigurationError(
                "every and r1_interval of a recipe's discriminator must be 1 or more, and r1 0 or "
                "more."
            )


@dataclass(frozen=True)
class DistillationSettings:
    """A trained teacher network for the generator to imitate at several sides.

    Both must have a method `pyramid(image, hole)` that returns layers of increasing sides, and
    `assemble(layers)` that sums them to the picture, like `migan` and `comodgan` (Sargsyan et al.
    2023).

    Attributes:
        teacher: weights of the teacher: a .safetensors file, or a name of the catalog.
        weight: weight of the sum over the sides of the absolute difference inside the hole, divided
            by all pixels, so that large holes count more.
        smallest_side: layers of a smaller side are not compared.
    """

    teacher: str
    weight: float = 2.0
    smallest_side: int = 32


@dataclass(frozen=True)
class OptimizerSettings:
    """Optimizers and learning rates of generator and discriminator.

    Attributes:
        kind: "adam"; "muon" (Jordan et al. 2024), which orthogonalises the generator's step kernel
            by kernel and leaves biases and the discriminator to Adam; "adadelta" (Zeiler 2012),
            which adapts its own step size and needs rates of 1; or "sgd".
        generator_lr: learning rate of the generator.
        discriminator_lr: learning rate of the discriminator.
        betas: Adam's two decay rates.
        discriminator_betas: those of the discriminator; None for the same.
        momentum: SGD's momentum.
        warmup_steps: steps over which the rates rise from zero.
        final_share: the rates decay along a cosine to this fraction of themselves.
        gradient_clip: maximum norm of the generator's gradient; None for no limit.
        discriminator_gradient_clip: the same for the discriminator.
        accumulate: number of parts that a batch is cut into, whose gradients are accumulated before
            a step: a large batch in little memory.
    """

    kind: Literal["adam", "muon", "adadelta", "sgd"] = "adam"
    generator_lr: float = 2e-4
    discriminator_lr: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.99)
    discriminator_betas: tuple[float, float] | None = None
    momentum: float = 0.0
    warmup_steps: int = 100
    final_share: float = 0.05
    gradient_clip: float | None = 1.0
    discriminator_gradient_clip: float | None = None
    accumulate: int = 1


@dataclass(frozen=True)
class Phase:
    """One phase of the schedule.

    Attributes:
        steps: optimizer steps.
        size: side of the samples, pixels.
        batch: samples in a batch, per device.
        generator: whether the generator learns.
        discriminator: whether the discriminator learns, and scores the generator if that learns.
        generator_lr: the generator's rate in this phase; None for the optimizer's.
        discriminator_lr: the discriminator's rate in this phase; None for the optimizer's.
        weights: weights that replace the recipe's in this phase, by the terms' names in the curves:
            "hole_l1", "adversarial", "feature_matching", "distillation". A term of weight 0 is not
            computed.
    """

    steps: int
    size: int
    batch: int
    generator: bool = True
    discriminator: bool = True
    generator_lr: float | None = None
    discriminator_lr: float | None = None
    weights: dict[str, float] = field(default_factory=dict)


FORMER_KEYS: Final = {
    "discriminator_rate": "discriminator_lr",
    "generator_rate": "generator_lr",
    "grey_share": "grayscale_probability",
    "round_steps": "validation_interval",
}
"""Recipe keys of version 0.1 and their current names."""


def present_key(key: Any) -> Any:
    """Return a key's current name, with a warning if it was renamed."""
    if key not in FORMER_KEYS:
        return key
    present = FORMER_KEYS[key]
    warnings.warn(
        f"The recipe's key {key!r} is now called {present!r}.", FutureWarning, stacklevel=2
    )
    return present


def present_keys(content: Any) -> Any:
    """Return a recipe's YAML content with every key under its current name."""
    if isinstance(content, dict):
        return {present_key(key): present_keys(value) for key, value in content.items()}
    if isinstance(content, list):
        return [present_keys(item) for item in content]
    return content


def plain(value: Any) -> Any:
    """Copy nested dicts, lists and tuples to plain dicts and lists, for YAML."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def changed_mapping(mapping: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a recipe's mapping with some values changed; see `ReadRecipe.with_changes`.

    Raises:
        ConfigurationError: a name leads nowhere.
    """
    changed: dict[str, Any] = plain(mapping)
    for name, value in changes.items():
        *path, last = map(present_key, name.split("."))
        place: Any = changed
        for step in path:
            place = _entry(place, step, name)
        if isinstance(place, list):
            _entry(place, last, name)
            place[int(last)] = value
        elif isinstance(place, dict):
            place[last] = value
        else:
            raise ConfigurationError(f"The recipe has no entry {name!r}.")
    return changed


def _entry(place: Any, step: str, name: str) -> Any:
    """Return an entry of a mapping or a list."""
    try:
        return place[int(step)] if isinstance(place, list) else place[step]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"The recipe has no entry {name!r}: there is no {step!r}."
        ) from error


_RECIPES = Path(__file__).parents[1] / "recipes"


def recipe_file(path: str | Path) -> Path:
    """Return the YAML file for a path, or for the bare name of a bundled recipe.

    Raises:
        ConfigurationError: no bundled recipe has that name; the message lists them.
    """
    file = Path(path)
    if file.suffix in {".yaml", ".yml"} or file.exists():
        return file
    shipped = {one.stem: one for one in _RECIPES.glob("*.yaml")}
    if str(path) not in shipped:
        raise unknown_name("recipe of the inpainter", str(path), shipped)
    return shipped[str(path)]


@dataclass(frozen=True)
class ReadRecipe:
    """Base of all recipes: reading, changing and writing."""

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a recipe from YAML; a bare name means one that ships with unmask.

        Raises:
            ConfigurationError: there is no such recipe, or a key or value in it is wrong.
        """
        file = recipe_file(path)
        content = present_keys(read_yaml(file))
        refuse_working_directory(content, file.name)
        return settings_from_mapping(cls, content, file.name)

    def write(self, file: Path) -> None:
        """Write the recipe as YAML; an existing file is replaced.

        Raises:
            OutputError: the file cannot be written.
        """
        write_whole(file, yaml.safe_dump(self.to_mapping(), sort_keys=False), overwrite=True)

    def to_mapping(self) -> dict[str, Any]:
        """Return the recipe as plain dicts and lists, for YAML."""
        return plain(asdict(self))

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Return a copy with some values changed.

        Args:
            changes: new values by name; a dotted name leads into settings and lists, such as
                "optimizer.generator_lr", "phases.0.batch" or "network.width".

        Raises:
            ConfigurationError: a name leads nowhere, or a value is wrong.
        """
        mapping = changed_mapping(self.to_mapping(), changes)
        return settings_from_mapping(type(self), mapping, "the changed recipe")


@dataclass(frozen=True)
class Recipe(ReadRecipe):
    """A whole training recipe.

    Attributes:
        network: name of the network and its options, `{name: gated, ...}`.
        parts: safetensors files of pretrained parts of the network, by the part's name,
            `{coarse: runs/coarse/average.safetensors}`; `discriminator` names the discriminator.
        frozen: parts of the network that do not learn, by name, `[coarse]`; the others train
            faster, around them.
        phases: the schedule, one phase after the other.
        losses: picture losses, each a dict of its name, its options as
            `inpainter.losses.create_loss` takes them, and its `weight`; optionally, `picture` is
            "prediction", the network's whole output, or "completed", its fill with the known pixels
            round it, and `coarse` the fraction of the weight for the coarse picture.
        adversarial: the discriminator and its weight; None to train without one.
        distillation: a teacher network; None for none.
        holes: which holes are generated.
        data: the training faces.
        optimizer: optimizers, learning rates and their schedule.
        ema_decay: decay of the moving average of the weights, which is validated and saved.
        validation_interval: steps between checkpoints and validations.
        precision: "32-true", "bf16-mixed" or "16-mixed", as Lightning names them.
        compile: whether the generator is compiled by torch.compile.
        seed: seeds all random choices.
        measured: network options to measure on the training split, from
            `inpainter.data.statistics.STATISTICS`.
    """

    network: dict[str, Any]
    phases: tuple[Phase, ...]
    parts: dict[str, str] = field(default_factory=dict)
    frozen: tuple[str, ...] = ()
    losses: tuple[dict[str, Any], ...] = ({"name": "l1", "region": "hole", "weight": 1.0},)
    adversarial: AdversarialSettings | None = None
    distillation: DistillationSettings | None = None
    holes: HoleSettings = field(default_factory=HoleSettings)
    data: DataSettings = field(default_factory=DataSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    ema_decay: float = 0.999
    validation_interval: int = 500
    precision: str = "bf16-mixed"
    compile: bool = False
    seed: int = 0
    measured: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_statistics(self.measured)
        if not self.phases:
            raise ConfigurationError(
                "A recipe needs at least one phase with steps, size and batch."
            )
        known = self.weights_in(None)
        for phase in self.phases:
            if min(phase.steps, phase.size, phase.batch, self.validation_interval) < 1:
                raise ConfigurationError(
                    "steps, size, batch and validation_interval of a recipe must be 1 or more."
                )
            if not 1 <= self.optimizer.accumulate <= phase.batch:
                raise ConfigurationError(
                    f"accumulate of the optimizer must be between 1 and the batch, {phase.batch}, "
                    f"but is {self.optimizer.accumulate}."
                )
            if not (phase.generator or phase.discriminator):
                raise ConfigurationError(
                    "A phase must train the generator, the discriminator, or both."
                )
            if not phase.generator and self.adversarial is None:
                raise ConfigurationError(
                    "A phase trains the discriminator, but the recipe names none."
                )
            for name in phase.weights:
                if name not in known:
                    raise unknown_name("loss in a phase's weights", name, known)
            if phase.generator and not any(self.weights_in(phase).values()):
                raise ConfigurationError(
                    "A phase trains the generator, but no loss has a weight in it."
                )

    def terms(self) -> list[LossTerm]:
        """Return the picture losses with their names and weights."""
        return read_terms(self.losses)

    def weights_in(self, phase: Phase | None) -> dict[str, float]:
        """Return the weight of each of the generator's losses in a phase, by name.

        Args:
            phase: the phase; None for the recipe's own weights.
        """
        weights = {term.name: term.weight for term in self.terms()}
        if self.adversarial is not None and (phase is None or phase.discriminator):
            weights["adversarial"] = self.adversarial.weight
            weights["feature_matching"] = self.adversarial.feature_matching
        if self.distillation is not None:
            weights["distillation"] = self.distillation.weight
        changed = {} if phase is None else phase.weights
        return {name: changed.get(name, weight) for name, weight in weights.items()}

    def round_at(self, step: int) -> tuple[int, int]:
        """Apply `inpainter.training.rounds.round_at` to the schedule's rounds."""
        return round_at([steps for _, steps in self.rounds()], step)

    def rounds(self) -> list[tuple[Phase, int]]:
        """Split the schedule into rounds of (phase, steps), each ending with a checkpoint."""
        return [
            (phase, steps)
            for phase in self.phases
            for steps in equal_rounds(phase.steps, self.validation_interval)
        ]


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from YAML; a bare name such as "gated.cpu" means a bundled one.

    Raises:
        ConfigurationError: there is no such recipe, or a key or value in it is wrong.

    Examples:
        >>> read_recipe("gated.cpu").network["name"]
        'gated'
    """
    return Recipe.read(path)


def makes_faces(path: str | Path) -> bool:
    """Return whether a recipe, as `read_recipe` takes it, is for a face generator.

    Raises:
        ConfigurationError: there is no such recipe.
    """
    return "generator" in read_yaml(recipe_file(path))
