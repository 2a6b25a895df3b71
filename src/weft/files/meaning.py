"""What each key of a file means, in a sentence: for editors (the JSON Schema) and people (docs/file.md).

Rules: every field of every record of the model is here, once, with the record that brings it, and nothing else is (a
test compares). Units are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from weft.files.common_meaning import ID, WAS
from weft.files.floating_meaning import FLOATING
from weft.files.qos_meaning import QOS
from weft.files.router_meaning import ROUTERS
from weft.files.security_meaning import SECURITY
from weft.files.stacked_meaning import STACKED
from weft.files.tunnel_meaning import TUNNELS
from weft.model import bridging, intent, links, segment, tenancy, tuning


class Meaning(NamedTuple):
    """`title` where the record stands in a file, `keys` what its keys mean."""

    title: str
    keys: Mapping[str, str]


_TUNING = "Segmentation sizes and offloads."

MEANINGS: Mapping[type[Any], Meaning] = {
    intent.Intent: Meaning(
        "the file",
        {
            "name": "The scope. apply and destroy touch what bears this name, nothing else.",
            "external_networks": "What routers may lead to, by name.",
            "tenants": "Tenants by name. Each sees its own networks only; their addresses may be the same.",
            "host": "What the host's own namespace shall have.",
            "namespaces": "Namespaces by name, and what each shall have beside ports.",
            "qos_policies": "Policies of quality of service by name.",
            "quota": "How much each tenant may have, where it does not say itself.",
            "pools": "Where weft takes addresses that the host must tell apart.",
            "drops": "Whether what filters drop is recorded.",
            "firewall_integration": "Whether weft puts its accept rules where the host's firewall invites them.",
        },
    ),
    intent.Tenant: Meaning(
        "tenants: NAME",
        {
            "networks": "Networks by name.",
            "routers": "Routers by name: what joins networks, and leads out.",
            "ports": "Ports by name, or by a range of names: node[1-20].",
            "security_groups": "Security groups by name: what ports may hear and say.",
            "address_groups": "Lists of prefixes by name, for rules of security groups.",
            "floating_ips": "Addresses of external networks that lead to its ports.",
            "qos": "What all its ports together may send and receive.",
            "port_qos": "The policy of each port for which neither itself nor its network says one.",
            "qos_policies": "Its own policies, which go before the file's of the same name.",
            "share": "Networks that other tenants' ports may be on.",
            "quota": "How much it may have. What it says goes before the file's `quota:`, key by key.",
            "id": ID,
            "was": WAS,
        },
    ),
    tenancy.Share: Meaning(
        "an entry of share",
        {
            "network": "A network of this tenant.",
            "with": "Names of tenants: their ports write `network: TENANT/NAME`.",
        },
    ),
    tenancy.Quota: Meaning(
        "quota",
        {
            "networks": "The most networks. Left out, here and below: no limit.",
            "ports": "The most ports, those on other tenants' networks too.",
            "security_groups": "The most security groups.",
            "security_rules": "The most rules in all of its groups together.",
            "routers": "The most routers, networks with an `uplink:` too.",
            "floating_ips": "The most floating IPs.",
            "bandwidth": "The most that is guaranteed to it and its ports, in each direction.",
        },
    ),
    intent.Network: Meaning(
        "tenants: NAME: networks: NAME",
        {
            "subnets": "Its addresses: a list of prefixes of either family, or of {cidr, gateway}.",
            "uplink": "The way out: nat (by the host's address) or routed (no translation). Left out: none.",
            "segment": "What it stands on outside of the tenant. Left out: nothing, it is a bridge by itself.",
            "mtu": "Bytes. Left out: what the segment or the way out can carry, else 1500.",
            "qos": "What all its ports together may send and receive.",
            "port_qos": "The policy of each port that says none.",
            "id": ID,
            "was": WAS,
        },
    ),
    segment.SegmentSpec: Meaning(
        "segment",
        {
            "link": "A link of the host: a bridge is joined, any other becomes a port of one that weft makes.",
            "vlan": "The VLAN of the link that the network is.",
            "mode": "macvlan or ipvlan: the ports stand on the link themselves, without a bridge.",
            "submode": "Of macvlan: bridge, private, vepa, passthru; of ipvlan: l2, l3, l3s. Left out: bridge, or l2.",
            "vni": "The network is this VXLAN, among machines.",
            "local": "The VXLAN's own address on the host.",
            "remotes": "The other machines: what the VXLAN has no entry for goes to all of them.",
            "group": "A multicast address, instead of remotes or beside them; `link` says by which link.",
            "port": "UDP port of the VXLAN.",
            "fdb": "Which machine has which MAC. If given, the VXLAN learns nothing.",
            "take_addresses": "The host's addresses and routes on the link move to the bridge that it joins, and back.",
        },
    ),
    intent.Subnet: Meaning(
        "an entry of subnets",
        {
            "cidr": "The prefix, host bits zero.",
            "gateway": "Left out: the first usable address where a router is the gateway. none: there is none.",
            "ra": "What its router advertises: slaac, stateless, stateful, or off. Left out: off.",
            "dns": "IPv6 addresses of name servers, which the advertisements name.",
        },
    ),
    intent.Port: Meaning(
        "tenants: NAME: ports: NAME",
        {
            "network": "A network of the same tenant, or TENANT/NAME of one that is shared with it.",
            "attach": "Where it ends: {netns: NAME}, {tap: {}}, {macvtap: {}}, host, router or {pidfile: PATH}.",
            "addresses": "Without prefix length. Left out: those it holds, else the lowest free of each subnet.",
            "mac": "Of the port's end. Left out: derived from the id.",
            "mtu": "Bytes, at most the network's. Left out: the network's.",
            "routes": "Routes where the port ends. One to default replaces that by the subnet's gateway.",
            "security_groups": "The groups that it is in. Left out: nothing is filtered. []: nothing comes in.",
            "allowed_address_pairs": "What it may speak as, beside its own MAC and addresses.",
            "port_security": "false: it may speak as anybody, and send any frames.",
            "log_drops": "As of a security group, and before those of its groups.",
            "tuning": _TUNING,
            "qos": "What it may send and receive: a policy by name, or in place. {}: nothing is held to.",
            "alias": "A line about it, kept on the link.",
            "id": ID,
            "was": WAS,
        },
    ),
    intent.Attach: Meaning(
        "attach",
        {
            "netns": "A namespace under /run/netns. It is made if it is not there.",
            "tap": "A tap device on the host, for a virtual machine.",
            "macvtap": "A device /dev/tapN for a virtual machine, on a segment of mode macvlan.",
            "host": "true: the host's own namespace. `attach: host` is short for it.",
            "pidfile": "The namespace of the process whose id this file holds.",
            "router": "true: a router, which has {port: NAME} as an interface. `attach: router` is short for it.",
            "ifname": "The interface's name there. Left out: the port's, where that is a legal one.",
        },
    ),
    intent.TapAttach: Meaning(
        "attach: tap",
        {
            "name": "The interface's name. Left out: the port's, where that is a legal one.",
            "owner": "The user that may open it, by name or number. Left out, without a `group`: root alone.",
            "group": "The group that may open it; with an `owner`, that one, if it is in the group.",
            "queues": "More than one makes it multi-queue.",
            "vnet_hdr": "Whether frames carry a virtio header, for offloads.",
        },
    ),
    intent.MacvtapAttach: Meaning(
        "attach: macvtap",
        {
            "name": "The interface's name. Left out: the port's, where that is a legal one.",
            "owner": "The user to whom /dev/tapN belongs, by name or number. Left out: root.",
            "group": "The group that may open it as well.",
            "mode": "bridge, private or vepa. Left out: the segment's submode.",
        },
    ),
    tuning.LinkTuning: Meaning(
        "tuning",
        {
            "gso_max_size": "Bytes: the largest segment handed to the link for splitting.",
            "gso_max_segs": "The most packets that one such segment may become.",
            "gro_max_size": "Bytes: the largest segment that received packets are merged into.",
            "offloads": "Each of tso, gso, gro, checksum: true, false, or left as it is.",
        },
    ),
    tuning.Offloads: Meaning(
        "tuning: offloads",
        {
            "tso": "TCP segmentation by the device.",
            "gso": "Segmentation as late as possible.",
            "gro": "Merging of received packets.",
            "checksum": "Checksums by the device.",
        },
    ),
    intent.RouteSpec: Meaning(
        "an entry of routes",
        {
            "to": "A prefix, an address, or default (of the family of via).",
            "via": "The next hop. One of IPv6 may carry IPv4.",
            "dev": "The link.",
            "table": "The routing table: a number, main or default. Left out: main.",
            "metric": "The smaller is preferred. Left out: the kernel's.",
            "onlink": "true: the next hop is on the link though no subnet says so.",
            "type": "unicast, or what drops: blackhole, unreachable, prohibit.",
            "src": "The source address for what this host sends by it.",
            "mtu": "Bytes.",
            "advmss": "Bytes: the segment size announced to TCP peers.",
            "initcwnd": "Segments that TCP sends at once at the start.",
            "initrwnd": "Segments that TCP is ready to take at the start.",
            "nexthops": "Several ways, instead of via and dev: flows are spread over them.",
        },
    ),
    intent.RuleSpec: Meaning(
        "an entry of rules",
        {
            "priority": "Rules are tried from the smallest; each has a number of its own.",
            "family": "ipv4 or ipv6. Left out: ipv4.",
            "src": "Packets from this prefix.",
            "dst": "Packets to this prefix.",
            "iif": "Packets that come in by this link.",
            "oif": "Packets that go out by this link (of sockets bound to it).",
            "fwmark": "Packets with this mark.",
            "fwmask": "The bits of the mark that count. Left out: all.",
            "table": "The table to look in: a number, main or default.",
            "action": "lookup, or what drops: blackhole, unreachable, prohibit. Left out: lookup.",
        },
    ),
    intent.NeighbourSpec: Meaning(
        "an entry of neighbours",
        {
            "address": "The neighbour's IP address.",
            "dev": "The link it is on.",
            "mac": "Its MAC address.",
            "proxy": "true: answer for it instead.",
        },
    ),
    intent.Tcp: Meaning(
        "tcp",
        {
            "congestion_control": "The algorithm of new connections: cubic, bbr, ...",
            "rmem": "Receive buffer, bytes: [minimum, default, maximum].",
            "wmem": "Send buffer, bytes: [minimum, default, maximum].",
            "mtu_probing": "0: off; 1: after a black hole; 2: always.",
        },
    ),
    links.HostLink: Meaning(
        "links: NAME",
        {
            "existing": "true: somebody else's link. weft sets what is given and restores it on destroy.",
            "adopt": "true: one of that kind that is there is taken over as it is, and given up on destroy.",
            "master": "The link that it is a port of: a bridge, a bond, a vrf.",
            "bridge_port": "What the bridge keeps of it.",
            "up": "Left out: true if weft makes the link, else as it is.",
            "accept_ra": "Whether IPv6 router advertisements count, even where the namespace forwards.",
            "mac": "Left out: derived.",
            "mtu": "Bytes.",
            "alias": "A line about it, kept on the link.",
            "altnames": "Further names.",
            "addresses": "With prefix lengths.",
            "fdb": "Which way frames to MAC addresses go: of a VXLAN, or as a bridge's port.",
            "tuning": _TUNING,
            "qos": "What it may send and receive: a policy by name, or in place.",
            "capacity": "What the line behind it carries. Guarantees are shares of it.",
            "was": "Its former name, which the kernel keeps: it is not made anew, and bears the new name beside that.",
        },
    ),
    links.LinkUpon: Meaning(
        "links: NAME, upon a link",
        {
            "link": "The link that it stands on.",
            "link_netns": "The namespace of that link, host for the host's own. Left out: the same namespace.",
        },
    ),
    links.LinkOver: Meaning(
        "links: NAME, over others",
        {"members": "Its ports, instead of `master:` at each. One without an entry of its own is somebody else's."},
    ),
    bridging.BridgePortSpec: Meaning(
        "bridge_port",
        {
            "isolated": "true: no frames to or from other isolated ports.",
            "hairpin": "Whether frames may leave by the port that they came in by.",
            "learning": "Whether to learn the addresses behind it.",
            "flood": "Whether frames to unknown addresses leave by it.",
            "mcast_flood": "Whether multicast that nobody asked for leaves by it.",
            "bcast_flood": "Whether broadcast leaves by it.",
            "guard": "true: whoever speaks STP there is shut out (BPDU guard).",
            "root_block": "true: the root of the spanning tree is never there.",
            "fast_leave": "Whether multicast ends at once when a listener leaves.",
            "neigh_suppress": "Whether the bridge answers ARP and neighbour solicitations there itself.",
            "locked": "true: only known source addresses may speak.",
            "priority": "In STP.",
            "cost": "In STP. Left out: by the link's speed, or what it has been given before.",
            "vlans": "If the bridge filters VLANs: 10, 20-30, 5 pvid untagged. Left out: its default; []: none.",
        },
    ),
    links.BridgeLink: Meaning(
        "links: NAME, kind: bridge",
        {
            "stp": "Whether it takes part in the spanning tree.",
            "forward_delay": "Seconds until a new port forwards. Left out: 15 with STP, else 0.",
            "hello_time": "Seconds between two STP messages of the root.",
            "max_age": "Seconds until what STP has heard is forgotten.",
            "ageing_time": "Seconds until a learned address is forgotten.",
            "priority": "The least in a network is STP's root.",
            "mcast_snooping": "Whether multicast goes only to those who asked for it.",
            "mcast_querier": "Whether the bridge asks who listens, where no router does.",
            "vlan_filtering": "Whether it keeps VLANs apart.",
            "vlan_protocol": "Of the tags: 802.1q or 802.1ad.",
            "vlan_default_pvid": "The VLAN of untagged frames of a port that says nothing; none: there is none.",
            "vlans": "The bridge's own, as of a port. Left out: the default; []: none.",
        },
    ),
    links.DummyLink: Meaning("links: NAME, kind: dummy", {}),
    links.VethLink: Meaning("links: NAME, kind: veth", {"peer": "The other end."}),
    links.VlanLink: Meaning(
        "links: NAME, kind: vlan",
        {
            "vid": "The VLAN. A link has each once.",
            "protocol": "802.1q, or 802.1ad for the outer of two tags.",
            "reorder_hdr": "Whether what listens on the link sees frames without the tag.",
            "gvrp": "Whether to announce the VLAN by GVRP.",
            "mvrp": "Whether to announce the VLAN by MVRP.",
            "loose_binding": "Whether it stays up when its parent goes down.",
            "ingress_qos": "From the priority in a frame to that of the packet.",
            "egress_qos": "From a packet's priority to that in the frame.",
        },
    ),
    **{cls: Meaning(*said) for cls, said in ({**ROUTERS, **SECURITY, **FLOATING, **TUNNELS, **STACKED, **QOS}).items()},
    intent.NamespaceConfig: Meaning(
        "host, and namespaces: NAME",
        {
            "sysctls": "Settings by name, with . or / between the parts. Their former values come back on destroy.",
            "tcp": "TCP of this namespace.",
            "links": "Links by name, or by a range of names.",
            "routes": "Routes.",
            "rules": "Policy routing rules.",
            "neighbours": "Permanent neighbour entries.",
            "adopt": "true, of a namespace by name: one that is there is taken over as it is, and given up on destroy.",
            "was": "Of a namespace by name: its former name, which it keeps under /run/netns.",
        },
    ),
    intent.Pools: Meaning(
        "pools",
        {
            "ipv4": "A prefix: one address of it for each NAT uplink.",
            "ipv6": "A prefix: likewise. Left out: a random one of fd00::/8.",
        },
    ),
}


def base_of(cls: type[Any]) -> type[Any] | None:
    """The record that `cls` has further keys than, if any."""
    return next((base for base in cls.__mro__[1:] if base in MEANINGS), None)


def keys_of(cls: type[Any]) -> Mapping[str, str]:
    """What all keys of a record mean, inherited ones too."""
    return {key: said for base in cls.__mro__ if base in MEANINGS for key, said in MEANINGS[base].keys.items()}
