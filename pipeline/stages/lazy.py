"""A stage that is checked at once and made on first use."""

from __future__ import annotations

import threading
import time
from typing import Any

from pipeline.stages.registry import resolve_stage, specification_name
from weights.base.log import unmask_logger
from weights.base.protocols import StageKind, StageSpecification


class LazyStage:
    """Holds one stage, made on first use and shared by all threads.

    Args:
        kind: the kind of stage.
        specification: what `pipeline.stages.registry.create_stage` takes.
        device: passed to stages that take one.

    Attributes:
        name: the user's name for the stage; for an object, that of its class or function.

    Raises:
        ConfigurationError: a name or an option is unknown, or the object is not such a stage.
    """

    def __init__(
        self, kind: StageKind, specification: StageSpecification, device: Any = "auto"
    ) -> None:
        self._given = kind, specification, device
        self.name = specification_name(specification)
        self._make = resolve_stage(kind, specification, device=device)
        self._lock = threading.Lock()
        self._made: tuple[Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyStage, self._given

    def get(self) -> Any:
        """The stage.

        Raises:
            UnmaskError: the stage cannot be made, for example because its weights are missing.
        """
        if self._made is None:
            with self._lock:
                if self._made is None:
                    began = time.perf_counter()
                    self._made = (self._make(),)
                    unmask_logger().info(
                        "%s %r is ready after %.2f s",
                        self._given[0], self.name, time.perf_counter() - began,
                    )  # fmt: skip
        return self._made[0]
