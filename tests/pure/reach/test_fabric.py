"""Who hears a frame: wires, bridges, VLANs, macvlans, tunnels."""

from __future__ import annotations

from weft.kinds.link.bonding import Bond
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.bridge_vlan import BridgeVlans
from weft.kinds.link.common import Link, OtherLink
from weft.kinds.link.fdb import EVERYWHERE, Fdb
from weft.kinds.link.ipvlan import Ipvlan
from weft.kinds.link.macvlan import Macvlan
from weft.kinds.link.veth import Veth
from weft.kinds.link.vlan import Vlan
from weft.kinds.link.vxlan import Vxlan
from weft.reach.fabric import Fabric, Passed
from weft.state import KernelObject, Key, State, link_key


def wire(one: str, other: str, **masters: str) -> list[Link]:
    """A pair of links `NETNS/IFNAME`. `masters`: ifname to the ifname of its bridge or bond."""
    ends = [tuple(name.split("/")) for name in (one, other)]
    return [
        Veth(netns=netns, ifname=ifname, master=masters.get(ifname), peer_netns=peer, peer_ifname=peer_ifname)
        for (netns, ifname), (peer, peer_ifname) in (ends, reversed(ends))
    ]


def vlan(netns: str, ifname: str, parent: Key, vid: int) -> Vlan:
    return Vlan(netns=netns, ifname=ifname, parent=parent, vid=vid)


Ends = dict[tuple[str, str], tuple[str, Passed]]
"""Of an underlay, by the namespace sent from and the address sent to."""


def heard(start: str, *objects: KernelObject, ends: Ends | None = None) -> set[str]:
    fabric = Fabric(State.of(objects), lambda netns, source, target: (ends or {}).get((netns, target)))
    netns, ifname = start.split("/")
    return {f"{key.netns}/{key.name}" for key in fabric.heard(link_key(netns, ifname))}


BRIDGE = Bridge(netns="t", ifname="br")
PORTS = [*wire("a/eth0", "t/pa", pa="br"), *wire("b/eth0", "t/pb", pb="br")]


def test_a_bridge_hands_on_to_all_but_the_sender() -> None:
    assert heard("a/eth0", BRIDGE, *PORTS) == {"b/eth0", "t/br"}
    assert heard("t/br", BRIDGE, *PORTS) == {"a/eth0", "b/eth0"}


def test_what_is_passed_is_named_in_order() -> None:
    fabric = Fabric(State.of([BRIDGE, *PORTS]), lambda *_: None)
    passed = fabric.heard(link_key("a", "eth0"))[link_key("b", "eth0")]
    assert [key.name for key in passed] == ["eth0", "pa", "pb", "eth0"]


def test_a_vlan_is_heard_by_its_own_number_only() -> None:
    links = [vlan(netns, f"v{vid}", link_key(netns, "eth0"), vid) for netns in "ab" for vid in (10, 20)]
    assert heard("a/v10", BRIDGE, *PORTS, *links) == {"b/v10"}
    assert heard("a/eth0", BRIDGE, *PORTS, *links) == {"b/eth0", "t/br"}


def test_a_vlan_on_a_vlan() -> None:
    outer = [vlan(netns, "outer", link_key(netns, "eth0"), 10) for netns in "ab"]
    inner = [vlan(netns, "inner", link_key(netns, "outer"), 20) for netns in "ab"]
    assert heard("a/inner", BRIDGE, *PORTS, *outer, *inner) == {"b/inner"}


def test_vlans_of_two_tenants_on_one_link_are_apart() -> None:
    red, blue = (vlan(netns, "v", link_key("", "eth0"), vid) for netns, vid in (("r", 10), ("b", 20)))
    assert heard("r/v", *wire("/eth0", "switch/p1"), red, blue) == set()


def test_macvlans_reach_their_fellows_in_mode_bridge_only() -> None:
    def upon(mode: str) -> list[Link]:
        ports = [Macvlan(netns=netns, ifname="m", parent=link_key("", "eth0"), mode=mode) for netns in "ab"]
        return [*wire("/eth0", "far/eth0"), *ports]

    assert heard("a/m", *upon("bridge")) == {"b/m", "far/eth0"}
    assert heard("a/m", *upon("private")) == {"far/eth0"}
    assert heard("far/eth0", *upon("private")) == {"/eth0", "a/m", "b/m"}


def test_a_bond_hears_what_comes_in_at_its_members() -> None:
    bonds = [Bond(netns=netns, ifname="bond", mode="active-backup") for netns in "ab"]
    wires = [*wire("a/x1", "b/y1", x1="bond", y1="bond"), *wire("a/x2", "b/y2", x2="bond", y2="bond")]
    assert heard("a/bond", *bonds, *wires) == {"b/bond"}


