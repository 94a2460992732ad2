"""Looking up stages by name.

The tables are explicit, with dotted paths that are imported on demand. Other packages add stages
through the entry-point groups `unmask.detectors`, `unmask.refiners`, `unmask.inpainters` and
`unmask.blenders`; every network of `inpainter.list_models()` is an inpainter as well.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from inpainter.registry import CLASSICAL, list_models
from pipeline.stages.functions import FUNCTION_STAGES, function_name, is_stage
from weights.base.dotted_paths import import_component
from weights.base.errors import ConfigurationError
from weights.base.names import import_object, unknown_name
from weights.base.option_values import check_option
from weights.base.protocols import STAGE_KINDS, STAGE_METHODS, StageKind, StageSpecification

BUILT_IN: dict[StageKind, dict[str, str]] = {
    "detector": {
        "yolo": "detector:YoloMaskDetector",
    },
    "refiner": {
        "morphology": "pipeline.refiners.morphology:MorphologyRefiner",
        "none": "pipeline.refiners.unchanged:UnchangedRefiner",
    },
    "inpainter": {
        **CLASSICAL,
        "onnx": "inpainter.onnx_completion:OnnxInpainter",
        "semantic": "inpainter.latent_search:SemanticInpainter",
    },
    "blender": {
        "feather": "pipeline.blenders.feather:FeatherBlender",
        "poisson": "pipeline.blenders.poisson:PoissonBlender",
        "none": "pipeline.blenders.paste:PasteBlender",
    },
}
"""Name to dotted path, per kind of stage."""

_NETWORK_INPAINTER = "inpainter.completion:NetworkInpainter"


def _entry_points(kind: StageKind) -> dict[str, EntryPoint]:
    """The stages of other packages, checked for clashes with each other and the built-in ones.

    Raises:
        ConfigurationError: two stages have the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=f"unmask.{kind}s"):
        other = found.get(point.name)
        # One installation may be listed twice, by two folders on the path; that is not a conflict.
        if other is not None and other.value == point.value:
            continue
        rival = BUILT_IN[kind].get(point.name) or (other.value if other is not None else None)
        if rival is not None:
            raise ConfigurationError(
                f"Two {kind}s are named {point.name!r}: {rival!r} and {point.value!r}; "
                "uninstall one of the packages or rename its stage."
            )
        found[point.name] = point
    return found


def stage_names(kind: StageKind) -> list[str]:
    """All registered names of a kind of stage, sorted: built-in, of other packages, networks.

    Raises:
        ConfigurationError: the kind is unknown, or two stages have the same name.

    Examples:
        >>> stage_names("blender")
        ['feather', 'none', 'poisson']
    """
    if kind not in STAGE_KINDS:
        raise unknown_name("kind of stage", str(kind), STAGE_KINDS)
    names = [*BUILT_IN[kind], *_entry_points(kind)]
    if kind == "inpainter":
        networks = list_models()
        for name in names:
            _check_no_network(name, networks)
        names += networks
    return sorted(names)


def _check_no_network(name: str, networks: Iterable[str]) -> None:
    if name in networks:
        raise ConfigurationError(
            f"Two inpainters are named {name!r}: a network of unmask and a stage of another "
            "package; uninstall the package or rename its stage."
        )


def resolve_stage(
    kind: StageKind, specification: StageSpecification, *, device: Any = "auto"
) -> Callable[[], Any]:
    """Look up a stage by its specification, check its options, and return a function that makes it.

    Weights are loaded when the returned function is called. Arguments and errors are those of
    `create_stage`.
    """
    if kind not in STAGE_KINDS:
        raise unknown_name("kind of stage", str(kind), STAGE_KINDS)
    if isinstance(specification, str):
        return _from_name(kind, specification, {}, device)
    if isinstance(specification, Mapping):
        options = {str(key): value for key, value in specification.items()}
        name = options.pop("name", None)
        if not isinstance(name, str):
            raise ConfigurationError(
                f"A {kind} given as a dict needs a 'name', such as {{'name': "
                f"{next(iter(BUILT_IN[kind]))!r}}}, but got keys {sorted(options)}."
            )
        return _from_name(kind, name, options, device)
    return _from_object(kind, specification, {}, device, what=specification_name(specification))


def has_option(kind: StageKind, specification: StageSpecification, option: str) -> bool:
    """Whether a stage given by name or as a class has an option of that name."""
    make = resolve_stage(kind, specification)
    if not isinstance(make, functools.partial) or not isinstance(make.func, type):
        return False
    parameter = inspect.signature(make.func).parameters.get(option)
    return parameter is not None and parameter.kind is not parameter.VAR_KEYWORD


