"""Guarantees of networks that stand on links: which link it is, what is refused and why, what a change changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.pure.compiler.intents import MACHINE, facts, findings
from tests.pure.compiler.test_way_out import MBIT, QOS_P, both, changed, host, made, out, warnings
from weft.facts import Facts, ForeignLink, Line
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.kinds.tc.htb import Htb, HtbClass
from weft.model.intent import Attach, Intent, NamespaceConfig, Network, Port, Subnet, Tenant, Uplink
from weft.model.links import HostLink, VlanLink
from weft.model.qos import QosUse
from weft.model.security import AddressPair
from weft.model.segment import SegmentSpec
from weft.model.stacked import MacvlanLink

LINKS = {
    **MACHINE.links,
    "eth1": ForeignLink(ifname="eth1"),
    "eth2": ForeignLink(ifname="eth2", master="br-lan"),
    "eth3": ForeignLink(ifname="eth3", master="br-lan"),
    "br-lan": ForeignLink(ifname="br-lan", link_kind="bridge"),
}
LINES = {name: Line(mac=f"52:54:00:00:00:0{at}") for at, name in enumerate(("eth0", "eth1", "eth2", "br-lan"))}
KNOWN = facts(links=LINKS, lines=LINES)


def net(uplink: Uplink | None = None, qos: QosUse | None = None, **segment: Any) -> Network:
    return Network(subnets=(Subnet(cidr="10.0.0.0/24"),), segment=SegmentSpec(**segment), uplink=uplink, qos=qos)


def port(qos: QosUse | None, netns: str = "p", **more: Any) -> Port:
    return Port(network="n", attach=Attach(netns=netns), qos=qos, **more)


def intent(network: Network, config: NamespaceConfig | None, qos: QosUse | None = None, **ports: Port) -> Intent:
    return Intent(name="lab", tenants={"t": Tenant(networks={"n": network}, ports=ports, qos=qos)}, host=config)


def wrong(wanted: Intent, known: Facts = KNOWN) -> list[tuple[tuple[str, ...], str, str]]:
    found = findings(wanted, links=known.links, lines=known.lines, egress_links=known.egress_links)
    return [(one.path, one.what, one.fix) for one in found if one.severity == "error"]


def roots(wanted: Intent) -> set[str]:
    """The links of the host's that have a tree for what goes out."""
    return {obj.ifname for obj in made(wanted, KNOWN).state.values() if isinstance(obj, Htb) and not obj.netns} - {
        obj.ifname for obj in made(wanted, KNOWN).state.values() if getattr(obj, "ifname", "").startswith("wi")
    }


def elements(wanted: Intent, of: str) -> dict[str, str]:
    found = made(wanted, KNOWN).state.values()
    return {obj.element: obj.value for obj in found if isinstance(obj, NftElement) and obj.set == of}


def rules(wanted: Intent, name: str, family: str = "bridge") -> tuple[str, ...]:
    found = made(wanted, KNOWN).state.values()
    return next(
        (o.rules for o in found if isinstance(o, NftChain) and (o.name, o.family, o.netns) == (name, family, "")), ()
    )


# which link it is


@pytest.mark.parametrize("segment", [{"link": "eth1"}, {"link": "eth1", "vlan": 5}])
def test_a_plain_link_is_the_one(segment: dict[str, Any]) -> None:
    wanted = intent(net(**segment), host(eth1=9 * MBIT), p=port(both(MBIT)))
    assert roots(wanted) == {"eth1"}
    assert len(elements(wanted, "upmac-eth1")) == len(elements(wanted, "downmac-eth1")) == 1
    without = wrong(intent(net(**segment), None, p=port(both(MBIT))))
    assert {(path, what) for path, what, _ in without} == {
        (QOS_P, "a guarantee on the way out needs to know what eth1 carries")
    }


def test_of_a_bridge_it_is_the_port_that_the_file_says_the_capacity_of() -> None:
    asking = {"p": port(both(MBIT))}
    assert roots(intent(net(link="br-lan"), host(eth2=9 * MBIT), **asking)) == {"eth2"}
    both_ports = intent(net(link="br-lan"), host(eth2=9 * MBIT, eth3=9 * MBIT), **asking)
    assert roots(both_ports) == {"eth2", "eth3"}, "each has all of it"
    [(path, what, fix)] = wrong(intent(net(link="br-lan"), host(eth1=9 * MBIT), **asking))[:1]
    assert "stands on br-lan, a bridge, and nobody says which of its ports leads out" in what
    assert path == QOS_P and "PORT: {existing: true, capacity: 1gbit}" in fix


def test_behind_a_router_too_it_is_the_router_s_and_this_one_where_its_capacity_is_said() -> None:
    asking = {"p": port(both(MBIT))}
    wanted = net(Uplink.NAT, link="eth1", vlan=5)
    assert roots(intent(wanted, host(eth0=9 * MBIT), **asking)) == {"eth0"}
    assert roots(intent(wanted, host(eth0=9 * MBIT, eth1=9 * MBIT), **asking)) == {"eth0", "eth1"}


