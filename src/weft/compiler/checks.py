"""What is wrong between intents rather than within one."""

from __future__ import annotations

from collections.abc import Sequence

from weft.compiler.addressing import Span, overlaps
from weft.compiler.draft import Draft
from weft.compiler.findings import Cause
from weft.compiler.network import Segment


def check_routed(draft: Draft, routed: Sequence[Segment]) -> None:
    """The host routes to every subnet of a routed network: so they, and the host's own routes, must be apart."""
    spans = [
        Span.of(pool.cidr, (*segment.path, "subnets", str(segment.pools.index(pool))))
        for segment in routed
        for pool in segment.gateways
    ]
    for wide, narrow in overlaps(spans):
        if wide.path[:-1] != narrow.path[:-1]:
            _report(draft, narrow, wide)
    foreign = [Span.of(route) for route in draft.facts.host_routes]
    for route in foreign:
        for span in spans:
            if span.meets(route) and not route.cidr.endswith("/0"):
                draft.error(
                    span.path,
                    f"{span.cidr} meets the host's route to {route.cidr}",
                    "another prefix, or `uplink: nat`",
                    Cause.MACHINE,
                )


def _report(draft: Draft, span: Span, other: Span) -> None:
    tenant, network = other.path[1], other.path[3]
    draft.error(
        span.path,
        f"{span.cidr} meets {other.cidr} of network {tenant}/{network}; the host routes to both",
        "another prefix, or `uplink: nat`",
    )
