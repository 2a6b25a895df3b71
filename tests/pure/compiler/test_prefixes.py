"""The narrowest of many prefixes that holds an address."""

from __future__ import annotations

import pytest

from weft.compiler.prefixes import Prefixes

KNOWN = Prefixes(
    [
        ("10.0.0.1/8", "wide"),
        ("10.1.0.1/16", "narrow"),
        ("10.1.2.3/32", "one"),
        ("10.2.0.1/16", "second"),
        ("10.2.0.9/16", "first"),
        ("fd00::1/64", "six"),
        ("0.0.0.0/0", "any"),
    ]
)


@pytest.mark.parametrize(
    "address, leads_to",
    [
        ("10.200.0.9", "wide"),
        ("10.1.255.255", "narrow"),
        ("10.1.2.3", "one"),
        ("10.2.3.4", "first"),  # of two with the same prefix
        ("fd00::ffff", "six"),
        ("fd00:0:0:1::", None),
        ("192.0.2.1", "any"),
    ],
)
def test_the_narrowest_is_found(address: str, leads_to: str | None) -> None:
    assert KNOWN.find(address) == leads_to


def test_of_nothing_nothing_is_found() -> None:
    assert Prefixes([]).find("192.0.2.1") is None
