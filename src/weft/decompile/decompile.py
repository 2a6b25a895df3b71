"""State to the file's words for some namespaces, every link that weft could have made with `adopt: true`.

Rules: pure. What has the default of its word is left out. What cannot be said, or is somebody else's to say (hardware,
links of well-known programs, what stands on them), is named among `unsaid`, never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

from weft.decompile.links import link_words
from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import MAIN_TABLE, NextHop, Route, default_scope
from weft.kinds.ip.rule import Rule
from weft.kinds.link.common import Link
from weft.kinds.link.fdb import EVERYWHERE, Fdb
from weft.kinds.setting.sysctl import Sysctl
from weft.ownership import FALLBACK_TUNNELS
from weft.records import dataclass
from weft.state import PROTOCOL, KernelObject, Key, Mark, State, link_key
from weft.wire.route import RTPROT_BOOT, RTPROT_STATIC, RTPROT_UNSPEC

_OWNERS = {
    "docker": "Docker's", "br-": "Docker's", "virbr": "libvirt's", "vnet": "libvirt's", "tailscale": "Tailscale's",
    "cni": "a CNI plugin's", "lxcbr": "LXC's", "podman": "podman's",
}  # fmt: skip
"""By how a link's name begins, whose it is by custom."""

DEFAULTS = {
    "net/ipv4/ip_forward": "0",
    "net/ipv6/conf/all/forwarding": "0",
    "net/ipv4/conf/all/arp_ignore": "0",
    "net/ipv4/conf/all/arp_announce": "0",
    "net/ipv4/conf/all/proxy_arp": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/fib_multipath_hash_policy": "0",
    "net/ipv4/tcp_l3mdev_accept": "0",
    "net/ipv4/udp_l3mdev_accept": "0",
}
"""The settings that a file is to have where they differ from what the kernel gives every new namespace, and it is sure
what that is. Source: Documentation/networking/ip-sysctl.rst."""

_BY_HAND = (None, RTPROT_UNSPEC, RTPROT_BOOT, RTPROT_STATIC, PROTOCOL)
"""The protocols of routes that nobody will change by itself."""
_IPV6_METRIC = 1024
NOBODYS: Mapping[Key, str] = {}
_SAME_WORD = ("src", "mtu", "advmss", "initcwnd", "initrwnd")


@dataclass(frozen=True, slots=True)
class Said:
    """`config`: what `host:` or `namespaces: NAME:` may say, as plain data. `unsaid`: a line for all else."""

    config: dict[str, Any] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)


def decompile(state: State, namespaces: Iterable[str], held: Mapping[Key, str] = NOBODYS) -> dict[str, Said]:
    """The words for what is in each of the namespaces. `held`: what a scope has already, though it bears no mark, and
    which."""
    found: dict[str, list[KernelObject]] = {netns: [] for netns in namespaces}
    for key, obj in state.items():
        if key.netns in found:
            found[key.netns].append(obj)
    return {netns: _said(state, here, held) for netns, here in found.items()}


def _said(state: State, here: list[KernelObject], held: Mapping[Key, str]) -> Said:
    said = Said()
    links: dict[str, dict[str, Any]] = {}
    for link in (obj for obj in here if isinstance(obj, Link)):
        _say_link(state, link, links, said)
    for name in _ports_of_adopted(here, links):
        links[name.ifname] = {"existing": True, "master": name.master}
    for obj in here:
        scope = held.get(obj.key) or _scope_below(state, obj)
        if scope:
            said.unsaid.append(f"{_called(obj)}: weft's already, of {scope}")
        else:
            _say_standing(obj, links, said)
    said.config.update({"links": links} if links else {}, **said.config)
    return said


def _say_link(state: State, link: Link, links: dict[str, dict[str, Any]], said: Said) -> None:
    if link.ifname == "lo" or link.ifname in FALLBACK_TUNNELS:
        return
    why = _whose(link) or _taken_by(state, link)
    words = None if why else link_words(state, link)
    if words is None:
        said.unsaid.append(f"link {link.ifname}: {why or 'no word of the file says what it is'}")
    else:
        links[link.ifname] = words


def _whose(link: Link) -> str:
    mark = Mark.parse(link.alias)
    if mark:
        return f"weft's already, of {mark.scope}"
    return next((whose for start, whose in _OWNERS.items() if link.ifname.startswith(start)), "")


def _taken_by(state: State, link: Link) -> str:
    master = state.get(link_key(link.netns, link.master)) if link.master else None
    mark = Mark.parse(master.alias) if isinstance(master, Link) else None
    return f"a port of {link.master}, weft's already, of {mark.scope}" if mark else ""


def _scope_below(state: State, obj: KernelObject) -> str:
    """Whose the link is that an address, route, neighbour or forwarding entry is on, "" for nobody's."""
    if not isinstance(obj, Address | Route | Neighbour | Fdb):
        return ""
    link = state.get(link_key(obj.netns, obj.ifname)) if obj.ifname else None
    mark = Mark.parse(link.alias) if isinstance(link, Link) else None
    return mark.scope if mark else ""


