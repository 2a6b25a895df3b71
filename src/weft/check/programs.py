"""Which other programs rule the network here, and how they are configured.

Rules: only reads. A program is at work here where its directory under /run is there, or where it is enabled to start.
Source: systemd.unit(5), networkd.conf(5), systemd.network(5), NetworkManager.conf(5), sd-device's database of udev.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

_ENABLED = "/etc/systemd/system/multi-user.target.wants/{}.service"
SIGNS: Mapping[str, str] = MappingProxyType(
    {"systemd-networkd": "/run/systemd/netif", "NetworkManager": "/run/NetworkManager"}
)
"""Program to the directory that it makes while it runs."""

_DIRECTORIES = ("/etc", "/run", "/usr/local/lib", "/usr/lib")
"""The first counts most. NetworkManager does not look into /usr/local."""
_UDEV = "/run/udev/data/n{}"
_PROPERTY = "E:"


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
        elsewhere = Path("/usr/local/lib/NetworkManager/conf.d")
        paths += [Path("/etc/NetworkManager/NetworkManager.conf")]
        paths += [path for path in _by_name("NetworkManager/conf.d") if path.parent != elsewhere]
    return dict(_texts(paths))


def properties(ifnames: Iterable[str], pattern: str = _UDEV) -> dict[str, dict[str, str]]:
    """What udev has found out about links of the host, by which others choose: of those that it knows. `pattern`: the
    file of a link's number."""
    found = {}
    for ifname in ifnames:
        with suppress(OSError):
            text = Path(pattern.format(socket.if_nametoindex(ifname))).read_text(errors="replace")
            lines = (line.removeprefix(_PROPERTY) for line in text.splitlines() if line.startswith(_PROPERTY))
            found[ifname] = {name: value for name, _, value in (line.partition("=") for line in lines)}
    return found


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
