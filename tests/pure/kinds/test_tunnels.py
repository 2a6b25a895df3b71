"""Tunnels and forwarding entries without a kernel: what is written is what is read, and what the kernel adds is not."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from weft.kinds import KINDS
from weft.kinds.base import Request
from weft.kinds.ip.address import parse as parse_address
from weft.kinds.link.fdb import EVERYWHERE, Fdb, parse, said
from weft.kinds.link.geneve import Geneve
from weft.kinds.link.gre import Gre, GreTap, Ip6Gre, Ip6GreTap
from weft.kinds.link.iptunnel import Ip6Tnl, Ipip, Sit
from weft.kinds.link.overhead import overhead
from weft.kinds.link.reading import Seen, common_fields
from weft.kinds.link.tunnel import Tunnel
from weft.kinds.link.vxlan import Vxlan
from weft.kinds.verbs import Birth
from weft.model.link_kinds import HOST_LINKS
from weft.model.links import TunnelLink
from weft.state import Change, KernelObject, Key, Op, link_key
from weft.wire.address_text import AF_INET6
from weft.wire.codec import HEADER_SIZE, NLM_F_APPEND, NLM_F_REPLACE, attribute, kind_of, u32
from weft.wire.fdb import NDA_MASTER, NTF_EXT_LEARNED, NTF_MASTER, FdbMessage, read_static_entry
from weft.wire.ifaddr import IFA_ADDRESS, AddressMessage
from weft.wire.link import IFLA_ADDRESS, IFLA_IFNAME, LinkInfo, LinkMessage, link_info, read_link, set_link
from weft.wire.neighbour import RTM_DELNEIGH, RTM_NEWNEIGH, entry_header
from weft.wire.tunnel import IFLA_VXLAN_GROUP

V4: dict[str, Any] = {"family": 4, "local": "192.0.2.1", "remote": "192.0.2.2", "ttl": 9, "tos": 16}
V6: dict[str, Any] = {"family": 6, "local": "2001:db8::1", "remote": "2001:db8::2", "ttl": 9, "tos": 0x20}
GRE: dict[str, Any] = {"keyed": True, "number": 7, "csum": True}
CHECKSUMS: dict[str, Any] = {"udp_csum": True, "udp6_zero_csum_tx": True, "udp6_zero_csum_rx": False}
VXLAN: dict[str, Any] = {"vni": 70, "port": 4789, "learning": False, "ageing": 60, "df": "set", **CHECKSUMS}
GENEVE: dict[str, Any] = {"vni": 70, "port": 6081, "df": "inherit", "udp_csum": True, "ttl_inherit": False}
MADE: list[tuple[type[Tunnel], dict[str, Any]]] = [
    (Vxlan, {**V4, **VXLAN, "group": "", "ttl_inherit": False}),
    (Vxlan, {**V6, **VXLAN, "group": "", "ttl_inherit": False}),
    (Vxlan, {**V4, **VXLAN, "remote": "", "group": "239.1.1.1", "ttl_inherit": False}),
    (Geneve, {**V4, **GENEVE, "local": None}),
    (Geneve, {**V6, **GENEVE, "local": None}),
    (Gre, {**V4, **GRE, "pmtudisc": True}),
    (GreTap, {**V4, "keyed": False, "number": 0, "csum": False, "pmtudisc": True}),
    (Ip6Gre, {**V6, **GRE, "tos": 1}),
    (Ip6GreTap, {**V6, **GRE}),
    (Ipip, {**V4, "pmtudisc": False, "ttl": 0}),
    (Sit, {**V4, "pmtudisc": True, "remote": ""}),
    (Ip6Tnl, {**V6, "carries": 0}),
]


class Numbers:
    """`Names` of a kernel where every link has the index 5."""

    def ifindex(self, link: Key) -> int:
        return 5

    def is_watched(self, netns: str) -> bool:
        return False

    def netns_fd(self, netns: str) -> int:
        return 3

    def coming(self, link: Key) -> KernelObject | None:
        return None

    def keeps_secondaries(self, link: Key) -> bool:
        return True


def requests(change: Change) -> list[Request]:
    return list(KINDS.of(change.object).requests(change, Numbers()))


def seen_as(tunnel: Tunnel, message: bytes) -> Tunnel:
    """What a message says, read as the kernel would tell it."""
    told = read_link(message, HEADER_SIZE, len(message))
    read = KINDS.of(tunnel).parse(Seen(common_fields(tunnel.netns, told, ""), told.info, None))
    assert isinstance(read, Tunnel)
    return read


def own_fields(tunnel: Tunnel) -> dict[str, Any]:
    common = {field.name for field in fields(Tunnel)} - {"family", "local", "remote", "ttl", "tos"}
    return {field.name: getattr(tunnel, field.name) for field in fields(tunnel) if field.name not in common}


@pytest.mark.parametrize(("cls", "said_of"), MADE, ids=lambda value: getattr(value, "__name__", ""))
def test_what_a_tunnel_is_made_with_is_what_is_read(cls: type[Tunnel], said_of: dict[str, Any]) -> None:
    tunnel = cls(netns="", ifname="t0", underlay="", **said_of)
    birth = requests(Change(Op.CREATE, None, tunnel))[0].payload
    assert isinstance(birth, Birth)
    assert own_fields(seen_as(tunnel, birth.message)) == own_fields(tunnel)


@pytest.mark.parametrize(("cls", "said_of"), MADE, ids=lambda value: getattr(value, "__name__", ""))
def test_a_change_says_as_much_as_the_kernel_takes(cls: type[Tunnel], said_of: dict[str, Any]) -> None:
    """GRE and IP in IP take silence for zero, so all is said; VXLAN and Geneve what differs, apart from the MTU."""
    before = cls(netns="", ifname="t0", underlay="", mtu=1400, **said_of)
    after = replace(before, ttl=33, mtu=1300)
    own, common = (request.payload for request in requests(Change(Op.UPDATE, before, after)))
    assert isinstance(common, bytes) and isinstance(own, bytes)
    read = own_fields(seen_as(after, own))
    if cls in (Vxlan, Geneve):
        assert read["ttl"] == 33 and read["vni"] == 0 and not read["remote"]
    else:
        assert read == own_fields(after)


def test_a_tunnel_in_another_namespace_than_its_packets() -> None:
    tunnel = Vxlan(netns="inner", ifname="t0", underlay="", device="eth0", family=4, vni=1)
    birth = requests(Change(Op.CREATE, None, tunnel))[0]
    assert birth.netns == "" and isinstance(birth.payload, Birth)
    assert tunnel.lives_on == (Key("netns", "", "inner"), link_key("", "eth0"))


def test_every_kind_of_tunnel_has_an_overhead() -> None:
    kinds = [word for word, cls in HOST_LINKS.items() if issubclass(cls, TunnelLink)]
    assert {word: overhead(word, 4).total_bytes for word in kinds} == {
        "vxlan": 50, "geneve": 50, "gre": 24, "gretap": 38, "ip6gre": 24, "ip6gretap": 38,
        "ipip": 20, "sit": 20, "ip6tnl": 20,
    }  # fmt: skip
    assert str(overhead("gre", 6, keyed=True, csum=True)) == "52 bytes (IPv6 40, GRE 4, checksum 4, key 4)"


# Forwarding entries

ENTRIES = [
    Fdb(netns="", ifname="vx", mac=EVERYWHERE, dst="192.0.2.2"),
    Fdb(netns="", ifname="vx", mac="02:00:00:00:00:01", dst="2001:db8::2", port=8472, vni=0),
    Fdb(netns="", ifname="vx", mac="02:00:00:00:00:01", master="br"),
    Fdb(netns="", ifname="vx", mac="02:00:00:00:00:01", master="br", vid=7, local=True),
]
NAMES = {5: "vx", 6: "br"}


def messages(change: Change) -> list[bytes]:
    return [request.payload for request in requests(change) if isinstance(request.payload, bytes)]


def told(entry: Fdb) -> FdbMessage:
    """The entry as the kernel would tell it, with its bridge."""
    (message,) = messages(Change(Op.CREATE, None, entry))
    message += u32(NDA_MASTER, 6) if entry.master else b""
    found = read_static_entry(message, HEADER_SIZE, len(message))
    assert found is not None
    return found


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.key.name)
def test_an_entry_is_read_as_it_was_written(entry: Fdb) -> None:
    assert parse("", lambda index: NAMES[index], told(entry)) == entry


def test_entries_of_all_that_has_none_are_added_others_take_the_place_of_what_was_learned() -> None:
    flags = [int.from_bytes(messages(Change(Op.CREATE, None, entry))[0][6:8], "little") for entry in ENTRIES]
    assert [bool(flag & NLM_F_APPEND) for flag in flags] == [True, False, False, False]
    assert [bool(flag & NLM_F_REPLACE) for flag in flags] == [False, True, True, True]


def test_an_entry_that_changes_is_replaced_but_one_of_many_is_taken_away_first() -> None:
    many, single, *_ = ENTRIES
    kinds = [kind_of(m) for m in messages(Change(Op.UPDATE, many, replace(many, vni=9)))]
    assert kinds == [RTM_DELNEIGH, RTM_NEWNEIGH]
    assert [kind_of(m) for m in messages(Change(Op.UPDATE, single, replace(single, vni=9)))] == [RTM_NEWNEIGH]


@pytest.mark.parametrize(("state", "flags"), [(0x02, NTF_MASTER), (0x80, NTF_EXT_LEARNED), (0x80, 0)])
def test_what_was_learned_and_a_card_s_own_filters_are_left_out(state: int, flags: int) -> None:
    """The last is a permanent entry of neither a bridge nor a VXLAN."""
    message = entry_header(5, state, flags) + attribute(2, bytes(6))
    message += u32(NDA_MASTER, 6) if flags else b""
    assert read_static_entry(message, 0, len(message)) is None


def test_entries_that_the_kernel_makes_itself_are_nobody_s() -> None:
    mac = "02:00:00:00:00:05"
    group = attribute(IFLA_VXLAN_GROUP, bytes([192, 0, 2, 9]))
    made = set_link(5, link_info("vxlan", group))
    info: LinkInfo = read_link(made, HEADER_SIZE, len(made)).info
    links = {
        5: LinkMessage(5, 0, {IFLA_IFNAME: "vx", IFLA_ADDRESS: mac, 18: info}, "vxlan"),
        6: LinkMessage(6, 0, {IFLA_IFNAME: "br", IFLA_ADDRESS: "02:00:00:00:00:06"}),
    }
    own = [
        Fdb(netns="", ifname="vx", mac=EVERYWHERE, dst="192.0.2.9"),
        Fdb(netns="", ifname="vx", mac=mac, master="br", local=True),
        Fdb(netns="", ifname="vx", mac="02:00:00:00:00:01", master="br", vid=1),
    ]
    theirs = ENTRIES[:3]
    found = said([told(entry) for entry in (*own, *theirs)], links)
    assert [parse("", lambda index: NAMES[index], entry) for entry in found] == theirs


@pytest.mark.parametrize(
    ("mac", "made"), [("c0:00:02:01", "fe80::c000:201"), ("02:00:00:00:00:05", "fe80::ff:fe00:5"), ("", "")]
)
def test_the_link_local_address_that_the_kernel_makes_is_nobody_s(mac: str, made: str) -> None:
    """Of a tunnel over IPv4, whose hardware address is its own address there; told by its looks on an old kernel."""
    for text, passes in ((made, False), ("fe80::1", True)):
        if text:
            seen = AddressMessage(AF_INET6, 64, 0x80, 5, {IFA_ADDRESS: text})
            assert (parse_address("", "t0", mac, seen) is not None) is passes
