"""Ports whose living connections a plan filters without knowing who began them.

Rules: pure. Connections of a tenant are followed from its first group on, whoever is in it; what began before is taken
up by the next packet, as if that were the first. Source: nf_conntrack_proto_tcp.c, nf_conntrack_tcp_loose.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.groups.layout import RECEIVERS, TRACKING
from weft.diff import Changes
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.state import Change


def unfollowed(changes: Changes) -> Iterator[Change]:
    """The changes by which ports that heard everything come behind groups, where nothing is followed yet."""
    begun = {key.netns for key, change in changes.items() if _begins(change)}
    for key, change in changes.items() if begun else ():
        before, after = change.before, change.after
        if key.netns not in begun or not isinstance(before, NftElement) or not isinstance(after, NftElement):
            continue
        if before.set == RECEIVERS and before.value == "accept" != after.value:
            yield change


def _begins(change: Change) -> bool:
    return change.before is None and isinstance(change.after, NftChain) and change.after.name == TRACKING
