"""What every form of the picture says in the same words: quantities, where a port ends, what a link is."""

from __future__ import annotations

from weft.picture.view import Condition, Flow, LinkView, NetworkView, PortView, RouterView, Traffic

_SCALES = ("", "k", "M", "G", "T", "P")


def quantity(number: float, unit: str) -> str:
    """Three digits or so: `1.24 MB`, `950 kbit/s`. Decimal prefixes, as for links."""
    scale = 0
    while number >= 999.5 and scale < len(_SCALES) - 1:
        number, scale = number / 1000, scale + 1
    digits = 0 if scale == 0 or number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:.{digits}f} {_SCALES[scale]}{unit}"


def flow(seen: Flow) -> str:
    """The rate where it is known, else the sum."""
    told = quantity(seen.rate_bps, "bit/s") if seen.rate_bps is not None else quantity(seen.bytes, "B")
    return f"{told} ({seen.lost} lost)" if seen.lost else told


def traffic(seen: Traffic | None) -> str:
    """`in 1.2 MB  out 300 kB`, "" for what cannot be known."""
    return f"in {flow(seen.received)}  out {flow(seen.sent)}" if seen else ""


def condition(seen: Condition) -> str:
    return seen.value.replace("-", " ")


def port_place(port: PortView) -> str:
    """Where a port ends, and its ifname there where that is not the namespace's name too."""
    match port.attach:
        case "tap" | "macvtap" | "host":
            return f"{port.attach} {port.ifname}"
        case "pidfile" | "router":
            return f"{port.netns} {port.ifname}"
    return f"netns {port.netns}" if port.netns == port.ifname else f"netns {port.netns} {port.ifname}"


def outside(port: PortView) -> tuple[str, ...]:
    """The floating IPs that lead to it, each."""
    return tuple(f"at {address}" for address in port.floating)


def known_as(router: RouterView) -> tuple[str, ...]:
    """Its addresses outside, each."""
    return tuple(f"as {address}" for address in router.outside)


def floating(port: PortView) -> str:
    """By what others reach it from outside: `at 203.0.113.10, 203.0.113.11 tcp/2222`."""
    return f"at {', '.join(port.floating)}" if port.floating else ""


def network_kind(network: NetworkView) -> str:
    uplink = f"uplink {network.uplink}" if network.uplink else ""
    return "  ".join(filter(None, [uplink, network.segment, mtu(network.mtu)]))


def standing(network: NetworkView) -> tuple[str, ...]:
    """Its subnets, and what it stands on."""
    return (*network.subnets, *filter(None, [network.segment]))


def router_place(router: RouterView) -> str:
    """How it leads out."""
    return f"{router.leads} by {router.transit}" if router.leads else ""


def link_kind(link: LinkView) -> str:
    """`vlan 5 on bond0`, `ethernet, existing, the way out`."""
    kind = f"{link.kind or 'ethernet'} {link.about}".rstrip()
    told = [f"{kind} on {link.below}" if link.below else kind]
    told += [f"in {link.master}"] if link.master else []
    told += ["existing"] if link.existing else []
    told += ["the way out"] if link.egress else []
    told += [f"external network {name}" for name in link.externals]
    return ", ".join(told)


def mtu(number: int | None) -> str:
    return f"mtu {number}" if number else ""
