"""Which other programs rule the network here, and how they are configured.

Rules: only reads. A program is at work here where its directory under /run is there, or where it is enabled to start.
Source: systemd.unit(5), networkd.conf(5), NetworkManager.conf(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

_ENABLED = "/etc/systemd/system/multi-user.target.wants/{}.service"
SIGNS: Mapping[str, str] = MappingProxyType(
    {"systemd-networkd": "/run/systemd/netif", "NetworkManager": "/run/NetworkManager"}
)
"""Program to the directory that it makes while it runs."""

_DIRECTORIES = ("/etc", "/run", "/usr/lib")
"""The first counts most."""


def services() -> frozenset[str]:
    """The programs of SIGNS that are at work here, or will be."""
    return frozenset(
        name for name, sign in SIGNS.items() if Path(sign).is_dir() or Path(_ENABLED.format(name)).is_symlink()
    )


def configs(found: frozenset[str]) -> dict[str, str]:
    """Path to text of their files, in the order in which they count."""
    paths: list[Path] = []
    if "systemd-networkd" in found:
        paths += [*_in_turn("systemd/network", "*.network"), Path("/etc/systemd/networkd.conf")]
        paths += _by_name("systemd/networkd.conf.d")
    if "NetworkManager" in found:
        paths += [Path("/etc/NetworkManager/NetworkManager.conf"), *_by_name("NetworkManager/conf.d")]
    return dict(_texts(paths))


def _in_turn(directory: str, pattern: str) -> Iterator[Path]:
    """One directory after the other."""
    for top in _DIRECTORIES:
        yield from sorted(Path(top, directory).glob(pattern))


def _by_name(directory: str) -> list[Path]:
    """By name; of equal names the one that counts most comes last."""
    return sorted(_in_turn(directory, "*.conf"), key=lambda path: (path.name, -_DIRECTORIES.index(_top(path))))


def _top(path: Path) -> str:
    return next(top for top in _DIRECTORIES if path.is_relative_to(top))


def _texts(paths: list[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        with suppress(OSError):
            yield str(path), path.read_text(errors="replace")
