"""A port's own policy, enforced at the port.

Rules: where a port has an end on a bridge, that end is the site: it is in the tenant's namespace, out of reach of who
owns the port's, and a tap's is the same. A port that stands on a link itself has its site at its end. What the port
is guaranteed on the way out is not kept here.
"""

from __future__ import annotations

from weft.compiler.draft import Draft
from weft.compiler.place import PortPlace
from weft.compiler.qos.put import put_shapings
from weft.compiler.qos.shaping import Shaping, shapings
from weft.compiler.qos.site import Site
from weft.kinds.link.common import Link


def port_shapings(draft: Draft, place: PortPlace, end: Link | None) -> tuple[Shaping, ...]:
    """What shapes a port. `end`: the link that it is, where it stands on another one itself."""
    site = Site(
        names=draft.names,
        netns=place.network.netns if end is None else end.netns,
        ifname=place.bridge_ifname if end is None else end.ifname,
        mtu=place.mtu,
        path=place.path,
        mark=place.mark,
        id=place.id,
        label=place.name,
        is_far_end=end is None,
        addr_gen_mode=None if end is None else draft.silence(place.mtu),
        features=draft.facts.features,
        cgroups=draft.facts.cgroups,
    )
    return shapings(site, place.qos)


def compile_port_qos(draft: Draft, place: PortPlace, end: Link | None = None) -> None:
    """Put what shapes a port. `end` as above."""
    if place.qos is not None:
        put_shapings(draft, port_shapings(draft, place, end))
