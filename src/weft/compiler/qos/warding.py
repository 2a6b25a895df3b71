"""Who else stands on a link that is shared, and what keeps him out of its classes.

Rules: what leaves by a link passes its egress chain before it queues, under a priority that may be its sender's own. It
keeps it where a bridge, or the host's routing, gave it: in the VLANs that networks stand on, on a link that is a
bridge's port itself, where nobody else can stand, and under the link's own MAC. What leaves by any other VLAN of the
link that the file knows is nobody's who asked for anything. An ipvlan upon the link has its MAC, and a macvlan may send
in its VLANs: both are warned of.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from weft.compiler.draft import Draft
from weft.compiler.footing import Outlet
from weft.compiler.qos.marking import egress_chain
from weft.compiler.qos.nft_text import one_of
from weft.kinds.link.common import ChildLink
from weft.kinds.link.ipvlan import Ipvlan
from weft.kinds.link.macvlan import Macvlan
from weft.kinds.link.macvtap import Macvtap
from weft.kinds.link.vlan import Vlan
from weft.kinds.nft.table import NftTable
from weft.model.intent import Path
from weft.records import dataclass
from weft.state import HOST, Key, State, link_key

Upon = Mapping[Key, Sequence[ChildLink]]
"""What stands on links, by these."""

_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
"""What carries no Ethernet has none, and no macvlans either."""


def upon_links(state: State) -> Upon:
    """All that is made upon links."""
    found: dict[Key, list[ChildLink]] = {}
    for obj in state.values():
        if isinstance(obj, ChildLink):
            found.setdefault(obj.parent, []).append(obj)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """A link whose classes are kept from others. `mac`: its own, "" where that is not known; `default`: the class of
    what others send; `outlets`: by what frames that have a class leave by it; `is_port`: whether it is a bridge's, so
    that what leaves by it has any MAC."""

    link: str
    mac: str
    default: str
    outlets: Sequence[Outlet]
    is_port: bool


def ward_off(draft: Draft, ward: Ward, upon: Upon, path: Path) -> None:
    """Put the link's egress chain, where anybody else can send by it."""
    there = upon.get(link_key(HOST, ward.link), ())
    if rules := tuple(_rules(ward, there)):
        draft.share(NftTable(netns=HOST, family="netdev", name=draft.names.table), path)
        draft.put(egress_chain(draft, ward.link, rules), path)
    _warn(draft, ward, there)


def _rules(ward: Ward, there: Iterable[ChildLink]) -> Iterator[str]:
    own = {outlet.vid for outlet in ward.outlets if outlet.vid}
    ports = {outlet.port for outlet in ward.outlets}
    others = [obj for obj in there if isinstance(obj, Vlan) and obj.ifname not in ports]
    loses = f"meta priority set {ward.default}"
    if own:
        yield f"vlan id {_ids(own)} accept"
    if vids := {obj.vid for obj in others if obj.protocol == "802.1q"}:
        yield f"vlan id {_ids(vids)} {loses}"
    if any(obj.protocol != "802.1q" for obj in others):
        yield f"ether type 8021ad {loses}"
    if _MAC.fullmatch(ward.mac) and not ward.is_port:
        yield f"ether saddr != {ward.mac} {loses}"


def _ids(vids: Iterable[int]) -> str:
    return one_of(list(map(str, sorted(vids))))


def _warn(draft: Draft, ward: Ward, there: Iterable[ChildLink]) -> None:
    link, in_vlans = ward.link, any(outlet.vid for outlet in ward.outlets)
    kinds = (Ipvlan, Macvlan, Macvtap) if in_vlans else (Ipvlan,)
    found = next((obj for obj in there if isinstance(obj, kinds)), None)
    if isinstance(found, Ipvlan):
        what = f"an ipvlan upon {link} sends under its MAC: whoever is root there can get into any class of {link}'s"
        fix = "macvlans (`mode: macvlan`) where that is not to be trusted"
        draft.warn(draft.paths[found.key], what, fix)
    elif found is not None:
        what = f"a macvlan upon {link} can send in VLANs of {link}: whoever is root there can get into the class of a"
        what += " port that stands on one"
        draft.warn(draft.paths[found.key], what, "a link of its own for what is not to be trusted")
