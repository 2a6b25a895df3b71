"""Links upon links and over others: order, loops, masters, what a missing feature is told by."""

from __future__ import annotations

from itertools import permutations

import pytest

from tests.pure.compiler.intents import MACHINE, facts, findings
from weft.compiler import compile
from weft.facts import ForeignLink
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.vlan import Vlan
from weft.kinds.setting.link import LinkSetting
from weft.model.bridging import BridgePortSpec
from weft.model.intent import Intent, NamespaceConfig
from weft.model.links import BridgeLink, DummyLink, FdbSpec, HostLink, VlanLink, VxlanLink
from weft.state import State, link_key


def host(links: dict[str, HostLink], **namespaces: dict[str, HostLink]) -> Intent:
    spaces = {name: NamespaceConfig(links=inner) for name, inner in namespaces.items()}
    return Intent(name="lab", host=NamespaceConfig(links=links), namespaces=spaces)


def made(wanted: Intent, **known: object) -> State:
    return compile(wanted, facts(**known)).state


def whats(wanted: Intent, **known: object) -> list[str]:
    return [finding.what for finding in findings(wanted, **known)]


def test_the_order_of_the_file_does_not_matter() -> None:
    """The MTU comes down from the lowest, whoever is read first."""
    links: dict[str, HostLink] = {
        "low": BridgeLink(mtu=9000),
        "mid": VlanLink(link="low", vid=1),
        "top": VlanLink(link="mid", vid=2),
    }
    states = [made(host({name: links[name] for name in names})) for names in permutations(links)]
    assert all(state == states[0] for state in states)
    top = states[0][link_key("", "top")]
    assert isinstance(top, Vlan) and top.mtu == 9000


def test_a_loop_through_namespaces_is_found_once() -> None:
    wanted = host(
        {"a": BridgeLink(members=("b",)), "b": VlanLink(link="c", link_netns="web", vid=1)},
        web={"c": VlanLink(link="a", link_netns="host", vid=2)},
    )
    assert whats(wanted) == ["a would stand on itself: a below c below b below a"]


def test_two_loops_are_two_findings() -> None:
    wanted = host({name: VlanLink(link=other, vid=1) for name, other in ("ab", "ba", "cd", "dc")})
    assert len([what for what in whats(wanted) if "on itself" in what]) == 2


def test_a_member_says_the_same_as_its_master_or_is_refused() -> None:
    both = host({"br0": BridgeLink(members=("d",)), "d": DummyLink(master="br0")})
    assert whats(both) == []
    two = host({"br0": BridgeLink(members=("d",)), "br1": BridgeLink(members=("d",)), "d": DummyLink()})
    assert whats(two) == ["d is a member of br0 already, and a link is a port of one other"]


def test_an_existing_member_is_moved_by_a_setting_and_its_addresses_are_missed() -> None:
    compiled = compile(host({"br0": BridgeLink(members=("eth0",))}), MACHINE)
    assert LinkSetting(netns="", ifname="eth0", attribute="master", value="br0") in compiled.state.values()
    assert [warning.what for warning in compiled.warnings] == [
        "eth0 has 192.0.2.10/24, which nobody reaches on a port of br0"
    ]


@pytest.mark.parametrize(
    ("links", "why"),
    [
        ({"d": DummyLink(bridge_port=BridgePortSpec(isolated=True))}, "d is no port of a bridge"),
        ({"eth0": HostLink(existing=True, master="br9", bridge_port=BridgePortSpec())}, "neither eth0 nor br9"),
        ({"d": DummyLink(master="br9", bridge_port=BridgePortSpec(vlans=("5",)))}, "the VLANs of br9 are its owner's"),
        ({"b": BridgeLink(vlans=("5",))}, "b does not look at VLANs"),
        ({"b": BridgeLink(stp=True, forward_delay=1)}, "at least 2 seconds"),
        ({"v": VlanLink(link="eth0", vid=1), "w": VlanLink(link="eth0", vid=1)}, "VLAN 1 of eth0 is host.links.v"),
        ({"v": VlanLink(link="no", vid=1)}, "no link no on the host to stand on"),
    ],
)  # fmt: skip
def test_what_cannot_be(links: dict[str, HostLink], why: str) -> None:
    known = {**MACHINE.links, "br9": MACHINE.links["eth0"]}
    found = whats(host(links), links=known)
    assert len(found) == 1 and why in found[0]


