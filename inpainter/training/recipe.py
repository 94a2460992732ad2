"""What a training recipe says: network, discriminator, losses, schedule, holes, data, seed."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import yaml

from inpainter.data.statistics import check_statistics
from inpainter.training.rounds import equal_rounds, round_at
from inpainter.training.terms import JudgedPicture, LossTerm, read_terms
from weights.base.atomic import write_whole
from weights.base.dotted_paths import refuse_working_directory
from weights.base.errors import ConfigurationError
from weights.base.names import unknown_name
from weights.base.settings import read_yaml, settings_from_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class DataSettings:
    """Which faces are trained on, and how they are framed.

    Attributes:
        faces: folder of faces, as `inpainter.data.faces.list_faces` reads it; empty where the
            command line gives it.
        pairs: data set with pairs of true and masked faces, as `unmask synthesize` writes it, whose
            pictures and holes are trained on instead; empty for none.
        masked: draws masks on the faces for networks that look at the mask itself, as
            `create_mask_source` takes it; its holes take the place of all others.
        train_split: part of the faces that is trained on.
        validation_split: part that is validated on.
        split_seed: deals out the faces of a folder that names no parts.
        context: range of the crop's side over the hole's extent.
        lift: range of the crop's shift upwards, as a share of its side.
        rotation: largest rotation, degrees.
        grayscale_probability: how often a picture is turned grey.
        colour_jitter: largest relative change of brightness, contrast, gamma and colour balance.
        stretch: standard deviation of the relative change of width against height, and twice that
            of the shear.
        side_light: largest relative change of brightness from the middle of a crop to its edge.
        rims: how often a hole leaves a rim of the mask and its shadow, see `stain_rims`; what is
            learned from is the clean face.
        sketch_share: how often a network that takes a sketch is given the lines of the true picture
            in the hole (Yu et al. 2019); otherwise it learns to fill freely.
        landmark_share: how often a network that takes landmarks is given them; for others 0.
        landmark_spread: by how much they are moved then, see `moved_landmarks`.
        workers: threads that make samples.
        processes: processes that make them instead, each with the faces in its own memory; 0 for
            threads. Threads share one interpreter, and a large GPU is faster than it.
        deblocked: whether JPEG's block grid is taken out of the faces that are learned from, not of
            pairs: a discriminator teaches to paint it otherwise.
        turned_share: faces of heads turned by more than 30 degrees are repeated until they are
            this share of all; 0 takes them as often as there are.
        validation_count: frozen samples that are validated on.
    """

    faces: str = ""
    pairs: str = ""
    masked: Any = None
    train_split: str = "train"
    validation_split: str = "val"
    split_seed: int = 0
    context: tuple[float, float] = (1.4, 1.8)
    lift: tuple[float, float] = (0.04, 0.16)
    rotation: float = 10.0
    grayscale_probability: float = 0.06
    colour_jitter: float = 0.15
    stretch: float = 0.0
    side_light: float = 0.0
    rims: float = 0.0
    sketch_share: float = 0.5
    landmark_share: float = 0.0
    landmark_spread: float = 0.03
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
    """Which holes are drawn; each generator as `inpainter.holes.create_holes` takes it.

    Attributes:
        face: generator of face-mask-shaped holes, which also frame the crop.
        other: generator of holes of any shape, None for face holes only.
        other_share: how often a hole of any shape takes the face hole's place.
        union_share: how often both are missing.
    """

    face: Any = "centre-box"
    other: Any = None
    other_share: float = 0.15
    union_share: float = 0.05


@dataclass(frozen=True)
class AdversarialSettings:
    """How the discriminator is built and taught, and what it is worth to the generator.

    Attributes:
        discriminator: name of the discriminator and its options, `{name: sn-patchgan, ...}`.
        kind: the adversarial loss, as `inpainter.losses` names it.
        weight: of the generator's adversarial loss.
        feature_matching: weight of the distance between the discriminator's features of the true
            and of the completed picture, 0 for none (Wang et al. 2018).
        feature_matching_layers: share of each of the discriminator's layers in that distance, None
            for equal shares.
        feature_matching_distance: "absolute", or "squared" as in LaMa (Suvorov et al. 2022).
        picture: which picture of the network is judged.
        fake_region: which scores of a map the discriminator is to call false: "whole" for all of a
            completed picture's; "hole" for those of patches that show some of its hole, while it is
            to call the others true (Suvorov et al. 2022, LaMa); "blurred-hole" for each as much as
            the hole, blurred, covers its patch (Zeng et al. 2022, AOT-GAN).
        generator_region: which scores the generator is judged by: "whole" for all, "hole" for those
            of patches that show some of the hole.
        every: batches between two steps of the discriminator.
        r1: gamma of the penalty on the discriminator's slope at true pictures, 0 for none
            (Mescheder et al. 2018).
        r1_interval: steps of the discriminator between two that have the penalty, which is that
            many times as strong then (Karras et al. 2020).
        r1_hole: whether the slope at the hole that the discriminator sees counts too (Sargsyan et
            al. 2023).
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
    """A second, trained network that the generator is to paint like, at several sides.

    Both must have a method `pyramid(image, hole)` that gives layers of growing sides, and
    `assemble(layers)` that adds them up to the picture, as `migan` and `comodgan` have (Sargsyan
    et al. 2023).

    Attributes:
        teacher: weights of the second network: a .safetensors file, or a name of the catalog.
        weight: of the sum over the sides of the absolute difference inside the hole, divided by all
            pixels: large holes count more.
        smallest_side: pictures of a smaller side are not compared.
    """

    teacher: str
    weight: float = 2.0
    smallest_side: int = 32


