"""Each warning: shown, at its place, and silent where there is no reason."""

# ruff: noqa: E501 (whole sentences, as they are printed)

from collections.abc import Mapping

from weft.facts import Facts, ForeignLink
from weft.files import load_text
from weft.lint import LIMITS, lint

MANY = "tenants: {t: {networks: {lan: {subnets: [10.0.0.0/16, 'fd00::/64'], uplink: nat}}, ports: {'p[1-600]': {network: lan, attach: host}}}}"


def said(text: str, facts: Facts) -> list[str]:
    findings = lint(load_text("f", "weft: 1\nname: lab\n" + text).intent, facts)
    assert all(finding.severity == "warning" for finding in findings)
    return [str(finding.at(".".join(finding.path))) for finding in findings]


def machine(limits: Mapping[str, int] | None = None, **mtus: int) -> Facts:
    links = {name: ForeignLink(ifname=name, mtu=mtu, addresses=("fe80::1/64",)) for name, mtu in mtus.items()}
    return Facts(host_id="h", links=links, egress_links=tuple(mtus), limits=limits or {})


def test_a_quiet_machine_and_one_that_does_not_tell() -> None:
    plenty = dict.fromkeys(LIMITS, 1 << 20)
    assert said(MANY, machine(plenty, eth0=1500)) == []
    assert said(MANY, Facts(host_id="h")) == []


def test_ports_that_may_speak_as_others() -> None:
    text = "tenants: {t: {networks: {flat: {subnets: [10.0.0.0/24], segment: {link: eth0, mode: %s}}, lan: {}}, ports: "
    ports = "{'p[1-5]': {network: flat, attach: host, port_security: %s}, q: {network: lan, attach: host}}}}"
    for mode in ("macvlan", "ipvlan"):
        assert said(text % mode + ports % "true", Facts(host_id="h")) == [
            "tenants.t.networks.flat.segment.mode: p1, p2, p3 and 2 more stand on eth0 itself, without a bridge: nothing "
            "keeps who is root there from speaking as another; `port_security: false` for those that may be trusted, or a "
            "segment without `mode`"
        ]
        assert said(text % mode + ports % "false", Facts(host_id="h")) == []
    text = text.replace(
        "ports: ", "share: [{network: flat, with: [u]}]}, u: {ports: {v: {network: t/flat, attach: host}}}}"
    )
    (visitor,) = said(text % "macvlan", Facts(host_id="h"))
    assert "mode: u/v stand" in visitor


def test_neighbour_tables_too_small() -> None:
    limits = {"net/ipv4/neigh/default/gc_thresh3": 1024, "net/ipv6/neigh/default/gc_thresh3": 1200}
    assert said(MANY, machine(limits)) == [
        "tenants: the ports need 1,200 IPv4 neighbour entries, the kernel keeps 1,024: beyond that packets are dropped; "
        "set net/ipv4/neigh/default/gc_thresh3 to 2048 or more in the first namespace of the machine"
    ]


def test_too_few_connections() -> None:
    assert said(MANY, machine({"net/netfilter/nf_conntrack_max": 65536})) == [
        "tenants: 600 ports go out by NAT and the kernel remembers 65,536 connections, 109 for each: beyond that new ones "
        "are dropped; set net/netfilter/nf_conntrack_max to 262144 or more"
    ]
    assert said(MANY.replace("nat", "routed"), machine({"net/netfilter/nf_conntrack_max": 65536})) == []


def test_ports_behind_routers() -> None:
    """A translating router fills the table as an uplink does; what its networks carry is not Ethernet's to say."""
    head = "external_networks: {net: {link: eth1, subnets: [203.0.113.0/24]}}\n"
    edge = "routers: {edge: {interfaces: [lan, {port: leg}], gateway: %s}}, ports: {leg: {network: b, attach: router}, "
    many = head + MANY.replace("ports: {", edge % "net").replace(", uplink: nat", "").replace("lan: {", "b: {}, lan: {")
    few = machine({"net/netfilter/nf_conntrack_max": 65536}, eth0=1500)
    assert said(many, few)[0].startswith("tenants: 601 ports go out by NAT")
    assert said(many.replace("gateway: net", "gateway: {network: net, snat: no}"), few) == []
    assert said(many.replace("attach: host", "attach: host, mtu: 1400"), machine(eth0=1500)) == []


def test_ranges_of_others() -> None:
    text = "tenants: {t: {networks: {a: {subnets: [10.0.0.0/8, 100.100.0.0/16]}, b: {subnets: ['fd7a:115c:a1e0:1::/64']}}}}\n"
    assert said(text + "pools: {ipv4: 100.64.0.0/24, ipv6: 'fd00:1::/48'}", machine()) == [
        "tenants.t.networks.a.subnets.1: 100.100.0.0/16 overlaps 100.64.0.0/10: shared by carriers for their NAT, and by "
        "Tailscale for its nodes (RFC 6598); take one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16",
        "tenants.t.networks.b.subnets.0: fd7a:115c:a1e0:1::/64 overlaps fd7a:115c:a1e0::/48: Tailscale's; take one of fd00::/8",
        "pools.ipv4: 100.64.0.0/24 overlaps 100.64.0.0/10: shared by carriers for their NAT, and by Tailscale for its nodes "
        "(RFC 6598); take one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16",
    ]


def test_a_port_below_its_network() -> None:
    text = "tenants: {t: {networks: {a: {mtu: 9000}, b: {uplink: nat}}, ports: {%s}}}"
    small = text % "p: {network: a, attach: host, mtu: 1500}, q: {network: b, attach: host, mtu: 1400}"
    assert said(small, machine(eth0=1400)) == [
        "tenants.t.ports.p.mtu: MTU 1500 on a network of 9000: it drops larger frames and no sender is told; "
        "give the network 1500 as well, or the port a network of its own"
    ]
    assert said(small, machine(eth0=1500))[1].startswith("tenants.t.ports.q.mtu: MTU 1400 on a network of 1500")


def test_ipv6_lost_for_good() -> None:
    text = "host: {links: {eth0: {existing: true, mtu: 1200}}}"
    assert said(text, machine(eth0=1500)) == [
        "host.links.eth0.mtu: below 1280 bytes eth0 loses its IPv6 addresses, for good; 1280 or more"
    ]
    assert said(text, machine(eth1=1500)) == []


def test_jumbo_frames_on_the_way_out() -> None:
    text = "host: {links: {eth0: {existing: true, mtu: 9000}}}"
    assert said(text, machine(eth0=1500)) == [
        "host.links.eth0.mtu: eth0 leads out: with MTU 9000 all that it is plugged into must carry such frames; "
        "try with `ping -M do -s SIZE` to the gateway; without a jumbo network behind it, 1500"
    ]
    assert said(text, machine(eth1=1500)) == []


def test_congestion_controls_that_are_not_there() -> None:
    text = "host: {tcp: {congestion_control: bbr}}\nnamespaces: {a: {tcp: {congestion_control: cubic}}}"
    facts = Facts(host_id="h", features=frozenset({"tcp_cubic", "tcp_reno", "veth"}))
    assert said(text, facts) == [
        "host.tcp.congestion_control: bbr is not among what this kernel has now; one of cubic, reno; or modprobe tcp_bbr"
    ]
    assert said(text, Facts(host_id="h", features=frozenset({"tcp_cubic", "tcp_bbr"}))) == []
