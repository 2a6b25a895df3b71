"""A plugin of pytest by which several runs do the same tests together, each of them once: `pytest -p tests.guest.claims
--claims=FOLDER`, and for one of two `--from-the-end`.

A run claims tests by making a folder in FOLDER, which only one can: a slow test by itself, the others of a file
together, as they share what their fixtures make. It claims the next when it comes to the last of those it has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--claims", type=Path, metavar="FOLDER", help="what runs that share their tests have in common")
    parser.addoption("--from-the-end", action="store_true", help="begin with the last")


def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Raises: pytest.Session.Failed, Interrupted, as pytest's own loop does."""
    folder = session.config.getoption("--claims")
    if folder is None or session.config.option.collectonly or session.testsfailed:
        return None
    claimed = _claimed(session.items, folder, from_the_end=session.config.getoption("--from-the-end"))
    item = next(claimed, None)
    while item is not None:
        following = next(claimed, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
    return True


def _claimed(items: list[pytest.Item], folder: Path, *, from_the_end: bool) -> Iterator[pytest.Item]:
    together: dict[str, list[pytest.Item]] = {}
    for item in items:
        together.setdefault(_key(item), []).append(item)
    for key, those in reversed(together.items()) if from_the_end else together.items():
        if _claim(folder, key):
            yield from those


def _key(item: pytest.Item) -> str:
    return item.nodeid if item.get_closest_marker("slow") else item.location[0]


def _claim(folder: Path, key: str) -> bool:
    try:
        (folder / hashlib.sha256(key.encode()).hexdigest()).mkdir()
    except FileExistsError:
        return False
    return True
