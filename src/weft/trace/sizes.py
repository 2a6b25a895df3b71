"""What becomes of a large packet on its way: where it does not fit, who is told, and where it is split.

Rules: who routes it by a link knows that link's MTU: it splits what may be split (of IPv6 only who sends it), else it
tells the sender. What is too large for a link behind, a bridge's port or the other end of a pair, is dropped there
and nobody is told. Up to four bytes more, room for a tag, pass some of these: that is not counted on. Source: RFC 791,
RFC 8200 section 5, RFC 1191, net/core/dev.c is_skb_forwardable.
"""

from __future__ import annotations

from collections.abc import Iterator

from weft.reach import World
from weft.reach.steps import Carried
from weft.state import Key
from weft.trace.names import Names, port_name
from weft.trace.records import Hop, Sort

_HEADER_BYTES = {4: 20, 6: 40}
_FRAGMENT_BYTES = {4: 0, 6: 8}
"""Of the header that each piece has beside."""
_UNIT_BYTES = 8
"""All pieces but the last are a multiple of it."""


class Large:
    """One packet on one way. `size`: with its header, in bytes, None for one that fits everywhere; `whole`: it may not
    be split."""

    def __init__(self, world: World, names: Names, size: int | None, *, whole: bool) -> None:
        self._world, self._names, self._size, self._whole = world, names, size, whole
        self._piece = size

    def at(self, step: Carried) -> Iterator[Hop]:
        """What it meets between two that route it."""
        if self._size is None or self._piece is None or step.at is None:
            return
        family = 6 if ":" in step.target else 4
        out = self._world.fabric.link(step.out)
        mtu = out.mtu if out is not None and out.mtu else self._piece
        if self._piece > mtu:
            if self._whole or (family == 6 and step.came_by):
                yield self._stop(step.out, mtu, self._told(step))
                return
            self._piece = mtu
            yield self._split(step.out, mtu, family)
        yield from self._behind(step)

    def _behind(self, step: Carried) -> Iterator[Hop]:
        """Over links on which nobody routes."""
        links = [link for link in map(self._world.fabric.link, step.passed) if link is not None and link.mtu]
        least = min(links, key=lambda link: link.mtu or 0, default=None)
        if least is not None and least.mtu and self._piece is not None and self._piece > least.mtu:
            yield self._stop(least.key, least.mtu, "nobody is told that it is dropped")

    def _told(self, step: Carried) -> str:
        if not step.came_by:
            return "it is not even sent"
        return f"{self._names.place(step.out.netns)} tells who sent it, which then sends smaller ones"

    def _stop(self, key: Key, mtu: int, more: str) -> Hop:
        said = f"{self._name(key)} takes packets of {mtu} bytes at most: {more}"
        return self._hop(key, said, passes=False)

    def _split(self, key: Key, mtu: int, family: int) -> Hop:
        assert self._size is not None
        room = (mtu - _HEADER_BYTES[family] - _FRAGMENT_BYTES[family]) // _UNIT_BYTES * _UNIT_BYTES
        pieces = -(-(self._size - _HEADER_BYTES[family]) // room)
        return self._hop(key, f"goes by {self._name(key)} in {pieces} pieces of at most {mtu} bytes", passes=True)

    def _name(self, key: Key) -> str:
        path = self._names.port_of(key)
        return port_name(path) if path else self._names.link(key)

    def _hop(self, key: Key, said: str, *, passes: bool) -> Hop:
        return Hop(
            place=self._names.place(key.netns),
            netns=key.netns,
            sort=Sort.MTU,
            said=said,
            passes=passes,
            path=self._names.path(key),
            keys=(key,),
        )