def vxlan(netns: str, vni: int, local: str) -> Vxlan:
    return Vxlan(netns=netns, ifname=f"vx{vni}", vni=vni, local=local, underlay=netns, family=4)


def entry(netns: str, dst: str) -> Fdb:
    return Fdb(netns=netns, ifname="vx7", mac=EVERYWHERE, dst=dst)


def test_a_tunnel_comes_out_where_its_entries_lead() -> None:
    ends: Ends = {("a", "192.0.2.2"): ("b", (link_key("a", "eth0"),)), ("b", "192.0.2.1"): ("a", ())}
    links = [vxlan("a", 7, "192.0.2.1"), vxlan("b", 7, "192.0.2.2"), vxlan("b", 8, "192.0.2.2")]
    assert heard("a/vx7", *links, entry("a", "192.0.2.2"), ends=ends) == {"b/vx7"}
    assert heard("b/vx7", *links, entry("a", "192.0.2.2"), ends=ends) == set(), "the way back has no entry"
    assert heard("a/vx7", *links, entry("a", "192.0.2.9"), ends=ends) == set()
    fabric = Fabric(State.of([*links, entry("a", "192.0.2.2")]), lambda netns, _, target: ends.get((netns, target)))
    passed = fabric.heard(link_key("a", "vx7"))[link_key("b", "vx7")]
    assert passed == (link_key("a", "vx7"), entry("a", "192.0.2.2").key, link_key("a", "eth0"), link_key("b", "vx7"))


FILTERS = Bridge(netns="t", ifname="br", vlan_filtering=True, vlan_default_pvid=1)


def vlans(port: str, *said: str) -> BridgeVlans:
    return BridgeVlans(netns="t", ifname=port, master="" if port == "br" else "br", vlans=said)


def test_a_bridge_that_filters_keeps_vlans_apart() -> None:
    apart = [vlans("pa", "7 pvid untagged"), vlans("pb", "8 pvid untagged"), vlans("br", "1 pvid untagged")]
    together = [vlans("pa", "7 pvid untagged"), vlans("pb", "7 pvid untagged"), vlans("br", "1 pvid untagged")]
    assert heard("a/eth0", FILTERS, *PORTS, *apart) == set()
    assert heard("a/eth0", FILTERS, *PORTS, *together) == {"b/eth0"}
    assert heard("a/eth0", FILTERS, *PORTS) == {"b/eth0", "t/br"}, "as they were born, all are in VLAN 1"


def test_a_trunk_gives_and_takes_tags() -> None:
    ports = [vlans("pa", "7 pvid untagged"), vlans("pb", "7-8"), vlans("br", "7")]
    far = [vlan("b", f"v{vid}", link_key("b", "eth0"), vid) for vid in (7, 8)]
    own = vlan("t", "v7", FILTERS.key, 7)
    assert heard("a/eth0", FILTERS, *PORTS, *ports, *far, own) == {"b/v7", "t/v7"}
    assert heard("b/v7", FILTERS, *PORTS, *ports, *far, own) == {"a/eth0", "t/v7"}
    assert heard("b/v8", FILTERS, *PORTS, *ports, *far, own) == set()
    assert heard("t/v7", FILTERS, *PORTS, *ports, *far, own) == {"a/eth0", "b/v7"}
    assert heard("b/eth0", FILTERS, *PORTS, *ports) == set(), "a port without pvid takes no frame without a tag"


def test_ipvlans_hear_the_wire_and_each_other_if_they_may() -> None:
    card = wire("/eth1", "far/eth0")
    for flag, fellows in (("bridge", {"a/iv", "b/iv"}), ("private", {"a/iv"})):
        links = [
            Ipvlan(netns=netns, ifname="iv", parent=link_key("", "eth1"), mode="l2", flag=flag) for netns in ("a", "b")
        ]
        assert heard("a/iv", *card, *links) == {"far/eth0"} | (fellows - {"a/iv"})
        assert heard("far/eth0", *card, *links) == {"/eth1", "a/iv", "b/iv"}


def test_an_answer_comes_in_by_the_vlan_that_the_question_left_by() -> None:
    card = OtherLink(netns="", ifname="eth1")
    above = Vlan(netns="", ifname="v20", parent=card.key, vid=20, master="br")
    objects = (card, above, Bridge(netns="", ifname="br"), *wire("a/eth0", "/pa", pa="br"))
    fabric = Fabric(State.of(objects), lambda *_: None)
    port = link_key("a", "eth0")
    assert card.key in fabric.exits(port) and fabric.tags_at(port, card.key) == (20,)
    assert port in fabric.heard_from_beyond(card.key, (20,))
    assert port not in fabric.heard_from_beyond(card.key), "without its tag it is the host's"
