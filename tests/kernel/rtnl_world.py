"""What the tests of the rtnl backend share: a world, the backend inside it, and the shortest way to commit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.world import World
from weft.backends.base import Selection
from weft.backends.rtnl import Rtnl
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.bridge_port import BridgePort, is_as_born
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.state import Change, KernelObject, Op, State

ALIAS = "weft/host/lab/tenants/shop/ports/web"


def mac(number: int) -> str:
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def create(rtnl: Rtnl, *objects: KernelObject) -> None:
    rtnl.commit([Change(Op.CREATE, None, obj) for obj in objects])


def delete(rtnl: Rtnl, *objects: KernelObject) -> None:
    rtnl.commit([Change(Op.DELETE, obj, None) for obj in objects])


def update(rtnl: Rtnl, before: KernelObject, after: KernelObject) -> None:
    rtnl.commit([Change(Op.UPDATE, before, after)])


def whole(rtnl: Rtnl, *netns: str) -> State:
    """All but what is nobody's: a bridge's port as every new one is."""
    seen = rtnl.observe(Selection(namespaces=netns))
    return State({key: obj for key, obj in seen.items() if not (isinstance(obj, BridgePort) and is_as_born(obj))})


def some(rtnl: Rtnl, objects: Iterable[KernelObject]) -> State:
    return rtnl.observe(Selection(keys=frozenset(obj.key for obj in objects)))


def link(world: World, netns: str | None, ifname: str) -> dict[str, Any]:
    """A link as `ip -j -d` tells it; an empty dict where there is none."""
    links = world.json("ip", "-j", "-d", "link", netns=netns)
    return next((found for found in links if found["ifname"] == ifname), {})


def spaces(*names: str) -> list[Namespace]:
    return [Namespace(name=name, alias=ALIAS) for name in names]


def pair(number: int, tenant: str, port: str, **more: Any) -> tuple[Veth, Veth]:
    """The port's end and the bridge's."""
    ifname, other = f"eth{number}", f"wp{number}"
    common = {"alias": ALIAS, "mtu": 1400, "up": True}
    return (
        Veth(netns=port, ifname=ifname, peer_netns=tenant, peer_ifname=other, mac=mac(number), **common),
        Veth(netns=tenant, ifname=other, peer_netns=port, peer_ifname=ifname, mac=mac(number + 256), **common, **more),
    )


def bridge(netns: str, **more: Any) -> Bridge:
    return Bridge(netns=netns, ifname="br", alias=ALIAS, mac=mac(999), mtu=1500, up=True, stp=False, **more)


def led(ends: tuple[Veth, Veth]) -> tuple[Veth, Veth]:
    """The leader first, as every plan has it."""
    first, second = sorted(ends, key=lambda end: end.key)
    return first, second