def test_one_link_by_a_router_and_by_a_vlan_is_one_tree_and_one_class() -> None:
    wanted = intent(net(Uplink.NAT, link="eth0", vlan=5), host(eth0=9 * MBIT), p=port(both(MBIT)))
    held = made(wanted, KNOWN).state.values()
    assert sum(isinstance(obj, HtbClass) and obj.ifname == "eth0" and obj.rate_bps == MBIT for obj in held) == 1
    assert set(elements(wanted, "upmac-eth0").values()) == set(elements(wanted, "up4-eth0").values())
    assert rules(wanted, "out-eth0", "netdev")[0] == "vlan id 5 accept"


def test_a_bridge_that_leads_out_shares_its_port_s_tree() -> None:
    """The host's routes name the bridge; what it routes has its class before the bridge has it."""
    bridge_out = replace(KNOWN, egress_links=("br-lan",))
    wanted = intent(net(Uplink.NAT, link="br-lan"), host(eth2=9 * MBIT), p=port(both(MBIT)))
    state = made(wanted, bridge_out).state
    assert {obj.ifname for obj in state.values() if isinstance(obj, Htb) and obj.ifname in LINKS} == {"eth2"}
    marked = next(o for o in state.values() if isinstance(o, NftChain) and (o.family, o.name) == ("inet", "qos"))
    assert all('"br-lan"' in rule for rule in marked.rules)
    assert marked.rules[0].startswith('oifname "br-lan" meta skuid 0-4294967295 meta priority set'), "frames pass too"
    assert not any(isinstance(o, NftChain) and o.name == "qos-sent" for o in state.values()), "its MAC may change"
    two = intent(net(Uplink.NAT, link="br-lan"), host(eth2=9 * MBIT, eth3=9 * MBIT), p=port(both(MBIT)))
    assert "several have a capacity" in wrong(two, bridge_out)[0][1]


def test_a_bridge_s_port_sends_under_any_mac() -> None:
    """What is routed by the bridge has the bridge's, also where none of the networks upon it asks for anything."""
    networks = {"n": net(link="br-lan"), "m": Network(subnets=(Subnet(cidr="10.3.0.0/24"),), uplink=Uplink.NAT)}
    ports = {"p": Port(network="m", attach=Attach(netns="p"), qos=out(MBIT))}
    wanted = Intent(name="lab", tenants={"t": Tenant(networks=networks, ports=ports)}, host=host(eth2=9 * MBIT))
    state = made(wanted, replace(KNOWN, egress_links=("br-lan",))).state
    assert {obj.ifname for obj in state.values() if isinstance(obj, Htb) and obj.ifname in LINKS} == {"eth2"}
    assert not any(isinstance(obj, NftChain) and obj.name == "out-eth2" for obj in state.values())


# what is refused


def test_a_link_upon_another_that_is_shared() -> None:
    """A tree within a tree would lose its guarantees: a VLAN upon a bridge with a known port, a VLAN's own link."""
    upon = NamespaceConfig(links={"v9": VlanLink(link="eth1", vid=9, capacity=MBIT), **host(eth1=9 * MBIT).links})
    for first, second, config, above, below in (
        ({"link": "br-lan"}, {"link": "br-lan", "vlan": 5}, host(eth2=9 * MBIT, **{"br-lan": MBIT}), "br-lan", "eth2"),
        ({"link": "eth1", "vlan": 5}, {"link": "v9"}, upon, "v9", "eth1"),
    ):
        networks = {"n": net(**first), "m": net(**second)}
        ports = {"p": port(out(MBIT)), "q": replace(port(out(MBIT), "q"), network="m")}
        both_there = Intent(name="lab", tenants={"t": Tenant(networks=networks, ports=ports)}, host=config)
        [(path, what, fix)] = wrong(both_there)
        assert path == ("host", "links", above, "capacity") and f"{above} leaves by {below} too" in what
        assert f"`segment: {{link: {below}}}`" in fix


def test_a_bridge_whose_name_no_chain_takes() -> None:
    odd = ForeignLink(ifname='b"r', link_kind="bridge")
    known = replace(KNOWN, links={**LINKS, 'b"r': odd, "eth2": ForeignLink(ifname="eth2", master='b"r')})
    found = wrong(intent(net(link='b"r'), host(eth2=9 * MBIT), p=port(out(MBIT))), known)
    assert [what for _, what, _ in found] == ["'b\"r' is no name that weft writes into a chain"]


def test_ports_upon_the_link_itself() -> None:
    found = wrong(intent(net(link="eth1", mode="macvlan"), host(eth1=9 * MBIT), p=port(both(MBIT))))
    assert any(path == QOS_P and "where each may send as another" in what for path, what, _ in found), found


def test_a_tunnel() -> None:
    vni = net(vni=7, local="192.0.2.10", remotes=("192.0.2.11",))
    found = wrong(intent(vni, host(eth0=9 * MBIT), p=port(both(MBIT))))
    assert any(path == QOS_P and "in tunnels" in what for path, what, _ in found), found
    aggregate = wrong(intent(replace(vni, qos=out(MBIT)), host(eth0=9 * MBIT), p=port(None)))
    assert any("in tunnels" in what for _, what, _ in aggregate), aggregate


