"""The pair of links between a network's bridge, in its tenant's namespace, and the bridge of the host's that it joins.

Rules: both ends have the MTU of what is below, whatever the network's own is: a smaller one would lower that of
somebody else's bridge. Of such a bridge the pair's end alone is weft's.
"""

from __future__ import annotations

from weft.compiler.draft import Draft
from weft.compiler.naming import altnames, mac, short_id
from weft.compiler.network import ETHERNET_MTU, NetworkPlace
from weft.kinds.link.bridge_vlan import BridgeVlans
from weft.kinds.link.veth import Veth
from weft.state import HOST, Key, link_key


def outer_end(network: NetworkPlace) -> Key:
    """The pair's end on the host's bridge."""
    return link_key(HOST, f"wj{short_id(network.id)}")


def compile_joint(draft: Draft, network: NetworkPlace) -> None:
    """Put the pair, where the network joins a bridge."""
    footing = network.footing
    if footing is None or footing.joined is None:
        return
    path = (*network.path, "segment")
    draft.need("veth", path, "load the kernel's veth module")
    inner = link_key(network.netns, f"wl{short_id(network.id)}")
    outer = outer_end(network)
    mtu = footing.below_mtu or ETHERNET_MTU
    readable = f"{draft.names.scope}.{network.tenant}.{network.name}.segment"
    ends = (
        (inner, outer, network.bridge, "segment", f"segment-{network.name}"),
        (outer, inner, footing.joined.name, "segment-peer", readable),
    )
    for at, peer, master, role, name in ends:
        draft.link(_end(draft, network, at, peer, master, role, name, mtu), path)
    if footing.vlan:
        vlans = (f"{footing.vlan} pvid untagged",)
        draft.put(BridgeVlans(netns=HOST, ifname=outer.name, master=footing.joined.name, vlans=vlans), path)


def _end(draft: Draft, network: NetworkPlace, at: Key, peer: Key, master: str, role: str, name: str, mtu: int) -> Veth:
    return Veth(
        netns=at.netns,
        ifname=at.name,
        alias=draft.names.mark("/".join((*network.path, "segment"))),
        mac=mac(network.id, role),
        mtu=mtu,
        up=True,
        master=master,
        addr_gen_mode=draft.silence(mtu) if at.netns == HOST else None,
        altnames=altnames(name),
        peer_netns=peer.netns,
        peer_ifname=peer.name,
    )
