"""Elements of nft sets that cannot be there together: intervals that overlap.

Rules: pure and linear. What goes from a set of intervals and what comes into it change places in one transaction, as
the kernel takes none that overlaps with one that is there; which ones do is not asked, for all may. Single values never
overlap. Source: net/netfilter/nft_set_rbtree.c __nft_rbtree_insert, nft_set_pipapo.c nft_pipapo_insert.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from weft.kinds.nft.element import NftElement
from weft.state import Change, Key, Op


def swapped(changes: Collection[Change]) -> Iterator[Change]:
    """Deletions and creations of elements that are to be in one transaction."""
    going: dict[Key, list[Change]] = defaultdict(list)
    for change in changes:
        if change.key.table == "nft-element" and change.op is Op.DELETE:
            going[change.object.lives_on[0]].append(change)
    if not going:
        return
    coming: dict[Key, list[Change]] = defaultdict(list)
    for change in changes:
        if change.op is Op.CREATE and isinstance(change.object, NftElement):
            coming[change.object.lives_on[0]].append(change)
    for key, new in coming.items():
        both = [*going.get(key, ()), *new]
        if key in going and any(_is_interval(change) for change in both):
            yield from both


def _is_interval(change: Change) -> bool:
    held = change.object
    return isinstance(held, NftElement) and ("/" in held.element or "-" in held.element)
