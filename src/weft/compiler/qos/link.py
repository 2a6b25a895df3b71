"""The policies of links outside any tenant, enforced at the links.

Rules: what a link sends queues at its own root, and where the policy says no limit its capacity is one.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.draft import Draft
from weft.compiler.links.declared import Declaration, Declared
from weft.compiler.naming import identity, plain_ifname
from weft.compiler.network import ETHERNET_MTU
from weft.compiler.qos.admission import warn_of_queues
from weft.compiler.qos.policy import Asked, Policies
from weft.compiler.qos.put import put_shapings
from weft.compiler.qos.shaping import Shaping, shapings
from weft.compiler.qos.site import Site, Way
from weft.kinds.link.common import Link
from weft.kinds.setting.link import ROOT_QDISC
from weft.state import HOST, Key


def link_shapings(draft: Draft, key: Key, entry: Declaration, asked: Asked) -> tuple[Shaping, ...]:
    """What shapes a link."""
    place = "/".join(entry.path)
    mtu = _mtu(draft, key, entry)
    site = Site(
        names=draft.names,
        netns=key.netns,
        ifname=key.name,
        mtu=mtu,
        path=entry.path,
        mark=draft.names.mark(place),
        id=identity(draft.names.scope, place),
        label=key.name,
        is_foreign=_is_of_others(entry),
        capacity_bps=entry.spec.capacity,
        addr_gen_mode=draft.silence(mtu),
        features=draft.facts.features,
        cgroups=draft.facts.cgroups,
    )
    return shapings(site, asked)


def compile_links_qos(draft: Draft, declared: Declared, policies: Policies) -> None:
    """Put what shapes each link that asks for it."""
    for key, entry, asked in _asking(draft, declared, policies):
        if plain_ifname(key.name) or key.name == "lo":
            found = link_shapings(draft, key, entry, asked)
            put_shapings(draft, found)
            if key.netns == HOST and any(shaping.has_queue and shaping.way is Way.OUT for shaping in found):
                warn_of_queues(draft, key.name, (*entry.path, "qos"))
        else:
            what = f"{key.name!r} is no name that weft writes into rules"
            draft.error((*entry.path, "qos"), what, "letters, digits, '_', '.' and '-'")


def warn_of_roots_that_stay(draft: Draft, declared: Declared) -> None:
    """Of links whose root may give way, and none comes: when all that could take its place is there."""
    for key, entry in declared.items():
        use = entry.spec.qos
        if use is None or not use.replace or not _is_of_others(entry):
            continue
        if Key("link-setting", key.netns, f"{key.name} {ROOT_QDISC}") not in draft.state:
            what = f"nothing takes the place of {key.name}'s root qdisc: what it receives queues elsewhere"
            fix = "leave `replace` out, or say what it may send: `egress`"
            draft.warn((*entry.path, "qos", "replace"), what, fix)


def _asking(draft: Draft, declared: Declared, policies: Policies) -> Iterator[tuple[Key, Declaration, Asked]]:
    for key, entry in declared.items():
        asked = policies.find(draft, entry.spec.qos, (*entry.path, "qos"), on_others=_is_of_others(entry))
        if asked is not None:
            yield key, entry, asked


def _is_of_others(entry: Declaration) -> bool:
    return entry.spec.adopt or not entry.spec.kind


def _mtu(draft: Draft, key: Key, entry: Declaration) -> int:
    made, there = draft.state.get(key), draft.facts.links.get(key.name) if key.netns == HOST else None
    if isinstance(made, Link) and made.mtu:
        return made.mtu
    return entry.spec.mtu or (there.mtu if there else ETHERNET_MTU)