def create_stage(
    kind: StageKind, specification: StageSpecification, *, device: Any = "auto"
) -> Any:
    """Make a stage.

    Args:
        kind: "detector", "refiner", "inpainter" or "blender".
        specification: a registered name; a dict `{"name": ..., **options}`, whose name may be a
            dotted path; "package.module:Class" (or a function for one picture); or an object that
            has the stage's method, or a plain function for one picture.
        device: passed to stages that take a `device` and are not given one in their options.

    Raises:
        ConfigurationError: a name or an option is unknown, or the object is not such a stage.

    Examples:
        >>> import numpy as np
        >>> hole = np.zeros((64, 64), bool)
        >>> hole[30:50, 20:44] = True
        >>> photo = np.full((64, 64, 3), 127, np.uint8)
        >>> [fill] = create_stage("inpainter", "telea").complete([photo], [hole])
        >>> fill.shape
        (64, 64, 3)
    """
    return resolve_stage(kind, specification, device=device)()


def specification_name(specification: StageSpecification) -> str:
    """The user's name for a stage: its name, or that of the class or function given."""
    if isinstance(specification, str):
        return specification
    if isinstance(specification, Mapping):
        return str(specification.get("name"))
    if isinstance(specification, type) or inspect.isroutine(specification):
        return function_name(specification)
    return type(specification).__name__


def _from_name(
    kind: StageKind, name: str, options: dict[str, Any], device: Any
) -> Callable[[], Any]:
    if ":" in name:
        candidate = import_component(kind, name, STAGE_METHODS[kind])
        if not (isinstance(candidate, type) or is_stage(kind, candidate)) and not _takes_pictures(
            kind, candidate, options
        ):
            raise _no_stage(kind, name)
        return _from_object(kind, candidate, options, device, what=name)
    others = _entry_points(kind)
    if name in BUILT_IN[kind]:
        candidate = import_object(BUILT_IN[kind][name])
    elif name in others:
        if kind == "inpainter":
            _check_no_network(name, list_models())
        candidate = others[name].load()
    elif kind == "inpainter" and name in list_models():
        if "model" in options:
            raise ConfigurationError(
                f"The inpainter {name!r} takes no option 'model': its name says the network."
            )
        candidate, options = import_object(_NETWORK_INPAINTER), {"model": name, **options}
    else:
        raise unknown_name(kind, name, stage_names(kind))
    return _from_object(kind, candidate, options, device, what=name)


def _from_object(
    kind: StageKind, candidate: Any, options: dict[str, Any], device: Any, *, what: str
) -> Callable[[], Any]:
    if isinstance(candidate, type):
        if not callable(getattr(candidate, STAGE_METHODS[kind], None)):
            raise _no_stage(kind, what)
        return functools.partial(candidate, **_arguments(kind, candidate, options, device, what))
    if is_stage(kind, candidate):
        if options:
            raise ConfigurationError(
                f"The {kind} {what!r} is an existing object and takes no options, but got "
                f"{sorted(options)}."
            )
        return lambda: candidate
    if callable(candidate):
        arguments = _arguments(kind, candidate, options, device, what)
        function = functools.partial(candidate, **arguments) if arguments else candidate
        return lambda: FUNCTION_STAGES[kind](function)
    raise _no_stage(kind, what)


def _takes_pictures(kind: StageKind, function: Any, options: Mapping[str, Any]) -> bool:
    """Whether something can be called as a stage's function for one picture with these options."""
    try:
        parameters = inspect.signature(function).parameters
        known = {key: value for key, value in options.items() if key in parameters}
        inspect.signature(function).bind(*[None] * FUNCTION_STAGES[kind].takes, **known)
    except (TypeError, ValueError):
        return False
    return True


def _no_stage(kind: StageKind, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{what!r} is not a valid {kind}: it must have a method {STAGE_METHODS[kind]!r} or be a "
        "function for one picture."
    )


def _arguments(
    kind: StageKind,
    factory: Callable[..., Any],
    options: dict[str, Any],
    device: Any,
    what: str,
) -> dict[str, Any]:
    """Keyword arguments for a class or function: the user's options, and `device` if accepted."""
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return options
    by_name = {
        name
        for name, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    if not takes_any:
        for option in options:
            if option not in by_name:
                nearest = difflib.get_close_matches(option, sorted(by_name), n=1, cutoff=0.5)
                hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
                known = ", ".join(sorted(by_name)) or "none"
                raise ConfigurationError(
                    f"The {kind} {what!r} has no option {option!r}.{hint} Known: {known}."
                )
    for option in by_name & options.keys():
        check_option(f"{kind} {what!r}", option, options[option], parameters[option])
    arguments = dict(options)
    if "device" in by_name and "device" not in arguments:
        arguments["device"] = device
    return arguments