@dataclass(frozen=True)
class OptimizerSettings:
    """How generator and discriminator take their steps.

    Attributes:
        kind: "adam"; "muon" (Jordan et al. 2024), which makes the generator's step orthogonal,
            kernel by kernel, and leaves biases and the discriminator to Adam; "adadelta" (Zeiler
            2012), which finds its own step and wants rates of 1; or "sgd".
        generator_lr: learning rate of the generator.
        discriminator_lr: learning rate of the discriminator.
        betas: Adam's two decay rates.
        discriminator_betas: those of the discriminator, None for the same.
        momentum: of SGD.
        warmup_steps: steps over which the rates rise from zero.
        final_share: the rates fall along a cosine to this share of themselves.
        gradient_clip: largest norm of the generator's gradient, None for no limit.
        discriminator_gradient_clip: that of the discriminator's.
        accumulate: parts that a batch is cut into, which go through the networks one after the
            other and whose gradients are added up before a step: a large batch in little memory.
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
    """One stretch of the schedule.

    Attributes:
        steps: optimizer steps.
        size: side of the samples, pixels.
        batch: samples in a batch, per device.
        generator: whether the generator learns.
        discriminator: whether the discriminator learns, and judges the generator where that learns.
        generator_lr: the generator's rate in this phase, None for the optimizer's.
        discriminator_lr: the discriminator's rate in this phase, None for the optimizer's.
        weights: weights that hold in this phase instead of the recipe's, by what the terms are
            called in the curves: "hole_l1", "adversarial", "feature_matching", "distillation".
            A term of weight 0 is not computed.
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
"""Keys of recipes as they were called in version 0.1, with their present names."""


def present_key(key: Any) -> Any:
    """Give a key's present name, with a warning where it has another one."""
    if key not in FORMER_KEYS:
        return key
    present = FORMER_KEYS[key]
    warnings.warn(
        f"The recipe's key {key!r} is now called {present!r}.", FutureWarning, stacklevel=2
    )
    return present


def present_keys(content: Any) -> Any:
    """Give what a recipe's YAML holds with every key under its present name."""
    if isinstance(content, dict):
        return {present_key(key): present_keys(value) for key, value in content.items()}
    if isinstance(content, list):
        return [present_keys(item) for item in content]
    return content


