"""The program that reads a pickled weight file in a separate, restricted process.

`python -m inpainter.importing.unpickling FILE OUTPUT BYTES` writes the tensors of FILE to OUTPUT, a
safetensors file, with at most BYTES of additional memory. PyTorch's `weights_only` reader only
calls what rebuilds tensors. Other names in the file, such as Lightning's callbacks, are replaced by
`Placeholder`, which does nothing. An audit hook blocks sockets, programs and subprocesses.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from torch import Tensor

MOST_NAMES: Final = 200
"""Maximum number of unknown names to replace before a file is rejected."""

_UNKNOWN = re.compile(r"GLOBAL ([\w.]+) was not an allowed global")

_CAUSE = re.compile(r"WeightsUnpickler error: ([^\n]+)")

_REFUSED: Final = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn")
"""Prefixes of the blocked audit events."""


class Placeholder:
    """Replaces anything in a file that is not a tensor; does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Placeholder:
        """Ignore all arguments."""
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __setstate__(self, _: Any) -> None: ...


def read_inertly(path: Path) -> Any:
    """Read a pickled file with the `weights_only` reader, with unknown names as `Placeholder`.

    Raises:
        pickle.UnpicklingError: the file contains something that reader does not accept.
    """
    names: set[str] = set()
    while True:
        with torch.serialization.safe_globals([(Placeholder, name) for name in names]):
            try:
                return torch.load(path, map_location="cpu", weights_only=True)
            except Exception as error:
                unknown = _UNKNOWN.search(str(error))
                if unknown is None or unknown[1] in names or len(names) >= MOST_NAMES:
                    raise
                names.add(unknown[1])


def tensors_in(content: Any) -> dict[str, Tensor]:
    """Return the tensors in nested mappings by joined keys, such as `state_dict/layer.weight`."""
    found: dict[str, Tensor] = {}

    def look(value: Any, path: tuple[str, ...]) -> None:
        if isinstance(value, Tensor):
            # Tensors may share storage in the file, which safetensors does not support.
            found["/".join(path)] = value.detach().clone().contiguous()
        elif isinstance(value, Mapping) and len(path) < 4:
            for key, inner in value.items():
                if isinstance(key, str):
                    look(inner, (*path, key))

    look(content, ())
    return found


def cause_of(error: Exception) -> str:
    """Explain why a file was not read, without PyTorch's advice to load it unsafely."""
    if isinstance(error, EOFError):
        return "it is empty or cut short"
    text = str(error).strip() or type(error).__name__
    if "alloc" in text and "memory" in text:
        return "it needs more memory than a file of its size should"
    if found := _CAUSE.search(text):
        return found[1]
    # The cause follows a paragraph of advice, or is the first sentence.
    paragraphs = [one.strip() for one in text.split("\n\n") if one.strip()]
    advised = len(paragraphs) > 1 and paragraphs[0].startswith("Weights only load failed")
    return paragraphs[advised].splitlines()[0].partition(". In PyTorch")[0].rstrip(".")


def limit_memory(allowance: int) -> None:
    """Limit this process's additional memory in bytes, if the system supports it."""
    # Windows has no such limit; macOS rejects one below what a process has reserved.
    if sys.platform != "linux":
        return
    import resource

    sizes = Path("/proc/self/statm").read_text(encoding="ascii")
    taken = int(sizes.split()[0]) * resource.getpagesize()
    most = taken + allowance
    _, ceiling = resource.getrlimit(resource.RLIMIT_AS)
    if ceiling != resource.RLIM_INFINITY:
        most = min(most, ceiling)
    resource.setrlimit(resource.RLIMIT_AS, (most, ceiling))


def refuse_the_outside(event: str, _: tuple[Any, ...]) -> None:
    """An audit hook that blocks sockets and programs."""
    if event == "os.system" or event.startswith(_REFUSED):
        raise PermissionError(f"{event} is refused while a pickled file is read")


def main(file: str, output: str, allowance: str) -> None:
    """Write the tensors of a pickled file; on failure, the last line of stderr gives the reason."""
    limit_memory(int(allowance))
    sys.addaudithook(refuse_the_outside)
    try:
        save_file(tensors_in(read_inertly(Path(file))), output)
    except MemoryError:
        sys.exit("it needs more memory than a file of its size should")
    except Exception as error:
        sys.exit(cause_of(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
