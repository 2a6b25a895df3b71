"""What this kernel has, found by doing it.

Rules: a feature is there if weft's own backends can make such an object, so everything is made once in a namespace
that nobody else sees and that is gone afterwards. Source: network_namespaces(7), modules.dep(5).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from weft.backends.nft import Nft
from weft.backends.rtnl import Rtnl
from weft.backends.settings import read_setting
from weft.errors import FeatureMissing, KernelRefused, NotPermitted
from weft.kinds.ip.address import Address
from weft.kinds.link.bonding import Bond
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.bridge_vlan import BridgeVlans
from weft.kinds.link.dummy import Dummy
from weft.kinds.link.geneve import Geneve
from weft.kinds.link.gre import Gre, GreTap, Ip6Gre, Ip6GreTap
from weft.kinds.link.ifb import Ifb
from weft.kinds.link.iptunnel import Ip6Tnl, Ipip, Sit
from weft.kinds.link.ipvlan import Ipvlan
from weft.kinds.link.macsec import Macsec
from weft.kinds.link.macvlan import Macvlan
from weft.kinds.link.macvtap import Macvtap
from weft.kinds.link.tap import Tap, Tun
from weft.kinds.link.veth import Veth
from weft.kinds.link.vlan import Vlan
from weft.kinds.link.vrf import Vrf
from weft.kinds.link.vxlan import Vxlan
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.table import NftTable
from weft.kinds.setting.sysctl import BRIDGE_CALLS
from weft.kinds.tc.htb import Htb
from weft.kinds.tc.leaves import Cake, Fq, FqCodel, Netem, Sfq, Tbf
from weft.netlink import doors
from weft.netlink.namespaces import Namespaces, open_file
from weft.probe import cgroups
from weft.probe.remembered import LINKS, MODULES, PARTS, QUEUES, RULES, SETTINGS
from weft.state import HOST, Change, KernelObject, Key, Op

ALGORITHMS = "net/ipv4/tcp_available_congestion_control"
KNOWN_ALGORITHMS = frozenset(
    "bbr bic cdg cubic dctcp highspeed htcp hybla illinois lp nv reno scalable vegas veno westwood yeah".split()
)

_VETH = Veth(netns=HOST, ifname="weft0", up=True, peer_netns=HOST, peer_ifname="weft1")
_FELLOW = Veth(netns=HOST, ifname="weft1", up=True, peer_netns=HOST, peer_ifname="weft0")

_MACSEC = Macsec(
    netns=HOST,
    ifname="weft27",
    parent=Key("link", HOST, "weft2"),  # the veths' frames go to a macvlan and an ipvlan
    port=1,
    cipher="gcm-aes-128",
    icv_len=16,
    encrypt=True,
    protect=True,
    validate="strict",
    replay_window=0,
    encoding_sa=0,
)


def _tunnel(number: int, family: int) -> dict[str, Any]:
    remote = "2001:db8::1" if family == 6 else "192.0.2.1"
    return {"netns": HOST, "ifname": f"weft{number}", "underlay": HOST, "family": family, "remote": remote}


_LINKS: Mapping[str, tuple[KernelObject, ...]] = {
    "veth": (_VETH, _FELLOW),
    "ipv6": (Address(netns=HOST, ifname="weft0", cidr="fe80::1/64", nodad=True),),
    "bridge": (Bridge(netns=HOST, ifname="weft2"),),
    "bridge_vlan": (BridgeVlans(netns=HOST, ifname="weft2", master="", vlans=("2",)),),
    "dummy": (Dummy(netns=HOST, ifname="weft3"),),
    "tap": (Tap(netns=HOST, ifname="weft4"),),
    "vlan": (Vlan(netns=HOST, ifname="weft5", parent=_VETH.key, vid=1),),
    "tun": (Tun(netns=HOST, ifname="weft20"),),
    "ifb": (Ifb(netns=HOST, ifname="weft21"),),
    "bond": (Bond(netns=HOST, ifname="weft22", mode="active-backup"),),
    "vrf": (Vrf(netns=HOST, ifname="weft23", table=1),),
    "macvlan": (Macvlan(netns=HOST, ifname="weft24", parent=_VETH.key, mode="bridge"),),
    "macvtap": (Macvtap(netns=HOST, ifname="weft25", parent=_VETH.key, mode="bridge"),),
    "ipvlan": (Ipvlan(netns=HOST, ifname="weft26", parent=_FELLOW.key, mode="l3"),),
    "macsec": (_MACSEC,),
    "vxlan": (Vxlan(**_tunnel(6, 4), vni=1),),
    "geneve": (Geneve(**_tunnel(7, 4), vni=1),),
    "gre": (Gre(**_tunnel(8, 4)),),
    "gretap": (GreTap(**_tunnel(9, 4)),),
    "ip6gre": (Ip6Gre(**_tunnel(10, 6)),),
    "ip6gretap": (Ip6GreTap(**_tunnel(11, 6)),),
    "ipip": (Ipip(**_tunnel(12, 4)),),
    "sit": (Sit(**_tunnel(13, 4)),),
    "ip6tnl": (Ip6Tnl(**_tunnel(14, 6)),),
}
"""What must be made for a feature to be there, in order."""


_ON_LO: Mapping[str, Any] = {"netns": HOST, "ifname": "lo"}
_QDISCS: Mapping[str, tuple[KernelObject, ...]] = {
    "htb": (Htb(**_ON_LO, handle="77:", default=0),),
    "tbf": (Tbf(**_ON_LO, rate_bps=10**9, burst_bytes=100_000, limit_bytes=100_000),),
    "fq_codel": (FqCodel(**_ON_LO, limit_packets=100, target_us=5000, interval_us=100_000, quantum_bytes=1514),),
    "sfq": (Sfq(**_ON_LO, limit_packets=100, quantum_bytes=1514),),
    "fq": (Fq(**_ON_LO, limit_packets=100, flow_limit_packets=10, quantum_bytes=3028, initial_quantum_bytes=15_140),),
    "cake": (Cake(**_ON_LO),),
    "netem": (Netem(**_ON_LO, limit_packets=100),),
}
"""As _LINKS, each taken away again; those that are modules are known by their files."""


def _chain(family: str, kind: str, hook: str, rule: str, device: str = "") -> tuple[KernelObject, ...]:
    table = NftTable(netns=HOST, family=family, name="weft-probe")
    name = f"{kind}-{hook}"
    chain = NftChain(
        netns=HOST,
        family=family,
        table=table.name,
        name=name,
        type=kind,
        hook=hook,
        device=device,
        rules=(rule,) if rule else (),
    )
    return table, chain


_RULES: Mapping[str, tuple[KernelObject, ...]] = {
    "nft_inet": _chain("inet", "filter", "forward", "ct state established,related accept"),
    "nft_nat": _chain("inet", "nat", "postrouting", "masquerade"),
    "nft_netdev": _chain("netdev", "filter", "ingress", "", "lo"),
    "nft_egress": _chain("netdev", "filter", "egress", "", "lo"),
    "nft_fwd": _chain("netdev", "filter", "ingress", 'fwd to "lo"', "lo"),
    "nft_bridge": _chain("bridge", "filter", "prerouting", "ether type ip drop"),
    "nft_log": _chain("bridge", "filter", "input", 'limit rate 10/second log prefix "weft" group 30565 snaplen 128'),
    "nft_cgroup": _chain("inet", "filter", "output", 'socket cgroupv2 level 1 "." accept'),
    "nft_bridge_ct": _chain("bridge", "filter", "forward", "ct state established,related accept"),
}
"""As _LINKS, for nftables."""


def find() -> frozenset[str]:
    """Try everything in a throw-away namespace. Raises: NotPermitted."""
    return frozenset().union(*find_parts(PARTS).values())


def find_parts(parts: Collection[str]) -> dict[str, frozenset[str]]:
    """Try some of `PARTS` in a throw-away namespace; what was found of each. Raises: NotPermitted."""
    with _throw_away(), closing(Namespaces()) as here, closing(Rtnl(here)) as rtnl, closing(Nft(here)) as nft:
        tries: Mapping[str, Callable[[], Iterable[str]]] = {
            SETTINGS: _settings,
            LINKS: lambda: (name for name, objects in _LINKS.items() if _makes(rtnl.commit, objects)),
            QUEUES: lambda: _queues(rtnl),
            RULES: lambda: _rules(nft),
        }
        return {part: frozenset(tries[part]()) for part in parts}


def _settings() -> Iterator[str]:
    """What has a file, or is named in one."""
    if read_setting(BRIDGE_CALLS[4]) is not None:
        yield "br_netfilter"
    yield from (f"tcp_{name}" for name in ((read_setting(ALGORITHMS) or "").split()))
    yield from (f"tcp_{name}" for name in _loadable())


def _queues(rtnl: Rtnl) -> Iterator[str]:
    modules = _modules_of("sch")
    yield from (n for n, objects in _QDISCS.items() if n in modules or _makes(rtnl.commit, objects, end=True))


def _rules(nft: Nft) -> Iterator[str]:
    without = () if cgroups.is_mounted() else ("nft_cgroup",)
    yield from (n for n, objects in _RULES.items() if n not in without and _makes(nft.commit, objects))


def _makes(commit: Callable[[Sequence[Change]], None], objects: Sequence[KernelObject], *, end: bool = False) -> bool:
    """`end`: take it away again, for the next that is to be in its place."""
    try:
        commit([Change(Op.CREATE, None, held) for held in objects])
        if end:
            commit([Change(Op.DELETE, held, None) for held in objects])
    except (KernelRefused, FeatureMissing):
        return False
    return True


@contextmanager
def _throw_away() -> Iterator[None]:
    """The calling thread in a new namespace that ends with the visit."""
    home = open_file("/proc/thread-self/ns/net")
    try:
        try:
            doors.unshare_network()
        except PermissionError as error:
            raise NotPermitted("finding out what the kernel has needs root (CAP_SYS_ADMIN)") from error
        try:
            yield
        finally:
            doors.enter(home)
    finally:
        os.close(home)


def _loadable() -> list[str]:
    """Congestion controls that the kernel loads when one is asked for; nothing is loaded here."""
    return [name for name in _modules_of("tcp") if name in KNOWN_ALGORITHMS]


def _modules_of(family: str) -> list[str]:
    """What the kernel has of a family as modules, by the names behind its prefix."""
    try:
        listing = MODULES.read_text()
    except OSError:
        return []
    return re.findall(rf"/{family}_(\w+)\.ko", listing)
