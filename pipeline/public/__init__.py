"""What `import unmask` provides: the re-exported public names of the packages.

Installed, this folder is the package `unmask`. Its parts `pipeline`, `detector`, `inpainter` and
`weights` have common names; if someone else's file or package is found in their place, the import
fails at once with a message that names it.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import detector as detector
    import inpainter as inpainter
    from pipeline import *  # noqa: F403

    __version__: str

_PARTS = ("pipeline", "detector", "inpainter", "weights")


def _check_installation() -> None:
    """Raise an ImportError if a part is missing, or from another installation than the others."""
    places: dict[str, Path] = {}
    for name in _PARTS:
        spec = importlib.util.find_spec(name)
        if spec is None:
            raise ImportError(f"unmask's package {name!r} is not installed: reinstall unmask.")
        folders = spec.submodule_search_locations
        places[name] = Path(next(iter(folders)) if folders else str(spec.origin))
    if len({place.parent for place in places.values()}) == 1:
        return
    here = Path(__file__).parent
    # Installed, the parts lie next to this folder; in a checkout, around it.
    ours = here.parent if here.name == __name__ else here.parents[1]
    for name, place in places.items():
        if place.parent != ours:
            what = "package" if place.suffix == "" else "file"
            raise ImportError(
                f"unmask needs its own package {name!r}, but Python finds the {what} {place} in "
                "its place: rename that, or start Python from another folder.",
                name=name,
                path=str(place),
            )


_check_installation()

# Only now is it certain whose `pipeline` this is.
import pipeline  # noqa: E402

__all__ = ["detector", "inpainter"]
__all__ += pipeline.__all__


def __getattr__(name: str) -> Any:
    if name in ("detector", "inpainter"):
        value: Any = importlib.import_module(name)
    elif name == "__version__":
        value = importlib.import_module("weights.images.mark").unmask_version()
    elif name in __all__:
        value = getattr(pipeline, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
