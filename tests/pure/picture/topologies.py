"""Topologies to draw: a small one with everything in it, and one with many long names."""

from __future__ import annotations

from weft.picture.view import (
    Condition,
    Flow,
    LinkView,
    NetworkView,
    PortView,
    RouterView,
    SpaceView,
    TenantView,
    Topology,
    Traffic,
)

LONG = "fd10:aaaa:bbbb:cccc:dddd:eeee:ffff:1/64"


def port(name: str, condition: Condition = Condition.UP, attach: str = "netns", *addresses: str) -> PortView:
    netns = name if attach == "netns" else ""
    traffic = Traffic(received=Flow(bytes=1_240_000, packets=900, lost=0), sent=Flow(bytes=12, packets=1, lost=3))
    return PortView(
        name=name,
        condition=condition,
        attach=attach,
        netns=netns,
        ifname=name,
        mac="02:00:00:00:00:01",
        mtu=1500,
        addresses=addresses or ("10.1.0.2/24", LONG),
        traffic=traffic,
    )


def network(name: str, ports: tuple[PortView, ...], uplink: str = "") -> NetworkView:
    return NetworkView(
        name=name,
        condition=Condition.UP,
        bridge="wbx",
        mtu=1500,
        subnets=("10.1.0.0/24", "fd10:aaaa:bbbb:cccc::/64"),
        uplink=uplink,
        ports=ports,
    )


def router(name: str) -> RouterView:
    return RouterView(
        name=name,
        condition=Condition.UP,
        netns=f"weft.lab.shop.{name}",
        networks=(name,),
        uplink="nat",
        transit="wux",
        addresses=("10.1.0.1/24",),
        outside=("198.18.0.1/32",),
    )


def link(name: str, condition: Condition = Condition.UP, kind: str = "", master: str = "", below: str = "") -> LinkView:
    return LinkView(
        name=name,
        condition=condition,
        kind=kind,
        existing=not kind,
        egress=not kind,
        mac="02:00:00:00:00:02",
        mtu=1500,
        addresses=("192.0.2.2/24",),
        master=master,
        below=below,
    )


SMALL = Topology(
    scope="lab",
    tenants=(
        TenantView(
            name="shop",
            condition=Condition.UP,
            netns="weft.lab.shop",
            networks=(
                network("front", (port("web"), port("vm0", Condition.NO_CARRIER, "tap")), "nat"),
                network("back", (port("db", Condition.MISSING), port("me", Condition.CHANGED, "host"))),
            ),
            routers=(router("front"),),
        ),
        TenantView(name="bare", condition=Condition.UP, netns="", networks=()),
    ),
    host=SpaceView(
        netns="", links=(link("eth0"), link("bond0", Condition.DOWN, "bond"), link("v5", kind="vlan", below="bond0"))
    ),
    namespaces=(SpaceView(netns="lonely", links=(link("b", kind="bridge"),)),),
)


def crowded(ports: int, condition: Condition = Condition.UP) -> Topology:
    """Names of 15 characters, addresses as long as they get."""
    many = tuple(port(f"machine-{number:07d}", condition, "netns", LONG, LONG) for number in range(ports))
    tenant = TenantView(
        name="t" * 15,
        condition=Condition.UP,
        netns="weft.lab." + "t" * 15,
        networks=(network("n" * 15, many, "nat"), network("empty", ())),
        routers=(router("n" * 15),),
    )
    return Topology(scope="s" * 15, tenants=(tenant,), host=SpaceView(netns="", links=(link("eth0"),)))
