"""A plugin of pytest that leaves the tests a guest runs: `pytest -p tests.guest.chosen`.

Those are all of tests/kernel/links and tests/kernel/groups, all marked `needs`, and of the others in tests/kernel those
in `ALSO`: what speaks to the kernel. What is about commands, files and locks is the same on every kernel and runs on
the host's.
"""

from __future__ import annotations

from pathlib import Path

import pytest

KERNEL = Path(__file__).parents[1] / "kernel"
ALSO = frozenset(
    "test_netlink test_rtnl test_nft test_nft_canonical test_settings test_link_settings test_probe test_networks "
    "test_road test_needs".split()
)
"""Files of tests/kernel."""
SAME = frozenset({"test_the_script_makes_the_same"})
"""Of these files, tests that are of programs that do the same on each kernel, and start many."""
WHOLE = (KERNEL / "links", KERNEL / "groups")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=[item for item in items if not is_chosen(item)])
    items[:] = filter(is_chosen, items)


def is_chosen(item: pytest.Item) -> bool:
    """Does a guest run it?"""
    if item.get_closest_marker("needs") is not None or any(map(item.path.is_relative_to, WHOLE)):
        return True
    name = item.name.partition("[")[0]
    return item.path.parent == KERNEL and item.path.stem in ALSO and name not in SAME