def test_more_than_there_is() -> None:
    asking = {"p": port(out(6 * MBIT)), "q": port(out(5 * MBIT), "q")}
    found = wrong(intent(net(link="eth1"), host(eth1=9 * MBIT), **asking))
    assert "guarantees come to 11mbit of 9mbit, what leads out by eth1" in found[0][1]


def test_a_policy_of_the_link_s_own() -> None:
    config = NamespaceConfig(links={"eth1": HostLink(existing=True, capacity=9 * MBIT, qos=out(None, MBIT))})
    found = wrong(intent(net(link="eth1"), config, p=port(out(MBIT))))
    assert [path for path, _, _ in found] == [("host", "links", "eth1", "qos", "egress")]


# who is known by what


def test_aggregates_hold_what_is_no_port_s() -> None:
    network = replace(net(link="eth1"), qos=out(2 * MBIT))
    wanted = intent(network, host(eth1=9 * MBIT), out(4 * MBIT), p=port(out(MBIT)), q=port(None, "q"))
    [rest] = elements(wanted, "up-eth1").values()
    [own] = elements(wanted, "upmac-eth1").values()
    state = made(wanted, KNOWN).state.values()
    parents = {o.classid: o.parent for o in state if isinstance(o, HtbClass) and o.ifname == "eth1"}
    assert rest != own and parents[rest] == parents[own], "both are of the network"


def test_a_port_more_is_its_own_class_and_element() -> None:
    before = made(intent(net(link="eth1"), host(eth1=9 * MBIT), p=port(out(MBIT))), KNOWN)
    now = made(intent(net(link="eth1"), host(eth1=9 * MBIT), p=port(out(MBIT)), q=port(out(MBIT), "q")), KNOWN)
    there = {key for key in changed(before, now) if not key.netns and key.table not in ("link", "netns")}
    assert {key.table for key in there} == {"class", "qdisc", "nft-element"}
    assert all(key not in before.state for key in there)


def test_who_can_send_as_another_is_warned_of() -> None:
    free = port(None, "q", port_security=False)
    wanted = intent(net(link="eth1"), host(eth1=9 * MBIT), p=port(out(MBIT)), q=free)
    assert [(path[-2:], "under the MAC of t/p" in what) for path, what in warnings(wanted, KNOWN)] == [
        (("q", "port_security"), True)
    ]
    assert not warnings(intent(net(link="eth1"), host(eth1=9 * MBIT), p=replace(free, qos=out(MBIT))), KNOWN)


def test_a_mac_that_two_ports_may_have_is_neither_s() -> None:
    pair = (AddressPair(ip="10.0.0.200", mac="00:00:5e:00:01:01"),)
    for asked in (out(MBIT), None):
        asking = {"p": port(out(MBIT)), "q": port(asked, "q")}
        alone = intent(net(link="eth1"), host(eth1=9 * MBIT), **asking)
        asking = {name: replace(one, allowed_address_pairs=pair) for name, one in asking.items()}
        both_may = intent(net(link="eth1"), host(eth1=9 * MBIT), **asking)
        assert elements(both_may, "upmac-eth1") == elements(alone, "upmac-eth1")
        told = {path[-1]: what for path, what in warnings(both_may, KNOWN)}
        assert told.keys() == ({"p", "q"} if asked else {"p"})
        assert "t/q may send under 00:00:5e:00:01:01 too" in told["p"]


def test_a_macvlan_upon_a_link_whose_vlans_are_told_apart() -> None:
    links = {"eth1": HostLink(existing=True, capacity=9 * MBIT), "mv": MacvlanLink(link="eth1")}
    wanted = intent(net(link="eth1", vlan=5), NamespaceConfig(links=links), p=port(out(MBIT)))
    [(path, what)] = warnings(wanted, KNOWN)
    assert path == ("host", "links", "mv") and "can send in VLANs of eth1" in what


@pytest.mark.parametrize("segment", [{"link": "eth1"}, {"link": "eth1", "vlan": 5}])
def test_what_leaves_by_another_vlan_of_the_link_loses_its_class(segment: dict[str, Any]) -> None:
    """Whoever stands on it sends under what priority he likes, and an ipvlan under the link's own MAC."""
    links: dict[str, HostLink] = {"eth1": HostLink(existing=True, capacity=9 * MBIT)}
    alone = rules(intent(net(**segment), NamespaceConfig(links=links), p=port(out(MBIT))), "out-eth1", "netdev")
    links |= {f"v{vid}": VlanLink(link="eth1", vid=vid) for vid in (30, 9)}
    links["s"] = VlanLink(link="eth1", vid=8, protocol="802.1ad")
    wanted = intent(net(**segment), NamespaceConfig(links=links), p=port(out(MBIT)))
    lost = [rule for rule in rules(wanted, "out-eth1", "netdev") if rule not in alone]
    assert [rule.partition(" meta")[0] for rule in lost] == ["vlan id { 9, 30 }", "ether type 8021ad"]
    assert not warnings(wanted, KNOWN)
