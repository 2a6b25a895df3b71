"""Addresses and routes of the host that move from a link to the bridge that the link becomes a port of.

Rules: the bridge has the link's MAC, and a link-local address, so that the host's neighbours notice nothing. On the
link it is one setting with a former value; on the bridge each is an object of weft's. Nothing is left behind that would
lead nowhere: what cannot be moved is refused.
"""

from __future__ import annotations

from dataclasses import replace

from weft.compiler.draft import Draft
from weft.compiler.settings import put_link_setting
from weft.facts import Belongings, ForeignLink
from weft.kinds.ip.address import Address
from weft.kinds.setting.belongings import ADDRESSES, objects, readable
from weft.model.intent import Intent, Path
from weft.model.links import BridgeLink
from weft.state import Key

_NONE = Belongings()


def giving_links(intent: Intent) -> frozenset[str]:
    """The links of the host's that may give their addresses away: it is enough that one network says so."""
    segments = (network.segment for tenant in intent.tenants.values() for network in tenant.networks.values())
    return frozenset(found.link for found in segments if found and found.link and found.take_addresses)


def can_give(draft: Draft, link: Key, path: Path) -> bool:
    """Whether all that the link has may go, or is thought of as if it might; if not, a finding for each reason."""
    found = draft.facts.belongings.get(link.name, _NONE)
    for bar in found.bars:
        fix = "give it for good, on a bridge of yours if somebody renews it; `vlan:` or `mode: macvlan` leave it alone"
        draft.misfit(path, link, f"{link.name} does not give all its addresses away: {bar}", fix)
    if found.since:
        what = f"{link.name} has got {found.since} since its addresses moved"
        fix = "take it out there; what the host is to have beside those goes to the bridge, by the file or by hand"
        draft.misfit(path, link, what, fix)
    return draft.lenient or not (found.bars or found.since)


def mac_of(draft: Draft, link: Key) -> str | None:
    """The link's own, None where it is yet to be made, or another's may be there."""
    return None if draft.is_misfit(link) else draft.facts.belongings.get(link.name, _NONE).mac or None


def move_addresses(draft: Draft, link: Key, bridge: Key, path: Path) -> None:
    """Put what the link has on the bridge; from here on that is where the host's addresses are."""
    value = draft.facts.belongings.get(link.name, _NONE).value
    if not value:
        return
    for obj in objects(value, bridge.netns, bridge.name):
        draft.put(obj, path)
    put_link_setting(draft, link, ADDRESSES, "", path)
    there = draft.facts.links.get(link.name) or ForeignLink(ifname=link.name, absent=True)
    addresses = tuple(obj.cidr for obj in objects(value, bridge.netns, bridge.name) if isinstance(obj, Address))
    over = ForeignLink(ifname=bridge.name, link_kind=BridgeLink.kind, mtu=there.mtu, addresses=addresses)
    bared = replace(there, addresses=())
    draft.suppose({link.name: bared, bridge.name: over})
    what = f"{readable(value)}: what names {link.name} for the host's own traffic (a firewall, a daemon) finds it on"
    draft.warn(path, f"{what} {bridge.name} from then on")
