"""Names never change: a kernel holds them from an earlier version of weft."""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256
from ipaddress import ip_network
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.compiler import naming
from weft.compiler.addressing import AddressPool, Span, overlaps
from weft.state import Mark


def test_names_are_what_they_always_were() -> None:
    web = naming.identity("lab", "tenants/shop/ports/web")
    assert web == "8e20b0d0-1daf-5bc4-ad69-5582a9ebdcc6"
    assert naming.short_id(web) == "f3vzu5ytayuf"
    assert naming.mac(web, "end") == "02:82:07:5f:1a:43"
    assert naming.ipv6_pool("h0", "lab") == "fd61:674b:a90c::/48"
    assert naming.identity("lab", "anything", "2f1b0e9a-6c1e-4c39-9d5e-0a4c5a0f3b11").startswith("2f1b0e9a")


@given(st.text(), st.text())
def test_an_id_is_the_uuid5_of_scope_and_place(scope: str, place: str) -> None:
    assert naming.identity(scope, place) == str(uuid5(UUID(bytes=naming.WEFT), f"{scope}/{place}"))


@given(st.text())
def test_a_short_id_is_the_start_of_the_hash_in_base32(identity: str) -> None:
    assert naming.short_id(identity) == b32encode(sha256(identity.encode()).digest())[:12].decode().lower()


@given(st.text())
def test_a_mac_is_unicast_and_local(identity: str) -> None:
    mac = naming.mac(identity, "end")
    assert len(mac) == 17
    assert mac.startswith("02:")
    assert mac != naming.mac(identity, "port")


def test_a_mark_is_what_state_reads() -> None:
    names = naming.Names("lab", "h0")
    assert Mark.parse(names.mark("tenants/t/ports/p")) == Mark("h0", "lab", "tenants/t/ports/p")


@pytest.mark.parametrize("name", ["web", "a", "0", "vm_1.x-y", "fifteen-letters"])
def test_plain_names(name: str) -> None:
    assert naming.plain_ifname(name)


@pytest.mark.parametrize(
    "name", ["", "lo", "all", "default", ".", "-a", "a/b", "a b", "a:b", "a%d", "é", "sixteen-letters-", "a\n"]
)
def test_names_that_are_not_plain(name: str) -> None:
    assert not naming.plain_ifname(name)


@pytest.mark.parametrize(
    ("cidr", "first", "last", "room"),
    [
        ("10.0.0.0/24", "10.0.0.1", "10.0.0.254", 254),
        ("10.0.0.0/31", "10.0.0.0", "10.0.0.1", 2),
        ("10.0.0.7/32", "10.0.0.7", "10.0.0.7", 1),
        ("fd00::/64", "fd00::1", "fd00::ffff:ffff:ffff:ffff", 2**64 - 1),
        ("fd00::/127", "fd00::", "fd00::1", 2),
    ],
)
def test_what_is_usable_in_a_subnet(cidr: str, first: str, last: str, room: int) -> None:
    pool = AddressPool.of(cidr)
    assert (pool.text(pool.first), pool.text(pool.last), pool.room) == (first, last, room)


def test_the_lowest_free_is_found_without_looking_from_the_start() -> None:
    """Quadratic work would take hours here."""
    pool = AddressPool.of("10.0.0.0/14", gateway=AddressPool.of("10.0.0.0/14").first)
    taken = [pool.take_lowest("p") for _ in range(pool.room)]
    assert taken == list(range(pool.first + 1, pool.last + 1))
    assert pool.take_lowest("p") is None
    pool.release(pool.first + 7)
    assert pool.take_lowest("q") == pool.first + 7


prefixes = st.tuples(st.integers(0, 255), st.integers(24, 32)).map(
    lambda of: str(ip_network(f"10.0.0.{of[0] >> (32 - of[1]) << (32 - of[1])}/{of[1]}"))
)


@given(st.lists(prefixes, max_size=6))
def test_overlaps_finds_whoever_overlaps(cidrs: list[str]) -> None:
    found = list(overlaps(map(Span.of, cidrs)))
    nets = [ip_network(cidr) for cidr in cidrs]
    some = any(a.overlaps(b) for at, a in enumerate(nets) for b in nets[at + 1 :])
    assert bool(found) == some
    assert all(wide.meets(narrow) and wide.high - wide.low >= narrow.high - narrow.low for wide, narrow in found)
