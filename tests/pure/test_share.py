"""What is installed for udev, networkd and NetworkManager knows every name that weft gives to a link."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from weft.compiler.naming import short_id
from weft.compiler.tap import STITCH_PREFIX
from weft.state import BIRTH_GROUP, MARK

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r'f"(w[a-z])\{')
"""How the compiler puts a letter before a short id."""

PREFIXES = {prefix for file in (ROOT / "src/weft/compiler").rglob("*.py") for prefix in NAMED.findall(file.read_text())}
FILES = ("udev/82-weft.rules", "networkd/70-weft.link", "networkd/00-weft-names.network", "NetworkManager/00-weft.conf")


@pytest.mark.parametrize("file", FILES)
def test_every_name_is_known_and_none_of_another(file: str) -> None:
    patterns = re.findall(r"w[a-z\[][a-z\]]*\?+", (ROOT / "share" / file).read_text())
    known = {letter for letter in "abcdefghijklmnopqrstuvwxyz" if any(fnmatchcase(name(letter), p) for p in patterns)}
    assert {f"w{letter}" for letter in known} == PREFIXES | {STITCH_PREFIX}


def test_udev_looks_for_the_group_of_birth_and_then_for_the_mark() -> None:
    rules = (ROOT / "share/udev/82-weft.rules").read_text()
    assert re.findall(r'^ATTR\{(\w+)\}=="(.*?)"', rules, re.MULTILINE) == [
        ("netdev_group", str(BIRTH_GROUP)),
        ("ifalias", f"{MARK}/*"),
    ]


def name(letter: str) -> str:
    return f"w{letter}{short_id('an id')}"
