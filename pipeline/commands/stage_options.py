"""Command options that choose stages, their parsing, and shell completion."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import typer

from weights.base.errors import ConfigurationError

if TYPE_CHECKING:
    from weights.base.protocols import StageKind


def read_stage(text: str, option: str) -> str | dict[str, Any]:
    """Return what a `Pipeline` takes for "NAME" or "NAME@FILE".

    Raises:
        ConfigurationError: name or file is missing.
    """
    name, separator, weights = text.partition("@")
    if not separator:
        return text
    if not (name and weights):
        raise ConfigurationError(
            f"{option} must be NAME or NAME@FILE, such as gated@mine.safetensors, but is {text!r}."
        )
    return {"name": name, "weights": weights}


def completing(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Make a shell completion function for these names."""
    return lambda incomplete: [name for name in names() if name.startswith(incomplete)]


def _complete_stage(kind: StageKind) -> Callable[[str], list[str]]:
    def names() -> list[str]:
        from pipeline.stages.registry import stage_names

        return stage_names(kind)

    return completing(names)


STAGES: Final = "Stages"
"""Heading of the stage options in the help."""

_complete_device = completing(lambda: ("auto", "cpu", "cuda", "mps"))
_complete_backend = completing(lambda: ("auto", "torch", "onnxruntime", "openvino"))

Device = Annotated[str, typer.Option(autocompletion=_complete_device)]
DeviceOfStages = Annotated[
    str | None,
    typer.Option(
        "--device", show_default="auto", autocompletion=_complete_device, rich_help_panel=STAGES
    ),
]
"""Device option; if not given, the configuration's device is used."""
Backend = Annotated[
    str | None,
    typer.Option(show_default="torch", autocompletion=_complete_backend, rich_help_panel=STAGES),
]


def _stage_option(kind: StageKind, default: str) -> Any:
    return typer.Option(show_default=default, autocompletion=_complete_stage(kind))


@dataclass(frozen=True)
class StageOptions:
    """The options that choose a pipeline.

    Attributes:
        config: A pipeline as YAML; these options override it.
        detector: NAME, NAME@FILE for weights from a file, or your own as module:function.
        weights: Your own weights, a .safetensors file, for the detector or the inpainter, whichever
            they were trained for; may be given once for each.
        confidence: Minimum confidence of the detector.
        low_masks: Also remove masks worn under the chin.
        refiner: NAME, or your own as module:function.
        inpainter: NAME, NAME@FILE for weights from a file, or your own as module:function.
        detail: auto adds detail to the fills of large faces; off only upscales them.
        blender: NAME, or your own as module:function.
    """

    panel: ClassVar = STAGES

    config: Path | None = None
    detector: Annotated[str | None, _stage_option("detector", "yolo")] = None
    weights: Annotated[list[str] | None, typer.Option(metavar="FILE")] = None
    confidence: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, show_default="the detector's")
    ] = None
    low_masks: Annotated[bool | None, typer.Option("--low-masks")] = None
    refiner: Annotated[str | None, _stage_option("refiner", "morphology")] = None
    inpainter: Annotated[str | None, _stage_option("inpainter", "gated")] = None
    detail: Annotated[str | None, typer.Option(show_default="auto")] = None
    blender: Annotated[str | None, _stage_option("blender", "feather")] = None

    def arguments(self, *, device: str | None = None, backend: str | None = None) -> dict[str, Any]:
        """Return the arguments of a `Pipeline`: those of the YAML file, overridden by the options.

        Args:
            device: of the pipeline, if given.
            backend: an option of detector and inpainter, if given.

        Raises:
            ConfigurationError: the file cannot be read, is not a YAML mapping, or has an unknown
                key; a NAME@FILE lacks a part; or a stage's weights are given twice.
            WeightsError: a file of `weights` cannot be read, or is for another stage.
        """
        from weights.base.dotted_paths import import_from_working_directory
        from weights.base.protocols import STAGE_KINDS

        arguments: dict[str, Any] = {}
        if self.config is not None:
            from pipeline.configuration import read_configuration

            arguments = read_configuration(self.config)
        stages = {kind: getattr(self, kind) for kind in STAGE_KINDS}
        import_from_working_directory(stages)
        of_pipeline = {"device": device, "low_masks": self.low_masks}
        arguments |= {key: value for key, value in of_pipeline.items() if value is not None}
        arguments |= {
            kind: read_stage(text, f"--{kind}") for kind, text in stages.items() if text is not None
        }
        for file in self.weights or ():
            self._use_weights(file, arguments, stages)
        for kind, default, option, value in (
            ("detector", "yolo", "confidence", self.confidence),
            ("inpainter", "gated", "detail", self.detail),
            ("detector", "yolo", "backend", backend),
            ("inpainter", "gated", "backend", backend),
        ):
            if value is not None:
                stage = arguments.get(kind, default)
                options = stage if isinstance(stage, dict) else {"name": stage}
                arguments[kind] = {**options, option: value}
        return arguments

    @staticmethod
    def _use_weights(
        file: str, arguments: dict[str, Any], named: dict[StageKind, str | None]
    ) -> None:
        """Use a file in the arguments' stage that it is for, and note it among the named stages."""
        from pipeline.stages.weight_files import stage_of_weights

        kind, stage = stage_of_weights(file)
        if named[kind] not in (None, stage["name"]):
            raise ConfigurationError(
                f"--weights {file} is for the {kind} {stage['name']!r}, but {named[kind]!r} is "
                "asked for too: leave one out."
            )
        given = arguments.get(kind)
        options = given if isinstance(given, dict) and given.get("name") == stage["name"] else {}
        arguments[kind] = {**options, **stage}
        named[kind] = f"{stage['name']}@{file}"
