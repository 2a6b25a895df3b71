"""Tunnels, of every kind.

Rules: all addresses of a tunnel are of one family, the underlay's. Its MTU is that of the link its packets leave by,
less what it adds to each (kinds/link/overhead.py); more than that is refused. What the kernel would fill in is said, so
that a key taken out of the file goes back to the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.addressing import Span, had_by_none
from weft.compiler.findings import dotted
from weft.compiler.links.declared import underlay_of
from weft.compiler.links.place import LinkPlace
from weft.compiler.links.ways import remotes_of
from weft.compiler.network import ETHERNET_MTU
from weft.kinds.link.geneve import Geneve
from weft.kinds.link.gre import Gre, GreTap, Ip6Gre, Ip6GreTap
from weft.kinds.link.iptunnel import Ip6Tnl, Ipip, Sit
from weft.kinds.link.overhead import Overhead, overhead
from weft.kinds.link.tunnel import Tunnel
from weft.kinds.link.vxlan import Vxlan
from weft.model.links import (
    AnyGreLink,
    BoundTunnelLink,
    GeneveLink,
    GreLink,
    GreTapLink,
    Ip6GreLink,
    Ip6GreTapLink,
    Ip6TnlLink,
    IpipLink,
    SitLink,
    TunnelLink,
    VxlanLink,
)
from weft.model.words import INHERIT_TTL
from weft.state import HOST, KernelObject
from weft.wire.address_text import is_multicast

_FAMILIES = {"gre": 4, "gretap": 4, "ipip": 4, "sit": 4, "ip6gre": 6, "ip6gretap": 6, "ip6tnl": 6}
"""Of the kinds that have one underlay only."""

HOPS = 64
"""The TTL of tunnels over IPv6 that are not told another, as ip(8) has it. Source: ip-link(8)."""


def make_vxlan(place: LinkPlace[VxlanLink]) -> Iterator[KernelObject]:
    spec, family = place.spec, _family(place)
    _check_group(place)
    _check_local(place)
    _claim(place, f"vxlan {spec.vni} port {spec.port} ipv{family}", f"VNI {spec.vni} at UDP port {spec.port}", "vni")
    yield Vxlan(
        netns=place.netns,
        ifname=place.ifname,
        mtu=_mtu(place),
        underlay=underlay_of(place.key, spec),
        device=_device(place),
        family=family,
        local=spec.local or "",
        remote=spec.remote or "",
        group=spec.group or "",
        ttl=None if spec.ttl == INHERIT_TTL else spec.ttl or 0,
        ttl_inherit=spec.ttl == INHERIT_TTL,
        tos=spec.tos,
        vni=spec.vni,
        port=spec.port,
        learning=spec.learning,
        ageing=spec.ageing,
        df=spec.df,
        udp_csum=spec.udp_csum,
        udp6_zero_csum_tx=spec.udp6_zero_csum_tx,
        udp6_zero_csum_rx=spec.udp6_zero_csum_rx,
    )


def make_geneve(place: LinkPlace[GeneveLink]) -> Iterator[KernelObject]:
    spec, family = place.spec, _family(place)
    if not spec.remote:
        place.error("a Geneve tunnel has one other end, and it is not said", "`remote: ADDRESS`")
        return
    _claim(place, f"geneve {spec.vni} {spec.remote} port {spec.port}", f"VNI {spec.vni} to {spec.remote}", "vni")
    yield Geneve(
        netns=place.netns,
        ifname=place.ifname,
        mtu=_mtu(place),
        underlay=place.netns,
        family=family,
        remote=spec.remote,
        ttl=None if spec.ttl == INHERIT_TTL else spec.ttl or 0,
        ttl_inherit=spec.ttl == INHERIT_TTL,
        tos=spec.tos,
        vni=spec.vni,
        port=spec.port,
        df=spec.df,
        udp_csum=spec.udp_csum if family == 4 else None,
    )


def make_gre(place: LinkPlace[GreLink | GreTapLink]) -> Iterator[KernelObject]:
    spec = place.spec
    cls = Gre if isinstance(spec, GreLink) else GreTap
    _check_fixed_ttl(place, spec.pmtudisc)
    yield _gre(place, cls, pmtudisc=spec.pmtudisc)


def make_ip6gre(place: LinkPlace[Ip6GreLink | Ip6GreTapLink]) -> Iterator[KernelObject]:
    yield _gre(place, Ip6Gre if isinstance(place.spec, Ip6GreLink) else Ip6GreTap)


def make_iptunnel(place: LinkPlace[IpipLink | SitLink]) -> Iterator[KernelObject]:
    spec = place.spec
    cls = Ipip if isinstance(spec, IpipLink) else Sit
    _check_fixed_ttl(place, spec.pmtudisc)
    yield _bound(place, cls, pmtudisc=spec.pmtudisc)


def make_ip6tnl(place: LinkPlace[Ip6TnlLink]) -> Iterator[KernelObject]:
    yield _bound(place, Ip6Tnl, carries=0)


def _gre(place: LinkPlace[AnyGreLink], cls: type[Tunnel], **more: object) -> Tunnel:
    spec = place.spec
    return _bound(place, cls, keyed=spec.key is not None, number=spec.key or 0, csum=spec.csum, **more)


def _bound(place: LinkPlace[BoundTunnelLink], cls: type[Tunnel], **more: object) -> Tunnel:
    """A tunnel of a kind with one family, between two addresses that no other of its kind and key has."""
    spec, family = place.spec, _family(place)
    _check_local(place)
    key = spec.key if isinstance(spec, AnyGreLink) else None
    ends = f"{spec.local or 'any'} to {spec.remote or 'any'}" + ("" if key is None else f" with key {key}")
    _claim(place, f"{spec.kind} {ends} by {spec.link}", f"{spec.kind} from {ends}", "remote")
    return cls(
        netns=place.netns,
        ifname=place.ifname,
        mtu=_mtu(place),
        underlay=place.netns,
        device=_device(place),
        family=family,
        local=spec.local or "",
        remote=spec.remote or "",
        ttl=_ttl(spec, HOPS if family == 6 else 0),
        tos=spec.tos,
        **more,  # type: ignore[arg-type]
    )


def _ttl(spec: TunnelLink, default: int = 0) -> int:
    return default if spec.ttl is None else spec.ttl


def _device(place: LinkPlace[BoundTunnelLink] | LinkPlace[VxlanLink]) -> str:
    parent = place.parent()
    return parent.name if parent else ""


def _claim(place: LinkPlace[TunnelLink], name: str, what: str, at: str) -> None:
    """What only one tunnel of an underlay may have."""
    other = place.draft.claim(underlay_of(place.key, place.spec), name, place.path)
    if other is not None:
        place.error(f"{what} is {dotted(other)} already", "another one, or one tunnel for both", at)


def family_of(spec: TunnelLink) -> int:
    """That of a tunnel's underlay, 4 where nothing tells."""
    first = next(filter(None, _addresses(spec)), "")
    return _FAMILIES.get(spec.kind) or (6 if ":" in first else 4)


