"""Random valid states: every object stands on something that is there, names are unique.

Rules: drawn from a `random.Random`, small name spaces so that two states often meet at the same keys. For a real kernel
(`for_kernel`) only what it takes: no kind that it may lack, no loop of bridges, texts as nft prints them.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.ip.route import Route
from weft.kinds.ip.rule import Rule
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import Link
from weft.kinds.link.dummy import Dummy
from weft.kinds.link.tap import Tap
from weft.kinds.link.veth import Veth
from weft.kinds.link.vlan import Vlan
from weft.kinds.netns import Namespace
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.kinds.nft.nftset import NftSet
from weft.kinds.nft.table import NftTable
from weft.kinds.process import READY, Process
from weft.kinds.setting.sysctl import Sysctl
from weft.kinds.tc.htb import Htb, HtbClass
from weft.kinds.tc.leaves import FqCodel, Pfifo, Tbf
from weft.kinds.tc.qdisc import Qdisc
from weft.state import HOST, PROTOCOL, KernelObject, State


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What may be in a state. `mark` stands before each alias; `via` says how far to go with next hops."""

    mark: str = "weft/h/s/"
    link_kinds: tuple[str, ...] = ("dummy", "tap", "veth", "veth", "veth", "vlan")
    hook: str = "ingress"
    set_types: tuple[str, ...] = ("ipv4_addr", "ipv6_addr")
    forwarding: str = "12"
    ipv6_metric: int = 0
    loops: bool = True
    protocol: int | None = None
    leaves: tuple[str, ...] = ("pfifo", "fq_codel", "tbf")
    programs: float = 0.2


FOR_FAKE = World()


def for_kernel(host_id: str, scope: str) -> World:
    return World(
        mark=f"weft/{host_id}/{scope}/",
        link_kinds=("tap", "veth", "veth"),
        hook="input",
        set_types=("ipv4_addr",),
        forwarding="1",
        ipv6_metric=1024,
        loops=False,
        protocol=PROTOCOL,
        leaves=("pfifo", "tbf"),
        programs=0.1,
    )


NETNS = ("red", "green", "blue")
IFNAMES = ("l0", "l1", "l2", "l3", "l4")
ALTNAMES = ("web", "db", "front")
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")


def random_state(rng: Random, world: World = FOR_FAKE) -> State:
    """A state of up to about forty objects."""
    spaces = [name for name in NETNS if rng.random() < 0.6]
    grounds = [HOST, *spaces]
    objects: list[KernelObject] = [Namespace(name=name, alias=world.mark + rng.choice("ab")) for name in spaces]
    links = _links(rng, grounds, world)
    objects += links
    objects += _on_links(rng, links, world)
    objects += (obj for link in links if rng.random() < 0.3 for obj in _tree(rng, link, world))
    for netns in grounds:
        objects += _in_namespace(rng, netns, world)
        objects += _nft(rng, netns, world, [link.ifname for link in links if link.netns == netns])
    return State.of(objects)


def random_tree(rng: Random, world: World = FOR_FAKE) -> State:
    """One link and, mostly, what it has of qdiscs and classes."""
    link = Dummy(netns=HOST, ifname="l0", up=True, alias=world.mark + "a")
    return State.of([link, *(_tree(rng, link, world) if rng.random() < 0.9 else ())])


def _links(rng: Random, grounds: list[str], world: World) -> list[Link]:
    free = [(netns, ifname) for netns in grounds for ifname in IFNAMES]
    rng.shuffle(free)
    links: list[Link] = []
    bridges: dict[str, list[str]] = {}
    for _ in range(rng.randrange(3)):
        netns, ifname = free.pop()
        links.append(Bridge(netns=netns, ifname=ifname, stp=rng.random() < 0.5, **_attributes(rng, world)))
        bridges.setdefault(netns, []).append(ifname)
    altnames = {netns: list(ALTNAMES) for netns in grounds}

    def attributes(netns: str, may_join: bool = True) -> dict[str, object]:
        masters = ["", *(bridges.get(netns, []) if may_join else ())]
        names = altnames[netns]
        taken = tuple(sorted(names.pop() for _ in range(rng.randrange(len(names) + 1))))
        return {**_attributes(rng, world), "master": rng.choice(masters), "altnames": taken}

    while free and rng.random() < 0.8:
        netns, ifname = free.pop()
        match rng.choice(world.link_kinds):
            case "veth" if free:
                other, peer = free.pop()
                links.append(Veth(netns=netns, ifname=ifname, peer_netns=other, peer_ifname=peer, **attributes(netns)))
                there = attributes(other, world.loops)
                links.append(Veth(netns=other, ifname=peer, peer_netns=netns, peer_ifname=ifname, **there))
            case "tap" if netns == HOST:
                links.append(Tap(netns=netns, ifname=ifname, multi_queue=rng.random() < 0.5, **attributes(netns)))
            case "vlan" if links:
                parent = rng.choice(links).key
                vid = rng.randrange(1, 4)
                if all((link.parent, link.vid) != (parent, vid) for link in links if isinstance(link, Vlan)):
                    links.append(Vlan(netns=netns, ifname=ifname, parent=parent, vid=vid, **attributes(netns)))
            case "dummy":
                links.append(Dummy(netns=netns, ifname=ifname, **attributes(netns)))
    return links


def _attributes(rng: Random, world: World) -> dict[str, object]:
    return {
        "mac": rng.choice(MACS),
        "mtu": rng.choice((1500, 9000)),
        "up": True,
        "alias": world.mark + rng.choice("ab"),
    }


