"""Every test here needs root and the real kernel, and runs in worlds of its own (tests/world.py)."""

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mine = [item for item in items if item.path.is_relative_to(HERE)]
    for item in mine:
        item.add_marker(pytest.mark.kernel)
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
