"""Importing modules by their names of version 0.1, with a warning, for one release.

Removing this module and the calls of `keep_former_names` removes the former names.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

FORMER_NAMES: Final = {
    "detector.annotations": "detector.data.annotations",
    "detector.regions": "weights.base.regions",
    "detector.training": "detector.train.detector",
    "inpainter.blocks": "inpainter.networks.blocks",
    "inpainter.framing": "inpainter.data.framing",
    "inpainter.sketching": "inpainter.data.sketching",
    "pipeline.explanation": "pipeline.apps.explain.explanation",
    "pipeline.pictures": "weights.images",
    "pipeline.protocols": "weights.base.protocols",
    "pipeline.provenance": "weights.images.mark_reader",
    "pipeline.registry": "pipeline.stages.registry",
    "pipeline.server": "pipeline.apps.server",
    "pipeline.study": "pipeline.apps.study",
    "weights.atomic": "weights.base.atomic",
    "weights.card": "weights.catalog.card",
    "weights.contracts": "weights.base.contracts",
    "weights.device": "weights.base.device",
    "weights.errors": "weights.base.errors",
    "weights.names": "weights.base.names",
    "weights.provenance": "weights.images.mark",
    "weights.record": "weights.catalog.record",
    "weights.settings": "weights.base.settings",
    "weights.store": "weights.catalog.store",
}
"""Former name of a module, or of a package with its contents, to the present one."""


class _PresentModule(Loader):
    """Loads a module under another name."""

    def __init__(self, present: str) -> None:
        self.present = present

    def create_module(self, _spec: ModuleSpec) -> ModuleType:
        """Import the module by its present name."""
        module = importlib.import_module(self.present)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Restore what the import system overwrote in the already executed module."""
        module.__spec__ = self._own_spec


class _FormerNames(MetaPathFinder):
    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        known = fullname
        while known not in FORMER_NAMES:
            known = known.rpartition(".")[0]
            if not known:
                return None
        present = FORMER_NAMES[known] + fullname.removeprefix(known)
        warnings.warn(
            f"The module {fullname} is now {present}; its former name goes with the next release.",
            DeprecationWarning,
            stacklevel=2,
        )
        return ModuleSpec(fullname, _PresentModule(present))


def keep_former_names() -> None:
    """Make the former names importable; further calls do nothing."""
    if not any(isinstance(finder, _FormerNames) for finder in sys.meta_path):
        # In front, so that an empty folder left behind by an update is not taken for the package.
        sys.meta_path.insert(0, _FormerNames())
