"""Whether the host passes on what comes from routers, and what comes back to them. Source: ip-sysctl.rst."""

from __future__ import annotations

from collections.abc import Iterator

from weft.check.finding import Finding, ok
from weft.check.symptoms import Symptoms
from weft.kinds.setting.sysctl import FORWARDING, LINK_FORWARDING


def find(symptoms: Symptoms) -> Iterator[Finding]:
    for family, is_on in symptoms.forwarding.items():
        yield ok(f"IPv{family} forwarding is on") if is_on else _off(family, symptoms)
    for family, links in symptoms.still_links.items():
        if links:
            yield _still(family, links)
    yield from _reverse_path(symptoms)


def _off(family: int, symptoms: Symptoms) -> Finding:
    return Finding(
        level="error" if symptoms.has_transit and family == 4 else "note",
        what=f"IPv{family} forwarding is off",
        why="the host passes nothing on between its links; weft turns it on for the families of its uplinks",
        mend="weft apply, or by hand",
        command=f"sysctl -w {FORWARDING[family]}=1",
    )


def _still(family: int, links: tuple[str, ...]) -> Finding:
    return Finding(
        level="error",
        what=f"IPv{family} forwarding is on, but not for {', '.join(links)}",
        why="what comes in by these links is not passed on; somebody turned it off for each (networkd's IPForward=no "
        "or IPv4Forwarding=no, a sysctl)",
        mend="turn it on, and mend whoever turned it off",
        command="; ".join(f"sysctl -w {LINK_FORWARDING[family].format(link)}=1" for link in links),
    )


def _reverse_path(symptoms: Symptoms) -> Iterator[Finding]:
    if symptoms.strict_links and len(symptoms.egress_links) > 1:
        strict = ", ".join(symptoms.strict_links)
        yield Finding(
            level="warning",
            what=f"strict reverse path filter on {strict}, and default routes by {', '.join(symptoms.egress_links)}",
            why="answers that come in by another link than the one their sender is routed by are dropped",
            mend="ask for a route back by any link only",
            command="; ".join(f"sysctl -w net/ipv4/conf/{link}/rp_filter=2" for link in symptoms.strict_links),
        )
