"""The stages of a pipeline from their specifications: checked at once, loaded on first use."""

from __future__ import annotations

import copy
import functools
import inspect
import json
import os
import reprlib
import sys
from collections.abc import Iterable, Mapping
from multiprocessing.reduction import ForkingPickler
from types import MappingProxyType
from typing import Any, Never, Self

import numpy as np

from pipeline.stages.lazy import LazyStage
from pipeline.stages.registry import has_option, specification_name
from weights.base.errors import ConfigurationError, InputError
from weights.base.names import unknown_name
from weights.base.option_values import check_whole_number
from weights.base.protocols import (
    STAGE_KINDS,
    Blender,
    Detector,
    Inpainter,
    Refiner,
    StageSpecification,
)
from weights.landmarks import FindsFaces, shared_finder

_MORE_THAN_PICKLE = frozenset({"cloudpickle", "dill", "ray"})
"""Packages that pickle what the standard library cannot, such as lambdas."""


class ConfiguredStages:
    """The stages and options of a `Pipeline`, which documents the arguments."""

    def __init__(
        self,
        detector: StageSpecification = "yolo",
        refiner: StageSpecification = "morphology",
        inpainter: StageSpecification = "gated",
        blender: StageSpecification = "feather",
        device: Any = "auto",
        *,
        context: float | None = None,
        lift: float | None = None,
        batch_size: int = 16,
        landmarks: Any = "default",
        low_masks: bool = False,
        **misplaced: Never,
    ) -> None:
        given = (detector, refiner, inpainter, blender)
        self._given = dict(zip(STAGE_KINDS, given, strict=True))
        check_keys("argument of Pipeline", self._given | misplaced)
        if context is not None and not (_is_number(context) and 1.0 <= context <= 16.0):
            raise InputError(f"context must be from 1 to 16, but is {context!r}.")
        if lift is not None and not (_is_number(lift) and 0.0 <= lift <= 0.5):
            raise InputError(f"lift must be from 0 to 0.5, but is {lift!r}.")
        check_whole_number("batch_size", batch_size)
        if not isinstance(low_masks, bool):
            raise InputError(f"low_masks must be True or False, but is {low_masks!r}.")
        self.device = device
        self.context = context
        self.lift = lift
        self.batch_size = batch_size
        self.landmarks = landmarks
        self.low_masks = low_masks
        self._stages = {
            kind: stage if isinstance(stage, LazyStage) else LazyStage(kind, stage, device)
            for kind, stage in self._given.items()
        }

    def __repr__(self) -> str:
        stages = ", ".join(
            f"{kind}={_shown(given, self._stages[kind].name)}"
            for kind, given in self._given.items()
        )
        return f"{type(self).__name__}({stages}, device={str(self.device)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle a pipeline by its specification: stages given by name are made again."""
        arguments = self._arguments()
        if _MORE_THAN_PICKLE.isdisjoint(sys.modules):
            for name, argument in arguments.items():
                _check_pickled(name, argument)
        return functools.partial(type(self), **arguments), ()

    def __copy__(self) -> Self:
        return type(self)(**self._arguments())

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(**copy.deepcopy(self._arguments(), memo))

    def with_stages(self, **stages: StageSpecification) -> Self:
        """Return a pipeline with these stages that shares the others.

        Raises:
            ConfigurationError: a kind of stage, a stage or an option of one is unknown.
        """
        other = type(self)(**self._arguments() | stages)
        for kind, stage in self._stages.items():
            if kind not in stages:
                other._stages[kind] = stage
        return other

    def _arguments(self) -> dict[str, Any]:
        return {
            name: self._given[name] if name in STAGE_KINDS else getattr(self, name)
            for name in configuration_defaults()
        }

    @property
    def detector(self) -> Detector:
        """The detector in use."""
        return self._stages["detector"].get()

    @property
    def refiner(self) -> Refiner:
        """The refiner in use."""
        return self._stages["refiner"].get()

    @property
    def inpainter(self) -> Inpainter:
        """The inpainter in use."""
        return self._stages["inpainter"].get()

    @property
    def blender(self) -> Blender:
        """The blender in use."""
        return self._stages["blender"].get()

    @property
    def landmark_finder(self) -> FindsFaces | None:
        """The landmark finder, shared within the process if given by weights; None for none.

        It runs on the backend of the detector.
        """
        if not isinstance(self.landmarks, str | os.PathLike):
            return self.landmarks
        detector = self._given["detector"]
        options = detector if isinstance(detector, Mapping) else {}
        backend = str(options.get("backend", "torch"))
        return shared_finder(os.fspath(self.landmarks), str(self.device), backend)

    def model_names(self, *, detected: bool = True) -> list[str]:
        """Names of the inpainter and, if it was used, the detector, for the mark."""
        names = self.stage_names
        return [names["detector"], names["inpainter"]] if detected else [names["inpainter"]]

    @property
    def stage_names(self) -> dict[str, str]:
        """The name of the stage of each kind."""
        return {kind: stage.name for kind, stage in self._stages.items()}

    def description(self) -> dict[str, str]:
        """Describe the pipeline in plain text, so that runs can be told apart.

        Stages that are objects are named by their class only, weights by their name.
        """
        said = {name: str(getattr(self, name)) for name in ("context", "lift", "low_masks")}
        for kind, given in self._given.items():
            said[kind] = self._stages[kind].name
            if isinstance(given, dict):
                said[kind] = json.dumps(given, sort_keys=True, default=specification_name)
        return said


@functools.cache
def configuration_defaults() -> Mapping[str, Any]:
    """The keys that a pipeline's YAML may have, with their defaults."""
    parameters = inspect.signature(ConfiguredStages).parameters.values()
    return MappingProxyType(
        {one.name: one.default for one in parameters if one.kind is not one.VAR_KEYWORD}
    )


def check_keys(kind: str, arguments: Mapping[str, Any], further: Iterable[str] = ()) -> None:
    """Refuse unknown arguments of a pipeline.

    Args:
        kind: what they are, in the singular.
        arguments: all arguments by name.
        further: known names in addition to the pipeline's own.

    Raises:
        ConfigurationError: one is unknown; the message says which stage has an option of that name,
            or suggests the nearest and lists all.
    """
    defaults = configuration_defaults()
    known = [*further, *defaults]
    for key, value in arguments.items():
        if key in known:
            continue
        key = str(key)
        for stage in STAGE_KINDS:
            given = arguments.get(stage, defaults[stage])
            if isinstance(given, str | dict) and has_option(stage, given, key):
                written = {**({"name": given} if isinstance(given, str) else given), key: value}
                raise ConfigurationError(
                    f"Unknown {kind} {key!r}: it is an option of the {stage}, so write "
                    f"{stage}={written!r}."
                )
        raise unknown_name(kind, key, known)


def _check_pickled(name: str, argument: Any) -> None:
    """Name the argument that cannot be pickled; Python's own error would name a local object.

    Raises:
        ConfigurationError: it cannot.
    """
    try:
        ForkingPickler.dumps(argument)
    # Pickling an arbitrary object may raise any error.
    except Exception as error:
        called = specification_name(argument)
        raise ConfigurationError(
            f"The pipeline cannot be pickled, as its {name} {called!r} cannot: {error}. A function "
            "must be defined in a module with def; or name it by 'package.module:function'."
        ) from error


def _shown(given: StageSpecification, name: str) -> str:
    """A stage as the user wrote it; of an object only the class, not its repr."""
    if isinstance(given, dict):
        return reprlib.repr(given)
    return repr(name) if isinstance(given, str | LazyStage) else f"<{name}>"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
