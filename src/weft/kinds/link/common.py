"""What every link has, whatever its kind. Source: rtnetlink(7), linux/if_link.h."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from weft.kinds.netns import ground
from weft.records import dataclass
from weft.state import KernelObject, Key, Keyed, link_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Keyed):
    """Common to all links. mtu in bytes of payload; gso and gro sizes in bytes; `master` an ifname in the same
    namespace, "" for none; `altnames` sorted; `offloads`, only ever observed (a LinkSetting sets them): sorted pairs of
    ethtool's feature (tx-checksum-ip-generic, tx-tcp-segmentation, tx-generic-segmentation, rx-gro) and whether it is
    on. `addr_gen_mode`: eui64, none, stable_secret or random: how the kernel makes its IPv6 link-local address.
    `adopt`: as wanted, one that bears nobody's mark may be taken over; as observed, it is being taken over.
    `newborn`: as observed, made by weft a moment ago and not marked yet (state.BIRTH_GROUP). `in_vrf`: whether its
    master is a VRF."""

    netns: str
    ifname: str
    alias: str | None = None
    mac: str | None = None
    mtu: int | None = None
    up: bool | None = None
    master: str | None = None
    altnames: tuple[str, ...] | None = None
    gso_max_size: int | None = None
    gso_max_segs: int | None = None
    gro_max_size: int | None = None
    addr_gen_mode: str | None = None
    offloads: tuple[tuple[str, bool], ...] | None = None
    adopt: bool = field(default=False, compare=False)
    newborn: bool = field(default=False, compare=False)
    in_vrf: bool = field(default=False, compare=False)

    def identify(self) -> Key:
        return link_key(self.netns, self.ifname)

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return ground(self.netns)

    @property
    def born_up(self) -> bool | None:
        """Its state when it is made: up where it was to be adopted and is not there, as after a restart."""
        return True if self.adopt and self.up is None else self.up

    @property
    def made_in(self) -> str:
        """The namespace from which the kernel makes it: its own, but for what stands on something in another one."""
        return self.netns

    @property
    def device(self) -> str:
        """What the name of its device file begins with, before its index; "" where it has none."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLink(Link):
    """A link that stands on another, its parent, which may be in another namespace; it goes when that goes."""

    parent: Key

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (*ground(self.netns), self.parent)

    @property
    def made_in(self) -> str:
        return self.parent.netns


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherLink(Link):
    """A link of a kind that weft does not make, or somebody else's; `link_kind` as the kernel says, "" for hardware."""

    link_kind: str = ""


LINK_FIELDS = frozenset(
    {"alias", "mac", "mtu", "up", "master", "altnames", "gso_max_size", "gso_max_segs", "gro_max_size", "addr_gen_mode"}
)
"""The common fields that the kernel changes on a living link."""


IFNAME_CLAIM = "ifname"
"""The first word of the claims on names."""


def altname_claims(link: Link) -> Iterable[tuple[str, ...]]:
    """ifname and altnames share one name space. Source: net/core/dev.c netdev_name_node_add."""
    yield (IFNAME_CLAIM, link.netns, link.ifname)
    for name in link.altnames or ():
        yield (IFNAME_CLAIM, link.netns, name)


IPV6_MIN_MTU = 1280
"""RFC 8200 section 5: below it the kernel takes IPv6 off the link."""


KEPT_BY_MASTERS = frozenset({"fdb", "bridge-port", "bridge-vlans"})
"""Tables of what a bridge keeps of its ports."""


def lost_by_vrf(dependent: KernelObject) -> bool:
    """Whether it falls off a link that joins or leaves a VRF: the link goes down and up again. Source:
    drivers/net/vrf.c cycle_netdev."""
    return dependent.key.table in ("route", "neighbour") or getattr(dependent, "family", 4) == 6


def link_cascade(before: Link, after: Link, dependent: KernelObject) -> bool:
    """A new MAC flushes the neighbours, permanent ones too; a link that goes down or below IPv6's least MTU loses its
    IPv6 addresses and routes; one that leaves its bridge loses what that keeps of it. Source: net/core/neighbour.c
    neigh_changeaddr, net/ipv6/addrconf.c addrconf_ifdown, net/bridge/br_if.c del_nbp."""
    if after.mac not in (None, before.mac) and dependent.key.table == "neighbour":
        return True
    if after.master not in (None, before.master) and (before.in_vrf or after.in_vrf):
        return lost_by_vrf(dependent)
    if after.master not in (None, before.master) and dependent.key.table in KEPT_BY_MASTERS:
        return link_key(before.netns, before.master or "") in dependent.lives_on
    falls = (before.mtu or 0) >= IPV6_MIN_MTU > (after.mtu or IPV6_MIN_MTU) or (before.up and after.up is False)
    return bool(falls) and getattr(dependent, "family", 4) == 6