def added_by(spec: TunnelLink) -> Overhead:
    """What a tunnel adds to each packet."""
    if isinstance(spec, AnyGreLink):
        return overhead(spec.kind, family_of(spec), keyed=spec.key is not None, csum=spec.csum)
    return overhead(spec.kind, family_of(spec))


def _addresses(spec: TunnelLink) -> list[str | None]:
    """Its own in the underlay, that of its group, and those of the other ends."""
    local = spec.local if isinstance(spec, BoundTunnelLink) else None
    group = spec.group if isinstance(spec, VxlanLink) else None
    return [local, group, *remotes_of(spec)]


def _family(place: LinkPlace[TunnelLink]) -> int:
    """That of the underlay, with a finding where an address is of another."""
    spec, family = place.spec, family_of(place.spec)
    local, group, *_ = said = _addresses(spec)
    fixed = _FAMILIES.get(spec.kind)
    for address in filter(None, said):
        if (":" in address) != (family == 6):
            first = next(filter(None, said))
            why = f"{spec.kind} runs over IPv{family}" if fixed else f"{first} is of IPv{family}"
            place.error(f"{address} is not of the underlay's family: {why}", f"addresses of IPv{family}")
            break
    if family == 6 and not fixed and not (local or spec.remote or group):
        # the kernel would say of such a link that it is of IPv4
        place.error("a tunnel over IPv6 without an end of its own", "`local: ADDRESS`")
    return family


def _check_group(place: LinkPlace[VxlanLink]) -> None:
    spec = place.spec
    if spec.remote and spec.group:
        place.error("frames go to one remote or to a group", "keep one of the two, or `remotes:`", "group")
    if spec.group and not is_multicast(spec.group):
        place.error(f"{spec.group} is no multicast address", "`remote:` or `remotes:` for single machines", "group")
    if spec.group and not spec.link:
        place.error("by which link the group is joined is not said", "`link: NAME`", "group")
    for remote in remotes_of(spec):
        if is_multicast(remote):
            place.error(f"{remote} is a multicast address, not a machine's", "`group:`, with a `link:`")
        elif remote == spec.local:
            place.error(f"{remote} is this machine's end: it would hear itself", "the other machines' addresses")
        elif wrong := had_by_none(Span.of(remote)):
            place.error(f"no machine is there: {wrong}", "the other machines' addresses")


def _check_local(place: LinkPlace[BoundTunnelLink] | LinkPlace[VxlanLink]) -> None:
    """Warn of an end that the host does not have, or not yet: of other namespaces not all is known."""
    local = place.spec.local
    if local and underlay_of(place.key, place.spec) == HOST and not place.ways.has(HOST, local):
        what = f"the host does not have {local}: nothing of the tunnel leaves or arrives as long as that is so"
        place.draft.warn((*place.path, "local"), what, "an address that it has, or give it to a link of `host: links:`")


def _check_fixed_ttl(place: LinkPlace[TunnelLink], pmtudisc: bool) -> None:
    if not pmtudisc and _ttl(place.spec):
        what = "a TTL of its own needs path MTU discovery: a loop of tunnels would grow packets without end"
        place.error(what, "leave out one of the two", "ttl")


def _mtu(place: LinkPlace[TunnelLink]) -> int:
    """As given, else what is left of the link below's."""
    spec, added = place.spec, added_by(place.spec)
    below = place.below()
    most = place.mtu_of(below) if below else None
    if spec.mtu and most and spec.mtu > most - added.total_bytes:
        name = below.name if below else ""
        what = f"an MTU of {spec.mtu} and {added} come to {spec.mtu + added.total_bytes}, and {name} carries {most}"
        place.error(what, f"at most {most - added.total_bytes}, or a larger MTU on {name}", "mtu")
    return spec.mtu or (most or ETHERNET_MTU) - added.total_bytes
