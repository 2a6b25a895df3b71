"""What /proc/sys/net says of the network namespace that this thread is in. To find and open its files is what that
costs, so a `Sysctls` keeps those open that live as long as their namespace, for whoever looks again and again."""

from __future__ import annotations

import fcntl
import itertools
import os
import resource
import socket
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_ROOT = "/proc/sys/net"
_BY_LINK = {
    "ipv4/conf": ("forwarding", "rp_filter"),
    "ipv6/conf": ("forwarding", "disable_ipv6", "accept_ra", "addr_gen_mode"),
}
"""Of the directory that each interface has, only what decides about forwarding: there may be thousands."""
_ALL_OF = ("all", "default")
_LASTING = (_ROOT, *(f"{_ROOT}/{conf}/{name}" for conf, name in itertools.product(_BY_LINK, _ALL_OF)))
_NOT_INTO = ("neigh", "conf")
_MOSTLY = 4096
"""Bytes that a setting is shorter than, but for a few; the kernel makes room for as much as is asked for."""
_SO_NETNS_COOKIE = 71
"""Of a namespace, never another's. Source: include/uapi/asm-generic/socket.h."""
_KEPT_FROM = 4096
"""Numbers of files that are kept: beyond those that select(2) can wait for, as nft does in a fork of this process."""
_Files = list[tuple[str, int]]
"""The name of a setting, and what is open of it."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """`names`: of all in it; `folders`: the paths of those to look into."""

    names: list[str]
    files: _Files
    folders: list[str]

    @classmethod
    def of(cls, path: str, names: list[str]) -> _Folder:
        with os.scandir(path) as found:
            entries = list(found)
        folders = [entry.path for entry in entries if entry.is_dir() and entry.name not in _NOT_INTO]
        return cls(names, _far(_opened(entry.path for entry in entries if not entry.is_dir())), folders)


class Sysctls:
    """To be closed. Nothing stays open where a process may not have as many files as that takes."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], _Folder] = {}

    def here(self) -> dict[str, str]:
        """Name to value of those that can be read: some can only be written, a link may go."""
        namespace, held = _cookie(), {}
        for path in _LASTING:
            self._read_below(namespace, path, held)
        links = _opened(_of_links())
        _read(links, held)
        _close(links)
        if sum(len(folder.files) for folder in self._kept.values()) > _most():
            self.close()
        return held

    def _read_below(self, namespace: int, path: str, held: dict[str, str]) -> None:
        names, folder = os.listdir(path), self._kept.get((namespace, path))
        if folder is None or folder.names != names:
            _close(folder.files if folder else [])
            folder = self._kept[namespace, path] = _Folder.of(path, names)
        _read(folder.files, held)
        for inner in folder.folders:
            self._read_below(namespace, inner, held)

    def close(self) -> None:
        for folder in self._kept.values():
            _close(folder.files)
        self._kept.clear()


def _cookie() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        return int.from_bytes(asked.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8), sys.byteorder)


def _of_links() -> Iterator[str]:
    for conf, names in _BY_LINK.items():
        for ifname in os.listdir(f"{_ROOT}/{conf}"):
            if ifname not in _ALL_OF:
                yield from (f"{_ROOT}/{conf}/{ifname}/{name}" for name in names)


def _opened(paths: Iterable[str]) -> _Files:
    """One after the other, and read after that: what a system call costs is what there is to save."""
    files: _Files = []
    for path in paths:
        try:
            files.append((path.removeprefix(f"{_ROOT}/"), os.open(path, os.O_RDONLY)))
        except OSError:
            continue
    return files


def _most() -> int:
    """So many are kept, at most: none where a process may not have many more."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 2 * _KEPT_FROM


def _far(files: _Files) -> _Files:
    """The same under numbers that are in nobody's way, if there are such."""
    return [(name, _far_one(fd)) for name, fd in files]


def _far_one(fd: int) -> int:
    try:
        far = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _KEPT_FROM)
    except OSError:
        return fd
    os.close(fd)
    return far


def _read(files: _Files, held: dict[str, str]) -> None:
    for name, fd in files:
        try:
            held[name] = _text(fd)
        except OSError:
            continue


def _text(fd: int) -> str:
    """Of a setting, whose end can only be had along with its beginning."""
    text = os.pread(fd, _MOSTLY, 0)
    return (text if len(text) < _MOSTLY else os.pread(fd, 1 << 16, 0)).decode()


def _close(files: _Files) -> None:
    """Those without a gap by one call."""
    for _, row in itertools.groupby(enumerate(fd for _, fd in files), lambda numbered: numbered[1] - numbered[0]):
        together = [fd for _, fd in row]
        os.closerange(together[0], together[-1] + 1)