def _on_links(rng: Random, links: list[Link], world: World) -> list[KernelObject]:
    found: list[KernelObject] = []
    for link in links:
        where = {"netns": link.netns, "ifname": link.ifname, "protocol": world.protocol}
        if rng.random() < 0.6:
            found.append(Address(cidr=rng.choice(("10.0.0.1/24", "10.0.0.2/24", "fd00::1/64")), **where))
        if rng.random() < 0.3:
            found.append(Neighbour(address="10.0.0.9", mac=rng.choice(MACS), **where))
    for netns in {link.netns for link in links}:
        here = [link.ifname for link in links if link.netns == netns]
        for dst in ("0.0.0.0/0", "10.9.0.0/16", "::/0"):
            if rng.random() < 0.5:
                via = "fe80::1" if rng.random() < 0.5 else ""
                metric = world.ipv6_metric if ":" in dst else 0
                on = rng.choice(here)
                found.append(Route(netns=netns, dst=dst, via=via, ifname=on, metric=metric, protocol=world.protocol))
    return found


def _tree(rng: Random, link: Link, world: World) -> list[KernelObject]:
    """A queue alone, or classes up to three deep, each a leaf with a queue or without, or a parent."""
    at = {"netns": link.netns, "ifname": link.ifname}
    if rng.random() < 0.2:
        return _queue(rng, at, "root", world)
    objects: list[KernelObject] = [Htb(**at, handle="77:", default=int(rng.random() < 0.1))]
    parents = {minor: rng.choice((0, *range(1, minor))) for minor in range(1, rng.randrange(1, 6))}
    for minor, parent in parents.items():
        is_leaf = minor not in parents.values()
        objects.append(
            HtbClass(
                **at,
                classid=f"77:{minor}",
                parent=f"77:{parent or ''}",
                rate_bps=rng.choice((1_000_000, 8_000_000)),
                ceil_bps=8_000_000,
                burst_bytes=3000,
                cburst_bytes=3000,
                quantum_bytes=rng.choice((1514, 3028)) if is_leaf else None,
                priority=rng.randrange(2) if is_leaf else None,
            ).held()
        )
        if is_leaf and rng.random() < 0.7:
            objects += _queue(rng, at, f"77:{minor}", world)
    return objects


def _queue(rng: Random, at: dict[str, str], parent: str, world: World) -> list[KernelObject]:
    match rng.choice(world.leaves):
        case "tbf":
            handle = "7f:" if parent == "root" else f"7{parent[-1]}:"
            rate_bps = rng.choice((10**8, 10**9))
            tbf = Tbf(**at, parent=parent, handle=handle, rate_bps=rate_bps, burst_bytes=3028, limit_bytes=9000).held()
            below = [Pfifo(**at, parent=f"{handle}1", below=parent, limit_packets=rng.choice((50, 60)))]
            return [tbf, *(below if rng.random() < 0.8 else ())]
        case "pfifo":
            queue: Qdisc = Pfifo(**at, parent=parent, limit_packets=rng.choice((50, 60)))
        case _:
            flows = rng.choice((64, 128))
            numbers = {"limit_packets": 100, "target_us": 5000, "interval_us": 100_000, "quantum_bytes": 1514}
            queue = FqCodel(**at, parent=parent, flows=flows, ecn=rng.random() < 0.5, **numbers)
    return [queue]


def _in_namespace(rng: Random, netns: str, world: World) -> list[KernelObject]:
    found: list[KernelObject] = []
    if netns != HOST and rng.random() < 0.5:
        found.append(Sysctl(netns=netns, name="net/ipv4/ip_forward", value=rng.choice(world.forwarding)))
    if rng.random() < world.programs:
        found.append(_program(rng, netns, world))
    if rng.random() < 0.3:
        found.append(
            Rule(
                netns=netns,
                family=rng.choice((4, 6)),
                priority=100,
                table=rng.choice((10, 20)),
                protocol=world.protocol,
            )
        )
    return found


def _program(rng: Random, netns: str, world: World) -> Process:
    """One that is ready at once, ends when it is asked to, and takes a signal for a word about its configuration."""
    said = f"trap : HUP; touch {READY}; while sleep 1000; do :; done # {rng.randrange(2)}"
    return Process(
        netns=netns,
        name="s.program",
        mark=world.mark + "a",
        argv=("/bin/sh", "-c", said),
        config=rng.choice(("one\n", "two\n")),
        reloads=rng.random() < 0.5,
        parting=rng.choice(("", "one")),
        ready=True,
    )


def _nft(rng: Random, netns: str, world: World, ifnames: list[str]) -> list[KernelObject]:
    if rng.random() < 0.5:
        return []
    family = rng.choice(("inet", "netdev"))
    table = {"netns": netns, "family": family, "table": "weft-s"}
    found: list[KernelObject] = [NftTable(netns=netns, family=family, name="weft-s")]
    found.append(NftSet(name="pool", type=rng.choice(world.set_types), **table))
    found += [NftElement(set="pool", element=e, **table) for e in ("10.0.0.1", "10.0.0.2") if rng.random() < 0.5]
    if family == "inet" or ifnames:
        device = rng.choice(ifnames) if family == "netdev" else ""
        rules = tuple(rng.sample(("accept", "drop", "counter"), rng.randrange(3)))
        found.append(
            NftChain(
                name="c", type="filter", hook="ingress" if device else world.hook, device=device, rules=rules, **table
            )
        )
    return found
