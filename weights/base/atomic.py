"""Writing files atomically."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weights.base.errors import ExistsError, OutputError
from weights.base.stopping import held

_LONGEST_STEM = 40
"""Characters of a file's stem kept in its temporary name, which must stay below 255 bytes."""


@contextmanager
def atomic_path(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path next to `path`; rename it to `path` if the block succeeds.

    If the block raises, the temporary file is removed and `path` is unchanged. Missing parent
    folders are created. The temporary name, `.<stem>.unmask-part<suffix>`, keeps the suffix for
    encoders that depend on it. A file left by a killed process is removed by the next that writes
    `path` (on Windows it stays); a file that another process is writing is left alone.

    Raises:
        ExistsError: `path` exists and `overwrite` is False.
        OutputError: it cannot be written, or a file that the block reads cannot be read.
    """
    target = Path(path)
    if target.exists() and not overwrite:
        raise _exists(target)
    temporary: Path | None = None
    lock: int | None = None
    moved = False
    try:
        # A signal in between would leave the file behind.
        with held():
            temporary, lock = _claimed(target)
        mode = stat.S_IMODE(temporary.stat().st_mode)
        yield temporary
        # Libraries that replace the file by one of their own (safetensors does) make it private to
        # the user; set the permissions of the umask.
        temporary.chmod(mode)
        with held():
            _move(temporary, target, overwrite)
            moved = True
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        reason = error.strerror or error
        if error.filename is None or Path(os.fsdecode(error.filename)) in (temporary, target):
            raise OutputError(f"Cannot write {target}: {reason}.") from error
        # A file that the block read, not the one it wrote.
        raise OutputError(f"{error.filename} cannot be read or written: {reason}.") from error
    finally:
        with held():
            # After a rename the name may belong to another process by now.
            if temporary is not None and not moved:
                temporary.unlink(missing_ok=True)
            if lock is not None:
                os.close(lock)


def _move(temporary: Path, target: Path, overwrite: bool) -> None:
    """Rename the temporary file.

    Raises:
        ExistsError: the target exists and `overwrite` is False.
    """
    if not overwrite:
        try:
            os.link(temporary, target)
        except FileExistsError as error:
            raise _exists(target) from error
        except OSError:
            # Not every file system supports links.
            pass
        else:
            temporary.unlink()
            return
    temporary.replace(target)


def _exists(target: Path) -> ExistsError:
    return ExistsError(f"{target} exists already and is not overwritten unless asked.")


def write_whole(
    path: str | os.PathLike[str], content: str | bytes | memoryview, *, overwrite: bool = False
) -> None:
    """Write a file's content atomically; text as UTF-8.

    Raises:
        ExistsError: `path` exists and `overwrite` is False.
        OutputError: it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def _claimed(target: Path) -> tuple[Path, int | None]:
    """Like `_claim_temporary`, with missing folders created.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return _claim_temporary(target)
    except OSError as error:
        raise OutputError(f"Cannot write {target}: {error.strerror or error}.") from error


def _claim_temporary(target: Path) -> tuple[Path, int | None]:
    """Create the temporary file of a target.

    Returns:
        Its path, and a descriptor whose lock shows others that this process is alive; the system
        releases it when the process ends, however it ends. None if such locks are not supported.
    """
    stem = target.stem[:_LONGEST_STEM]
    number = 1
    while True:
        mark = "" if number == 1 else f"-{number}"
        temporary = target.with_name(f".{stem}.unmask-part{mark}{target.suffix}")
        try:
            made = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        except FileExistsError:
            if not _remove_if_abandoned(temporary):
                number += 1
            continue
        if sys.platform == "win32":
            # An open file cannot be renamed on that system.
            os.close(made)
            return temporary, None
        try:
            if _lock(made) and _is_still(temporary, made):
                return temporary, made
        except OSError:
            # Not every file system supports locks.
            return temporary, made
        # Another process took it for abandoned before it was locked.
        os.close(made)


def _remove_if_abandoned(temporary: Path) -> bool:
    """Remove a temporary file whose process is gone; return whether its name is free now."""
    if sys.platform == "win32":
        return False
    try:
        found = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        if not _lock(found):
            return False
        if _is_still(temporary, found):
            temporary.unlink()
        return True
    except OSError:
        return False
    finally:
        os.close(found)


def _lock(descriptor: int) -> bool:
    """Lock a file for this process; False if another holds the lock."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the path still refers to the open file."""
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False
