"""Several links as one: the row. Source: ip-link(8) TYPE bond, Documentation/networking/bonding.rst.

Rules: mode, what becomes of MACs, and what LACP says belong to a bond for life: the kernel changes them only while the
bond is down or has no member, which costs what stands on it as much as a new bond, and the plan of a new one says so.
A primary that is there before the bond is named at its birth, and the kernel keeps the name; one that is not names
itself as it joins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from weft.errors import KernelRefused
from weft.kinds import command
from weft.kinds.base import Names, Request
from weft.kinds.link import writing
from weft.kinds.link.bonding import MODES_OF, Bond, name_primary
from weft.kinds.link.fields import Field, Own, Word, choice, number, numbered, row, written
from weft.kinds.link.reading import Seen
from weft.state import Change, Op, link_key
from weft.wire.bond import (
    BOND,
    BOND_DATA,
    IFLA_BOND_AD_LACP_RATE,
    IFLA_BOND_AD_SELECT,
    IFLA_BOND_ARP_INTERVAL,
    IFLA_BOND_ARP_IP_TARGET,
    IFLA_BOND_ARP_VALIDATE,
    IFLA_BOND_DOWNDELAY,
    IFLA_BOND_FAIL_OVER_MAC,
    IFLA_BOND_MIIMON,
    IFLA_BOND_MIN_LINKS,
    IFLA_BOND_MODE,
    IFLA_BOND_PRIMARY,
    IFLA_BOND_PRIMARY_RESELECT,
    IFLA_BOND_UPDELAY,
    IFLA_BOND_XMIT_HASH_POLICY,
    arp_targets,
)
from weft.wire.codec import u32
from weft.wire.link import link_info

MODES = numbered("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
XMIT_HASH_POLICIES = numbered("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac")
LACP_RATES = numbered("slow", "fast")
AD_SELECTS = numbered("stable", "bandwidth", "count")
FAIL_OVER_MACS = numbered("none", "active", "follow")
PRIMARY_RESELECTS = numbered("always", "better", "failure")
ARP_VALIDATES = numbered("none", "active", "backup", "all", "filter", "filter_active", "filter_backup")
"""Words by the kernel's numbers. Source: linux/if_bonding.h, drivers/net/bonding/bond_options.c."""

_TARGETS = Field(
    lambda bond: arp_targets(bond.arp_ip_target),
    lambda data: tuple(sorted(data.get(IFLA_BOND_ARP_IP_TARGET, ()))),
    lambda bond: ("arp_ip_target", ",".join(bond.arp_ip_target)),
)

_OWN = Own(
    kind=BOND,
    table=BOND_DATA,
    fields={
        "mode": choice("mode", IFLA_BOND_MODE, "mode", MODES),
        "miimon": number("miimon", IFLA_BOND_MIIMON, "miimon", u32),
        "updelay": number("updelay", IFLA_BOND_UPDELAY, "updelay", u32),
        "downdelay": number("downdelay", IFLA_BOND_DOWNDELAY, "downdelay", u32),
        "arp_interval": number("arp_interval", IFLA_BOND_ARP_INTERVAL, "arp_interval", u32),
        "arp_ip_target": _TARGETS,
        "arp_validate": choice("arp_validate", IFLA_BOND_ARP_VALIDATE, "arp_validate", ARP_VALIDATES, u32),
        "primary_reselect": choice(
            "primary_reselect", IFLA_BOND_PRIMARY_RESELECT, "primary_reselect", PRIMARY_RESELECTS
        ),
        "fail_over_mac": choice("fail_over_mac", IFLA_BOND_FAIL_OVER_MAC, "fail_over_mac", FAIL_OVER_MACS),
        "xmit_hash_policy": choice(
            "xmit_hash_policy", IFLA_BOND_XMIT_HASH_POLICY, "xmit_hash_policy", XMIT_HASH_POLICIES
        ),
        "lacp_rate": choice("lacp_rate", IFLA_BOND_AD_LACP_RATE, "lacp_rate", LACP_RATES),
        "ad_select": choice("ad_select", IFLA_BOND_AD_SELECT, "ad_select", AD_SELECTS),
        "min_links": number("min_links", IFLA_BOND_MIN_LINKS, "min_links", u32),
    },
)
"""All but the primary, which is a link and not a number."""

_IN_PLACE = (
    "miimon updelay downdelay arp_interval arp_ip_target arp_validate primary primary_reselect xmit_hash_policy "
    "min_links"
).split()


def _create(bond: Bond, names: Names) -> Iterator[Request]:
    primary = _there(bond, names)
    known = (u32(IFLA_BOND_PRIMARY, primary),) if primary else ()
    yield writing.birth(bond, names, link_info(BOND, *written(_OWN.fields, bond), *known))
    yield from writing.dress(bond, names, ())


def _there(bond: Bond, names: Names) -> int:
    """The index of a primary that is there already, else 0."""
    key = link_key(bond.netns, bond.primary or "")
    if not bond.primary or names.coming(key) is not None:
        return 0
    try:
        return names.ifindex(key)
    except KernelRefused:
        return 0


def _update(before: Bond, after: Bond, names: Names) -> Iterator[Request]:
    yield from writing.update(before, after, names, *_OWN.change(_undelayed(before, after), after))
    if after.primary not in (None, before.primary):
        yield name_primary(after, names)


_make_or_drop = writing.requests_with(Bond, _create)


def _requests(change: Change, names: Names) -> Iterator[Request]:
    before, after = change.before, change.after
    if change.op is Op.UPDATE and isinstance(before, Bond) and isinstance(after, Bond):
        return _update(before, after, names)
    return _make_or_drop(change, names)


def _undelayed(before: Bond, after: Bond) -> Bond:
    """The kernel counts delays in miimons, so that another miimon changes them: they are said again with it. Source:
    drivers/net/bonding/bond_netlink.c bond_fill_info."""
    return before if after.miimon == before.miimon else replace(before, updelay=None, downdelay=None)


def _script_change(before: Bond, after: Bond) -> tuple[Word, ...]:
    return _OWN.script_change(_undelayed(before, after), after)


def _script_primary(change: Change) -> Iterator[str]:
    """When it is there: ip asks the kernel for its number."""
    before, after = change.before, change.after
    had = before.primary if change.op is Op.UPDATE and isinstance(before, Bond) else ""
    if isinstance(after, Bond) and after.primary not in (None, had):
        words = ("type", BOND, "primary", after.primary or "none")
        yield command.ip(after.netns, "link", "set", "dev", after.ifname, *words)


def _parse(seen: Seen) -> Bond:
    """Without what the mode does not know: the kernel tells all of it, and refuses a bond that is given it."""
    own = {**_OWN.read(seen), "primary": seen.other.name if seen.other else ""}
    unknown = {name: None for name, modes in MODES_OF.items() if own["mode"] not in modes}
    return Bond(**{**own, **unknown})


ROW = row(
    Bond,
    _OWN,
    *_IN_PLACE,
    below=lambda info: int(info.read(BOND_DATA).get(IFLA_BOND_PRIMARY, 0)),
    requests=_requests,
    script=writing.script_with(Bond, _OWN.script_create, _script_change),
    closing=_script_primary,
    parse=_parse,
)
