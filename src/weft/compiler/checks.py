"""What is wrong between an intent and the machine's own routes, or between intents on one host.

Rules: pure comparisons of prefixes; what to do instead is always said.
"""

from __future__ import annotations

from collections.abc import Sequence

from weft.compiler.addressing import Span, overlaps
from weft.compiler.draft import Draft
from weft.compiler.network import NetworkPlace
from weft.compiler.place import PortPlace
from weft.model.intent import Uplink
from weft.state import HOST, Key


def check_routed(draft: Draft, routed: Sequence[NetworkPlace], unhidden: Sequence[Span] = ()) -> None:
    """The host routes to every subnet of a routed network, and to all that routers lead out untranslated (`unhidden`,
    each with the path of what asks for it): so they, and the host's own prefixes, must be apart."""
    spans = [
        pool.span._replace(path=(*network.path, "subnets", str(network.pools.index(pool))))
        for network in routed
        for pool in network.gateways
    ]
    spans += unhidden
    for wide, narrow in overlaps(spans):
        if wide.path[:4] != narrow.path[:4]:
            _report_both(draft, narrow, wide)
    for span in spans:
        for prefix in draft.host_prefixes.meeting(span):
            what = f"{span.cidr} meets the host's route to {prefix.cidr}"
            draft.misfit(span.path, Key("route", HOST, prefix.cidr), what, _instead(span))


def check_host_port(draft: Draft, place: PortPlace) -> None:
    """A port on the host puts the host itself on the network's subnets: the host must not reach them otherwise."""
    path, network = place.path, place.network.name
    if place.network.uplink is Uplink.ROUTED:
        draft.error(
            path,
            f"the host would be on network {network} and route to it as well",
            "`uplink: nat`, or no port on the host: it reaches a routed network without",
        )
    for assigned in place.addresses:
        subnet = assigned.pool.span
        for prefix in draft.host_prefixes.meeting(subnet):
            what = f"the host reaches {prefix.cidr} already; a port on it would draw {subnet.cidr} to network {network}"
            draft.misfit(path, Key("route", HOST, prefix.cidr), what, "another subnet, or a port in a netns")


def _report_both(draft: Draft, span: Span, other: Span) -> None:
    of = f"{other.path[2].removesuffix('s')} {other.path[1]}/{other.path[3]}"
    draft.error(span.path, f"{span.cidr} meets {other.cidr} of {of}; the host routes to both", _instead(span))


def _instead(span: Span) -> str:
    return f"another prefix, or {'`snat: true`' if span.path[2] == 'routers' else '`uplink: nat`'}"
