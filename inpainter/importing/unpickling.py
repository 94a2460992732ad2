"""The program that opens a pickled weight file, in a process of its own that can do nothing else.

`python -m inpainter.importing.unpickling FILE OUTPUT BYTES` writes the tensors of FILE to OUTPUT, a
safetensors file, with at most BYTES of memory more than it starts with. PyTorch's `weights_only`
reader calls nothing but what rebuilds tensors. Other names in the file, such as callbacks that
Lightning leaves there, stand for `Placeholder`, which does nothing. Sockets, programs and other
processes are refused by the interpreter, whatever asks for them.
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
"""So many unknown names are replaced before a file is refused."""

_UNKNOWN = re.compile(r"GLOBAL ([\w.]+) was not an allowed global")

_CAUSE = re.compile(r"WeightsUnpickler error: ([^\n]+)")

_REFUSED: Final = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn")
"""Beginnings of the audit events that end in an error."""


class Placeholder:
    """Stands for whatever a file names besides tensors; holds nothing and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> Placeholder:
        """Take any arguments, and forget them."""
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __setstate__(self, _: Any) -> None: ...


def read_inertly(path: Path) -> Any:
    """Read a pickled file by the `weights_only` reader, unknown names as `Placeholder`.

    Raises:
        pickle.UnpicklingError: the file holds what that reader does not take.
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
    """Give the tensors in mappings by the keys that lead to them, `state_dict/layer.weight`."""
    found: dict[str, Tensor] = {}

    def look(value: Any, way: tuple[str, ...]) -> None:
        if isinstance(value, Tensor):
            # Files may share one storage among tensors, which safetensors does not.
            found["/".join(way)] = value.detach().clone().contiguous()
        elif isinstance(value, Mapping) and len(way) < 4:
            for key, inner in value.items():
                if isinstance(key, str):
                    look(inner, (*way, key))

    look(content, ())
    return found


def cause_of(error: Exception) -> str:
    """Say why a file was not read, without PyTorch's advice to read it less carefully."""
    if isinstance(error, EOFError):
        return "it is empty or cut short"
    text = str(error).strip() or type(error).__name__
    if "alloc" in text and "memory" in text:
        return "it needs more memory than a file of its size should"
    if found := _CAUSE.search(text):
        return found[1]
    # The cause stands after a paragraph of advice, or is the first sentence.
    paragraphs = [one.strip() for one in text.split("\n\n") if one.strip()]
    advised = len(paragraphs) > 1 and paragraphs[0].startswith("Weights only load failed")
    return paragraphs[advised].splitlines()[0].partition(". In PyTorch")[0].rstrip(".")


def limit_memory(allowance: int) -> None:
    """Let this process take so many bytes more than it has, where the system can see to that."""
    # Windows knows no such limit; macOS refuses one below what a process has reserved.
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
    """An audit hook that lets no socket be opened and no program be started."""
    if event == "os.system" or event.startswith(_REFUSED):
        raise PermissionError(f"{event} is refused while a pickled file is read")


def main(file: str, output: str, allowance: str) -> None:
    """Write the tensors of a pickled file; the last line of stderr says why not, where it fails."""
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
