"""The few ways in which weft writes to disk. Whole or not at all, also through a crash.

Rules: every write of the store goes through `write`, `move` or `remove` of this module; a caller holds the lock of what
it writes. Files are root's alone. Source: rename(2), fsync(2).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EACCES, EDQUOT, ENOSPC, ENOTDIR, EPERM, EROFS
from pathlib import Path

from weft.errors import NotPermitted, Refused

_NEW = ".new"
_MEND = {EROFS: "mount it so that it can be written", ENOTDIR: "a file stands where a directory belongs: move it away"}


class DiskFailed(Refused):
    """The disk does not take what must be written."""


class DiskFull(DiskFailed):
    """No room on the disk."""


def write(path: Path, data: bytes) -> None:
    """Put `data` at `path`, replacing what is there. Raises: DiskFailed, NotPermitted; then the old content stands."""
    temporary = _temporary(path)
    with _errors(path):
        make_directory(path.parent)
        try:
            _write_through(temporary, data)
            os.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Make the directory, root's alone, and what is above it. Raises: DiskFailed, NotPermitted."""
    with _errors(path):
        for directory in reversed([path, *path.parents]):
            if not directory.exists():
                directory.mkdir(mode=0o700, exist_ok=True)


def opened(path: Path) -> int:
    """A file to be locked, made where it is not there. Raises: DiskFailed, NotPermitted."""
    make_directory(path.parent)
    with _errors(path):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def move(source: Path, target: Path) -> None:
    """Rename within one directory. Raises: FileNotFoundError, DiskFailed, NotPermitted."""
    with _errors(target):
        os.replace(source, target)
        _sync_directory(target.parent)


def remove(path: Path) -> None:
    """Delete the file; gone already is fine. Raises: DiskFailed, NotPermitted."""
    with _errors(path), suppress(FileNotFoundError):
        path.unlink()
        _sync_directory(path.parent)


def sweep(path: Path) -> None:
    """Remove what a writer of `path` left half written when it was killed. Raises: DiskFailed, NotPermitted."""
    remove(_temporary(path))


def is_half_written(path: Path) -> bool:
    return _temporary(path).exists()


def half_written(file: Path) -> Path | None:
    """The path that a writer was killed before giving to `file`; None for every other file."""
    name = file.name
    return file.with_name(name[1 : -len(_NEW)]) if name.startswith(".") and name.endswith(_NEW) else None


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}{_NEW}")


def _write_through(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(fd, left) :]
        os.fsync(fd)
    finally:
        os.close(fd)


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise DiskFull(f"no room to write {path}: {error.strerror}; make room and try again") from error
        if error.errno in (EACCES, EPERM):
            raise NotPermitted(f"cannot write {path}: {error.strerror}; weft runs as root") from error
        fix = f"; {_MEND[error.errno]}" if error.errno in _MEND else ""
        raise DiskFailed(f"cannot write {path}: {error.strerror}{fix}") from error
