"""Any frame from any link: the lanes of most frames let in nothing that the entry of its link would not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_groups import FACTS, bridge_end, filter_of
from weft.compiler import compile
from weft.kinds.nft.chain import NftChain
from weft.model.intent import AddressPair, Attach, Intent, Network, Port, Subnet, Tenant
from weft.model.security import ICMP, ICMPV6, SCTP, TCP, UDP
from weft.reach.bridge_filter import Filter, Value, frame

MACS = ("02:00:00:00:00:10", "02:00:00:00:00:20", "02:00:00:00:00:01")
SOURCES = {
    4: ("0.0.0.0", "10.0.0.1", "10.0.0.10", "10.0.0.20", "10.0.0.30", "10.9.0.1", "192.0.2.1"),
    6: ("::", "fd00::1", "fd00::10", "fd00::20", "fe80::ff:fe00:10", "fe80::ff:fe00:20", "fd09::1", "2001:db8::1"),
}
DHCP_PORTS = (67, 68, 546, 547, 5000)
ICMP_TYPES = (8, 133, 134, 135, 136, 137, 143)
KEPT = {
    "guarded": Port(network="n", attach=Attach(netns="a"), mac=MACS[0], addresses=("10.0.0.10", "fd00::10")),
    "gateway": Port(network="n", attach=Attach(netns="b"), mac=MACS[2], addresses=("10.0.0.1", "fd00::1")),
    "trusted": Port(network="n", attach=Attach(netns="c"), port_security=False),
    "pairs": Port(
        network="n",
        attach=Attach(netns="d"),
        mac=MACS[1],
        addresses=("10.0.0.20", "fd00::20"),
        allowed_address_pairs=(
            AddressPair(ip="10.0.0.30", mac=MACS[2]),
            AddressPair(ip="10.9.0.0/16"),
            AddressPair(ip="fd09::/16"),
        ),
    ),
    "bare": Port(
        network="flat",
        attach=Attach(netns="e"),
        mac=MACS[0],
        allowed_address_pairs=(AddressPair(ip="10.0.0.30"),),
    ),
}


def compiled() -> tuple[Filter, Filter, list[str]]:
    """With lanes and without them, and the links of the ports and one that is nobody's."""
    networks = {
        "n": Network(subnets=(Subnet(cidr="10.0.0.0/24", gateway="10.0.0.1"), Subnet(cidr="fd00::/64"))),
        "flat": Network(),
    }
    state = compile(Intent(name="lab", tenants={"t": Tenant(networks=networks, ports=KEPT)}), FACTS).state
    (entrance,) = (obj for obj in state.values() if isinstance(obj, NftChain) and obj.name == "prerouting")
    slow = replace(entrance, rules=tuple(rule for rule in entrance.rules if " jump own" not in rule))
    assert len(entrance.rules) - len(slow.rules) == 2
    filter_ = filter_of(state)
    return filter_, filter_.replacing((slow,)), [*(bridge_end(state, port).ifname for port in KEPT), "stranger"]


WITH, WITHOUT, LINKS = compiled()


@st.composite
def frames(draw: st.DrawFn) -> dict[str, Value]:
    family = draw(st.sampled_from((4, 6)))
    protocol = draw(st.sampled_from((TCP, UDP, ICMP if family == 4 else ICMPV6, SCTP, 47)))
    more: dict[str, Value] = {}
    if protocol in (ICMP, ICMPV6):
        more = {f"{'icmp' if protocol == ICMP else 'icmpv6'} type": draw(st.sampled_from(ICMP_TYPES))}
    elif protocol in (TCP, UDP, SCTP) and draw(st.integers(0, 9)):  # else a later fragment, which has no ports
        word = {TCP: "tcp", UDP: "udp", SCTP: "sctp"}[protocol]
        more = {f"{word} {end}": draw(st.sampled_from(DHCP_PORTS)) for end in ("sport", "dport")}
    link, mac, source = (draw(st.sampled_from(of)) for of in (LINKS, MACS, SOURCES[family]))
    return frame(link, "out", mac, source, "10.0.0.99" if family == 4 else "fd00::99", protocol, more)


@settings(max_examples=1500, deadline=None)
@given(frames())
def test_a_lane_lets_in_what_the_entry_would(sent: dict[str, Value]) -> None:
    assert bool(WITH.drops_at("prerouting", sent)) == bool(WITHOUT.drops_at("prerouting", sent))


def test_most_frames_are_let_in_by_a_lane() -> None:
    ports: dict[str, Value] = {"tcp sport": 5000, "tcp dport": 80}
    for source, target, lane in (("10.0.0.10", "10.0.0.99", "own4"), ("fd00::10", "fd00::99", "own6")):
        (ruling,) = WITH.at("prerouting", frame(LINKS[0], "out", MACS[0], source, target, TCP, ports))
        assert (ruling.verdict, ruling.chain) == ("accept", lane)