def _called(obj: KernelObject) -> str:
    """In a few words."""
    match obj:
        case Sysctl():
            return f"setting {obj.name}"
        case Address():
            return f"address {obj.cidr} of {obj.ifname}"
        case Neighbour():
            return f"neighbour {obj.address} of {obj.ifname}"
        case Route():
            ways = [hop.ifname for hop in obj.nexthops] or [obj.ifname]
            return f"route {obj.dst} {' '.join(ways)} (table {obj.table}, metric {obj.metric})"
        case Rule():
            return f"rule {obj.priority} of IPv{obj.family}: {obj.action} {obj.table}"
        case Fdb():
            return f"forwarding entry {obj.mac}{f' to {obj.dst}' if obj.dst else ''} of {obj.ifname}"
    return str(obj.key)


def _ports_of_adopted(here: list[KernelObject], links: dict[str, dict[str, Any]]) -> Iterator[Link]:
    """Somebody else's links that are ports of adopted ones."""
    for obj in here:
        if isinstance(obj, Link) and obj.ifname not in links and obj.master in links and not _whose(obj):
            yield obj


def _say_standing(obj: KernelObject, links: dict[str, dict[str, Any]], said: Said) -> None:
    """Addresses, routes and neighbours of adopted links; of others', and rules, nothing can be taken over."""
    if isinstance(obj, Fdb):
        _say_entry(obj, links, said)
    elif isinstance(obj, Sysctl):
        if obj.value != DEFAULTS.get(obj.name):
            said.config.setdefault("sysctls", {})[obj.name.replace("/", ".")] = obj.value
    elif isinstance(obj, Address):
        if links.get(obj.ifname, {}).get("adopt"):
            links[obj.ifname].setdefault("addresses", []).append(obj.cidr)
        else:
            said.unsaid.append(f"{_called(obj)}: its owner's")
    elif isinstance(obj, Route):
        ways = [hop.ifname for hop in obj.nexthops] or [obj.ifname]
        if _is_to_say(obj) and all(links.get(way, {}).get("adopt") for way in ways):
            said.config.setdefault("routes", []).append(_route_words(obj))
        else:
            whose = "" if obj.protocol in _BY_HAND else ": a daemon's"
            said.unsaid.append(f"{_called(obj)}{whose}")
    elif isinstance(obj, Rule):
        said.unsaid.append(_called(obj))
    elif isinstance(obj, Neighbour):
        if links.get(obj.ifname, {}).get("adopt") and (obj.mac or obj.proxy):
            words = {"address": obj.address, "dev": obj.ifname, **({"mac": obj.mac} if obj.mac else {"proxy": True})}
            said.config.setdefault("neighbours", []).append(words)
        else:
            said.unsaid.append(f"{_called(obj)}: its owner's")


def _say_entry(entry: Fdb, links: dict[str, dict[str, Any]], said: Said) -> None:
    """Where a VXLAN sends what it knows, and what it does not; what a bridge sends by its port, and takes itself."""
    link = links.get(entry.ifname, {})
    if not link.get("adopt") or not (entry.dst or entry.by_itself or link.get("master")):
        said.unsaid.append(_called(entry))
    elif entry.mac == EVERYWHERE and not entry.port and entry.vni < 0:
        link.setdefault("remotes", []).append(entry.dst)
    elif entry.master:
        words: dict[str, Any] = {"mac": entry.mac, **({"vid": entry.vid} if entry.vid else {})}
        link.setdefault("fdb", []).append(words | ({"local": True} if entry.local else {}))
    else:
        words = {"mac": entry.mac, "remote": entry.dst}
        words |= {"port": entry.port} if entry.port else {}
        link.setdefault("fdb", []).append(words | ({"vni": entry.vni} if entry.vni >= 0 else {}))


def _is_to_say(route: Route) -> bool:
    """Whether it stays as it is, and a file can say all of it."""
    return route.protocol in _BY_HAND and route.scope in (None, default_scope(route))


def _hop_words(hop: NextHop) -> dict[str, Any]:
    words: dict[str, Any] = {"via": hop.via} if hop.via else {}
    words |= {"dev": hop.ifname} | ({"weight": hop.weight} if hop.weight != 1 else {})
    return words | ({"onlink": True} if hop.onlink else {})


def _route_words(route: Route) -> dict[str, Any]:
    words: dict[str, Any] = {"to": route.dst}
    if route.nexthops:
        words["nexthops"] = [_hop_words(hop) for hop in route.nexthops]
    else:
        words |= {"dev": route.ifname, **({"via": route.via} if route.via else {})}
    if route.table != MAIN_TABLE:
        words["table"] = route.table
    if route.metric not in (0, _IPV6_METRIC if ":" in route.dst else 0):
        words["metric"] = route.metric
    if route.onlink:
        words["onlink"] = True
    return words | {name: getattr(route, name) for name in _SAME_WORD if getattr(route, name)}
