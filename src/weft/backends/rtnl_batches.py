"""Which changes of a commit go together, and in what steps. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from weft.kinds.link.common import Link
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.state import Change, KernelObject, Key, Op, link_key


def links_made(changes: Iterable[Change]) -> dict[Key, Link]:
    """By key; at the same key another one may go before."""
    return {c.key: c.after for c in changes if c.op is Op.CREATE and isinstance(c.after, Link)}


def is_link_made(change: Change) -> bool:
    return change.op is Op.CREATE and isinstance(change.after, Link)


def in_batches(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Runs of links that are made together, and runs of everything else. A link comes in a later run than what it
    stands on, which may not be born at the first try, and than its master, which has to be dressed first: a port may
    change a bridge's MTU."""
    for made, run in groupby(changes, key=is_link_made):
        if not made:
            yield list(run)
            continue
        batch: list[Change] = []
        keys: set[Key] = set()
        for change in run:
            if not keys.isdisjoint(_below(change.object)):
                yield batch
                batch, keys = [], set()
            batch.append(change)
            keys.add(change.key)
        yield batch


def _below(link: KernelObject) -> Iterator[Key]:
    yield from link.lives_on
    if isinstance(link, Link) and link.master:
        yield link_key(link.netns, link.master)


def in_single_steps(changes: Sequence[Change]) -> Sequence[Change]:
    """Links and namespaces that are replaced: first all deletions, the other way round, then the rest in its order."""
    replaced = [c for c in changes if c.op is Op.REPLACE and isinstance(c.before, Link | Namespace)]
    if not replaced:
        return changes
    made = {change.key: Change(Op.CREATE, None, change.after) for change in replaced}
    gone = [Change(Op.DELETE, change.before, None) for change in reversed(replaced)]
    return [*gone, *(made.get(change.key, change) for change in changes)]


def from_the_busier_side(changes: Sequence[Change]) -> dict[Key, Change]:
    """Deletions of veths that had better be done by their other end, in whose namespace more of them are to go: links
    that go in a row go at once. By the key of the end that was meant."""
    gone = [(change, change.before) for change in changes if change.op is Op.DELETE and isinstance(change.before, Veth)]
    count = Counter(netns for _, end in gone for netns in {end.netns, end.peer_netns})
    return {
        change.key: Change(Op.DELETE, _other_end(end), None)
        for change, end in gone
        if count[end.peer_netns] > count[end.netns]
    }


def _other_end(end: Veth) -> Veth:
    return Veth(netns=end.peer_netns, ifname=end.peer_ifname, peer_netns=end.netns, peer_ifname=end.ifname)