def test_the_same_vid_of_both_protocols_is_two_vlans() -> None:
    links = {"v": VlanLink(link="eth0", vid=1), "w": VlanLink(link="eth0", vid=1, protocol="802.1ad")}
    assert whats(host(dict(links))) == []


def test_a_kernel_without_vlan_filtering_is_told_what_would_do() -> None:
    wanted = host({"b": BridgeLink(vlan_filtering=True)})
    (found,) = findings(wanted, features=MACHINE.features - {"bridge_vlan"})
    assert "bridge_vlan" in found.what and "kind: vlan" in found.fix


def test_stp_waits_and_no_stp_does_not() -> None:
    state = made(host({"on": BridgeLink(stp=True), "off": BridgeLink()}))
    delays = {link.ifname: link.forward_delay for link in state.values() if isinstance(link, Bridge)}
    assert delays == {"on": 1500, "off": 0}


def test_an_entry_for_a_vlan_that_the_link_is_not_in() -> None:
    """The kernel refuses it; of somebody else's bridge nobody knows."""
    entry = (FdbSpec(mac="02:00:00:00:00:01", vid=5),)
    at, no_vlans = "host.links.{}.fdb.0.vid", "b does not look at VLANs"
    in_five = BridgePortSpec(vlans=("4-6",))
    cases: list[tuple[dict[str, HostLink], str, str]] = [
        ({"b": BridgeLink(fdb=entry)}, "b", no_vlans),
        ({"b": BridgeLink(vlan_filtering=True, fdb=entry)}, "b", "b is not in VLAN 5 of b"),
        ({"b": BridgeLink(vlan_filtering=True, vlans=("5",), fdb=entry)}, "", ""),
        ({"b": BridgeLink(), "d": DummyLink(master="b", fdb=entry)}, "d", no_vlans),
        ({"b": BridgeLink(vlan_filtering=True), "d": DummyLink(master="b", fdb=entry)}, "d", "d is not in VLAN 5 of b"),
        ({"b": BridgeLink(vlan_filtering=True, vlan_default_pvid=5), "d": DummyLink(master="b", fdb=entry)}, "", ""),
        ({"b": BridgeLink(vlan_default_pvid=5), "d": DummyLink(master="b", fdb=entry)}, "", ""),
        ({"b": BridgeLink(vlan_filtering=True), "d": DummyLink(master="b", bridge_port=in_five, fdb=entry)}, "", ""),
    ]
    for links, link, what in cases:
        found = [(".".join(one.path), one.what) for one in findings(host(links))]
        assert found == ([(at.format(link), what)] if what else []), links
    foreign = {**MACHINE.links, "br-lan": ForeignLink(ifname="br-lan", link_kind="bridge")}
    assert not findings(host({"d": DummyLink(master="br-lan", fdb=entry)}), links=foreign)


@pytest.mark.parametrize(
    ("remote", "why"),
    [
        ("192.0.2.10", "192.0.2.10 is this machine's end: it would hear itself"),
        ("0.0.0.0", "no machine is there: 0.0.0.0 is no address"),
        ("127.0.0.1", "no machine is there: 127.0.0.1 is loopback, every machine has it for itself"),
        ("255.255.255.255", "no machine is there: 255.255.255.255 is everybody's on a link"),
    ],
)
def test_nobody_is_at_the_other_end(remote: str, why: str) -> None:
    link = VxlanLink(vni=5, link="eth0", local="192.0.2.10", remotes=("192.0.2.11", remote))
    assert whats(host({"x": link})) == [why]
