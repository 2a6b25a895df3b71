"""Each family's messages: what is written is what is read, and what the kernel makes by itself is left out."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.wire import bridge, ethtool, ifaddr, link, neighbour, nsid, route, rule
from weft.wire.address_text import AF_INET, AF_INET6, family_of, ip_bytes, ip_text, mac_bytes, prefix_bytes
from weft.wire.codec import HEADER_SIZE, Malformed, attribute, nest, text, u8, u32

addresses = st.ip_addresses()


@given(addresses)
def test_addresses_are_written_as_ipaddress_writes_them(address: object) -> None:
    said = str(ip_address(str(address)))
    assert ip_text(ip_bytes(said)) == said
    assert ip_bytes(said) == ip_address(said).packed
    assert family_of(said) == (AF_INET6 if ip_address(said).version == 6 else AF_INET)


def test_prefixes_and_macs() -> None:
    assert prefix_bytes("10.1.2.3/24") == (b"\x0a\x01\x02\x03", 24)
    assert prefix_bytes("fd00::1/64") == (ip_address("fd00::1").packed, 64)
    assert mac_bytes("02:00:00:00:00:0a") == b"\x02\0\0\0\0\x0a"


def test_a_link_message_byte_for_byte() -> None:
    """ip link set dev 7 mtu 1400 up, as strace shows it."""
    assert link.set_link(7, u32(link.IFLA_MTU, 1400), up=True)[HEADER_SIZE:] == (
        struct.pack("=BxHiII", 0, 0, 7, 1, 1) + struct.pack("=HHI", 8, 4, 1400)
    )


def test_links_of_weft_s_kinds_are_read_with_their_data() -> None:
    body = link.link_header(5, up=True) + b"".join(
        (
            text(link.IFLA_IFNAME, "br0"),
            attribute(link.IFLA_ADDRESS, mac_bytes("02:00:00:00:00:01")),
            u32(link.IFLA_MTU, 1500),
            nest(link.IFLA_PROP_LIST, text(link.IFLA_ALT_IFNAME, "front"), text(link.IFLA_ALT_IFNAME, "a")),
            link.link_info("bridge", u32(bridge.IFLA_BR_STP_STATE, 1), u32(bridge.IFLA_BR_AGEING_TIME, 30000)),
        )
    )
    seen = link.read_link(body, 0, len(body))
    assert (seen.ifindex, seen.flags, seen.ifname, seen.kind, seen.mac) == (5, 1, "br0", "bridge", "02:00:00:00:00:01")
    assert seen.attributes[link.IFLA_PROP_LIST] == ("front", "a")
    info = seen.attributes[link.IFLA_LINKINFO]
    assert info.read(bridge.BRIDGE) == {bridge.IFLA_BR_STP_STATE: 1, bridge.IFLA_BR_AGEING_TIME: 30000}


def test_an_address_that_passes_is_left_out() -> None:
    local = attribute(ifaddr.IFA_LOCAL, ip_bytes("10.0.0.1"))

    def header(flags: int) -> bytes:
        return struct.pack("=BBBBI", AF_INET, 24, flags, 0, 3)

    for flags, kept in ((0x80, True), (0x81, True), (0x00, False), (0xA0, False)):
        body = header(flags) + local
        seen = ifaddr.read_permanent_address(body, 0, len(body))
        assert (seen is not None) is kept
    assert seen is None
    body = header(0x80) + local + attribute(ifaddr.IFA_ADDRESS, ip_bytes("10.0.0.2")) + u8(ifaddr.IFA_PROTO, 119)
    there = ifaddr.read_permanent_address(body, 0, len(body))
    assert there is not None and (there.address, there.attributes[ifaddr.IFA_PROTO]) == ("10.0.0.1", 119)


def routes(protocol: int, table: int, flags: int = 0, *more: bytes) -> bytes:
    return struct.pack("=BBBBBBBBI", AF_INET, 0, 0, 0, table, protocol, 0, 1, flags) + b"".join(more)


def test_routes_of_the_kernel_are_left_out() -> None:
    for body, kept in (
        (routes(119, 254), True),
        (routes(9, 254), True),
        (routes(2, 254), False),
        (routes(1, 254), False),
        (routes(119, 255), False),
        (routes(119, 254, route.RTM_F_CLONED), False),
    ):
        assert (route.read_lasting_route(body, 0, len(body)) is not None) is kept


def test_a_route_s_next_hop_may_be_of_the_other_family_or_one_of_many() -> None:
    via = attribute(route.RTA_VIA, struct.pack("=H", AF_INET6) + ip_bytes("fe80::1"))
    body = routes(119, 0, 0, via, u32(route.RTA_TABLE, 1000))
    seen = route.read_route(body, 0, len(body))
    assert (seen.attributes[route.RTA_VIA], seen.table) == ("fe80::1", 1000)
    hop = attribute(route.RTA_GATEWAY, ip_bytes("10.0.0.1"))
    hops = route.next_hop(7, hop, weight=1, onlink=False) + route.next_hop(8, via, weight=256, onlink=True)
    body = routes(119, 254, 0, attribute(route.RTA_MULTIPATH, hops))
    seen = route.read_route(body, 0, len(body))
    assert seen.hops == ((7, "10.0.0.1", 1, 0), (8, "fe80::1", 256, route.RTNH_F_ONLINK)) and seen.links == {7, 8}
    body = routes(119, 254, 0, attribute(route.RTA_MULTIPATH, struct.pack("=HBBi", 4, 0, 0, 7)))
    with pytest.raises(Malformed, match="a next hop of 4 bytes"):
        route.read_route(body, 0, len(body))


def test_rules_that_the_kernel_made_are_known() -> None:
    header = rule.rule_header(AF_INET, action=1)
    for protocol, is_kernels in ((2, True), (119, False)):
        body = header + u8(rule.FRA_PROTOCOL, protocol)
        assert rule.read_rule(body, 0, len(body)).is_kernels is is_kernels
    assert not rule.read_rule(header, 0, len(header)).is_kernels


def test_learned_neighbours_are_left_out() -> None:
    for state, proxy, kept in ((0x80, False, True), (0x02, False, False), (0, True, True)):
        body = neighbour.neighbour_header(AF_INET, 3, state=state, proxy=proxy)
        assert (neighbour.read_static_neighbour(body, 0, len(body)) is not None) is kept


def test_namespace_ids() -> None:
    body = bytes(4) + struct.pack("=HHi", 8, nsid.NETNSA_NSID, -1)
    assert nsid.read_nsid(body, 0, len(body)) == nsid.NSID_NOT_ASSIGNED


def test_features_that_are_on() -> None:
    bits = nest(3, nest(1, u32(1, 0), text(2, "rx-gro")), nest(1, u32(1, 9), text(2, "tx-gso-list")))
    body = bytes(4) + nest(1, u32(1, 7)) + nest(4, bits)
    assert ethtool.read_features(body, 0, len(body)) == (7, frozenset({"rx-gro", "tx-gso-list"}))
