"""What a test needs of the kernel it runs on: `@pytest.mark.needs("vlan", "netem")`.

Names are those of weft.facts.FEATURES and `tcp_NAME`, judged by weft's own probe, and those of `WITNESSED`: what tests
use beside weft, judged by the command that makes it. An unknown name is an error, never a skip. A test that lacks
something here runs in a guest that has it (tests/guest).
"""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping

import pytest

from weft.facts import FEATURES

LACKS = "this kernel lacks "
"""How the reason of such a skip begins."""

WITNESSED: Mapping[str, str] = {
    "netem": "tc qdisc add dev lo root netem delay 1ms",
    "own_machine": "grep -q 'User Mode Linux' /proc/cpuinfo",
}
"""Name to the command that succeeds, in a namespace of its own, on a kernel that has it."""


def mark(items: Iterable[pytest.Item]) -> None:
    """Skip what this kernel cannot run.

    Raises: pytest.UsageError for a name that nobody can judge.
    """
    for item in items:
        names = list(needed(item))
        _refuse_unknown(item, names)
        if lacking := [name for name in names if not is_here(name)]:
            item.add_marker(pytest.mark.skip(reason=LACKS + ", ".join(lacking)))


def needed(item: pytest.Item) -> Iterator[str]:
    """The names given to all of the item's marks: its own, its class's, its module's."""
    for found in item.iter_markers("needs"):
        yield from found.args


def is_here(name: str) -> bool:
    """Does this kernel have it? Without root nobody can tell, and nothing is."""
    if os.geteuid() != 0:
        return False
    return _succeeds(WITNESSED[name]) if name in WITNESSED else name in _features()


def here() -> frozenset[str]:
    """All the names of what this kernel has. Without root none."""
    if os.geteuid() != 0:
        return frozenset()
    return frozenset(filter(is_here, (*FEATURES, *_features(), *WITNESSED)))


def _refuse_unknown(item: pytest.Item, names: Iterable[str]) -> None:
    for name in names:
        if name not in FEATURES and name not in WITNESSED and not name.startswith("tcp_"):
            known = ", ".join(sorted([*FEATURES, *WITNESSED]))
            raise pytest.UsageError(f"{item.nodeid}: needs {name!r}, which is none of: {known}, tcp_NAME")


@functools.cache
def _features() -> frozenset[str]:
    from weft.probe import kernel  # most of weft, which most tests do not need

    return kernel.find()


@functools.cache
def _succeeds(command: str) -> bool:
    return subprocess.run(["unshare", "--net", "sh", "-c", command], capture_output=True, check=False).returncode == 0