def plain(value: Any) -> Any:
    """Turn nested dicts, lists and tuples into dicts and lists of their own, for YAML."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def changed_mapping(mapping: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Give a copy of a recipe's mapping with some values changed; see `ReadRecipe.with_changes`.

    Raises:
        ConfigurationError: a name leads nowhere.
    """
    changed: dict[str, Any] = plain(mapping)
    for name, value in changes.items():
        *way, last = map(present_key, name.split("."))
        place: Any = changed
        for step in way:
            place = _entry(place, step, name)
        if isinstance(place, list):
            _entry(place, last, name)
            place[int(last)] = value
        elif isinstance(place, dict):
            place[last] = value
        else:
            raise ConfigurationError(f"The recipe has no place {name!r}.")
    return changed


def _entry(place: Any, step: str, name: str) -> Any:
    """Go one step down a mapping or a list."""
    try:
        return place[int(step)] if isinstance(place, list) else place[step]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"The recipe has no place {name!r}: there is no {step!r}."
        ) from error


_RECIPES = Path(__file__).parents[1] / "recipes"


def recipe_file(path: str | Path) -> Path:
    """Give the YAML file that a path, or the bare name of a recipe that ships, means.

    Raises:
        ConfigurationError: no recipe of that name ships; the sentence lists those that do.
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
    """What all recipes have in common: they are read, changed and written."""

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
        """Write the recipe as YAML; a file of that name is replaced.

        Raises:
            OutputError: the file cannot be written.
        """
        write_whole(file, yaml.safe_dump(self.to_mapping(), sort_keys=False), overwrite=True)

    def to_mapping(self) -> dict[str, Any]:
        """Give the recipe as plain dicts and lists, which YAML can hold."""
        return plain(asdict(self))

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Give a copy with some values changed.

        Args:
            changes: new values by name; a name may lead into settings and lists, as
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
        parts: safetensors files for parts of the network that were trained before, by the part's
            name, `{coarse: runs/coarse/average.safetensors}`; `discriminator` names what judges
            them.
        frozen: parts of the network that do not learn, by name, `[coarse]`; the others learn to
            work with them as they are, in less time.
        phases: the schedule, one phase after the other.
        losses: picture losses, each a dict of its name, its options as
            `inpainter.losses.create_loss` takes them, and its `weight`; besides, `picture` is
            "prediction", what the network paints everywhere, or "completed", that with the known
            pixels round the hole, and `coarse` the share of the weight with which the loss looks at
            a coarse picture too.
        adversarial: the discriminator and its worth, None to train without one.
        distillation: a network to paint like, None for none.
        holes: which holes are drawn.
        data: which faces are trained on.
        optimizer: learning rates and their course.
        ema_decay: decay of the moving average of the weights, which is what is validated and
            shipped.
        validation_interval: steps between two checkpoints and validations.
        precision: "32-true", "bf16-mixed" or "16-mixed", as Lightning names them.
        compile: whether the generator is compiled by torch.compile.
        seed: source of all chance.
        measured: options of the network that are measured on the faces of the training split, out
            of `inpainter.data.statistics.STATISTICS`.
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
        """Give the picture losses with their names and weights."""
        return read_terms(self.losses)

    def weights_in(self, phase: Phase | None) -> dict[str, float]:
        """Give the weight of each of the generator's losses in a phase, by name.

        Args:
            phase: the phase; None for the weights that hold where no phase says otherwise.
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
        """Say of the schedule's rounds what `inpainter.training.rounds.round_at` does."""
        return round_at([steps for _, steps in self.rounds()], step)

    def rounds(self) -> list[tuple[Phase, int]]:
        """Cut the schedule into rounds of (phase, steps); a checkpoint ends each round."""
        return [
            (phase, steps)
            for phase in self.phases
            for steps in equal_rounds(phase.steps, self.validation_interval)
        ]


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from YAML; a bare name such as "gated.cpu" means one that ships with unmask.

    Raises:
        ConfigurationError: there is no such recipe, or a key or value in it is wrong.

    Examples:
        >>> read_recipe("gated.cpu").network["name"]
        'gated'
    """
    return Recipe.read(path)


def makes_faces(path: str | Path) -> bool:
    """Tell whether a recipe, as `read_recipe` takes it, is that of a face generator.

    Raises:
        ConfigurationError: there is no such recipe.
    """
    return "generator" in read_yaml(recipe_file(path))
