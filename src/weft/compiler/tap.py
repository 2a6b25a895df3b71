"""A port of a virtual machine: a tap on the host, stitched to the port's end on the bridge.

Rules: the tap stays in the host's namespace under the user's name, for QEMU opens it there. What comes out of it is
sent on to the stitch, and what comes out of the stitch to the tap, by one ingress rule each. The guest sets its own
address, so the kernel holds none: the stitch's alias remembers which one is reserved.
"""

from __future__ import annotations

from weft.compiler.accounts import openers
from weft.compiler.draft import Draft
from weft.compiler.naming import mac
from weft.compiler.place import PortPlace, bridge_end, outer_ifname
from weft.compiler.settings import compile_tuning
from weft.kinds.link.tap import Tap
from weft.kinds.link.veth import Veth
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.table import NftTable
from weft.model.intent import TapAttach
from weft.state import HOST

STITCH_PREFIX = "ws"
_INSTEAD = "attach the port to a netns, or load what is missing"


def compile_tap(draft: Draft, place: PortPlace, attach: TapAttach) -> None:
    """Put the tap, the stitch, and the rules between them."""
    if place.network.shared is not None:
        what = f"network {place.network.name} has no bridge: its ports stand on a link of the host's themselves"
        draft.error((*place.path, "attach"), what, "a segment without `mode`, or a port in a netns")
        return
    for feature in ("tap", "nft_netdev", "nft_fwd"):
        draft.need(feature, place.path, _INSTEAD)
    if place.port.routes:
        draft.error((*place.path, "routes"), "the routes of a tap's port are its guest's", "set them in the guest")
    ifname, altnames = outer_ifname(draft, place, attach.name, f"wt{place.short}")
    stitch = f"{STITCH_PREFIX}{place.short}"
    draft.link(bridge_end(place, HOST, stitch), place.path)
    draft.link(_stitch(draft, place, stitch), place.path)
    tap = _tap(draft, place, attach, ifname, altnames)
    compile_tuning(draft, tap.key, place.port.tuning, place.path)
    if draft.link(tap, place.path):
        _forward(draft, place, ifname, stitch)


def _stitch(draft: Draft, place: PortPlace, ifname: str) -> Veth:
    return Veth(
        netns=HOST,
        ifname=ifname,
        alias=" ".join((place.mark, *place.held)),
        mac=mac(place.id, "stitch"),
        mtu=place.mtu,
        up=True,
        addr_gen_mode=draft.silence(place.mtu),
        peer_netns=place.network.netns,
        peer_ifname=place.bridge_ifname,
    )


def _tap(draft: Draft, place: PortPlace, attach: TapAttach, ifname: str, altnames: tuple[str, ...]) -> Tap:
    owner, group = openers(draft, (*place.path, "attach", "tap"), attach.owner, attach.group)
    return Tap(
        netns=HOST,
        ifname=ifname,
        alias=place.alias,
        mac=mac(place.id, "tap"),
        mtu=place.mtu,
        up=True,
        addr_gen_mode=draft.silence(place.mtu),
        altnames=altnames,
        owner=owner,
        group=group,
        multi_queue=attach.queues > 1,
        vnet_hdr=attach.vnet_hdr,
    )


def _forward(draft: Draft, place: PortPlace, tap: str, stitch: str) -> None:
    table = draft.names.table
    draft.share(NftTable(netns=HOST, family="netdev", name=table), place.path)
    for device, other in ((tap, stitch), (stitch, tap)):
        draft.put(
            NftChain(
                netns=HOST,
                family="netdev",
                table=table,
                name=f"in-{device}",
                rules=(f'fwd to "{other}"',),
                type="filter",
                hook="ingress",
                device=device,
            ),
            place.path,
        )
