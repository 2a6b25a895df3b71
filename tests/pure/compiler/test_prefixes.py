"""The narrowest of many prefixes that holds an address, and all that another meets."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.compiler.addressing import Span
from weft.compiler.prefixes import Prefixes, Spans

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


@given(st.lists(st.ip_addresses(v=4, network="10.0.0.0/22"), max_size=8), st.data())
def test_what_a_prefix_meets_is_found_as_by_a_look_at_each(addresses: list[IPv4Address], data: st.DataObject) -> None:
    def span(address: IPv4Address) -> Span:
        length = data.draw(st.integers(min_value=20, max_value=32))
        return Span.of(str(ip_network(f"{address}/{length}", strict=False)))

    spans = [span(address) for address in addresses]
    other = span(data.draw(st.ip_addresses(v=4, network="10.0.0.0/22")))
    assert sorted(Spans(spans).meeting(other)) == sorted(filter(other.meets, spans))
    assert Spans(spans).meeting(Span.of("fd00::/8")) == []
