"""Reads what others do to packets: tables of nftables that are not weft's, iptables of the old kind, sysctls.

Rules: only reads, and only where it is asked; each namespace once. Rules that are there and cannot be read may drop
anything. Source: nft(8), iptables-save(8), proc(5) (ip_tables_names).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from weft.backends import nft_dump
from weft.backends.libnftables import Complaint, Context
from weft.backends.nft_tracing import TABLE as WATCHING
from weft.backends.settings import read_setting
from weft.backends.visit import visiting
from weft.kinds.nft.table import TABLE_PREFIX
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.reach.foreign import Chain, iptables_text, nft_text

_LEGACY = {4: ("ip_tables_names", "iptables-legacy-save"), 6: ("ip6_tables_names", "ip6tables-legacy-save")}
_PATIENCE_S = 10
_LISTED = ("ip", "ip6", "inet", "bridge")


class OthersHere:
    """On the machine, as it is when a namespace is first asked for."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._chains: dict[str, Sequence[Chain]] = {}

    def chains(self, netns: str) -> Sequence[Chain]:
        """Of all tables of IP and of bridges. Raises: DumpInterrupted, NotPermitted, FeatureMissing."""
        if netns not in self._chains:
            self._chains[netns] = self._read(netns)
        return self._chains[netns]

    def _read(self, netns: str) -> Sequence[Chain]:
        with suppress(NamespaceGone), visiting(self._namespaces, netns):
            return here()
        return ()

    def setting(self, netns: str, name: str) -> str | None:
        """Raises: NotPermitted."""
        with suppress(NamespaceGone), visiting(self._namespaces, netns):
            return read_setting(name)
        return None


def here() -> Sequence[Chain]:
    """Of the namespace that the thread is in. Raises: DumpInterrupted, NotPermitted, FeatureMissing."""
    return (*_of_nft(), *_legacy())


def _of_nft() -> Sequence[Chain]:
    tables = [
        f"{family} {name}"
        for family, name in nft_dump.tables()
        if family in _LISTED and not name.startswith((TABLE_PREFIX, WATCHING))
    ]
    if not tables:
        return ()
    context = Context()
    try:
        return nft_text.read("\n".join(_listed(context, table) for table in tables))
    finally:
        context.close()


def _listed(context: Context, table: str) -> str:
    """ "" for one that has gone meanwhile."""
    with suppress(Complaint):
        return context.ask(f"list table {table}")
    return ""


def _legacy() -> Iterator[Chain]:
    """What nftables does not show. Nobody who has none of it pays for a process."""
    for family, (names, command) in _LEGACY.items():
        if not _are_there(Path(f"/proc/thread-self/net/{names}")):
            continue
        try:
            told = subprocess.run([command], capture_output=True, text=True, timeout=_PATIENCE_S, check=True)
        except (OSError, subprocess.SubprocessError):
            yield from iptables_text.unreadable(family)
        else:
            yield from iptables_text.read(told.stdout, family)


def _are_there(names: Path) -> bool:
    """Whether any table is. The file is not there where the kernel has none of it."""
    with suppress(OSError):
        return bool(names.read_text().strip())
    return False
