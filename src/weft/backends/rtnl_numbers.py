"""Indexes of links: of those that are there, and reserved for those about to be made.

Rules: what was learned serves from one look to the next only, and only while its label names the namespace that it
was learned in: in another one the same number, or name, is somebody else's. A reserved index lies above all that was
seen in its namespace, and where the namespace was not seen whole, or is the host's, at a random place far above what
the kernel gives out itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from errno import ENODEV
from pathlib import Path
from random import randrange

from weft.backends.birthplace import udev_listens
from weft.errors import KernelRefused
from weft.kinds import KINDS
from weft.kinds.link.common import Link
from weft.netlink.kept import Kept, NamespaceGone, Place
from weft.state import HOST, KernelObject, Key, link_key
from weft.wire.link import IFLA_GROUP, LinkMessage, get_link, read_link, read_promoting
from weft.wire.reply import Reply

HIGH = range(1_000_000, 8_000_000)
LOWEST = 10
"""Of what is reserved in a namespace of one's own; leaves the first ones to what is made there by hand."""


class Numbers:
    """`Names` of the kinds, for one backend."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._indexes: dict[Key, int] = {}
        self._links_in: dict[str, set[Key]] = {}
        self._kinds: dict[Key, str] = {}
        self._keeping: dict[Key, bool] = {}
        self._peers: dict[Key, Key] = {}
        self._next: dict[str, int] = {}
        self._groups: set[int] = set()
        self._coming: Mapping[Key, Link] = {}
        self._has_udev = False
        self._seen_in: dict[str, tuple[int, int]] = {}
        self._remade: set[str] = set()

    # What the kinds ask

    def ifindex(self, link: Key) -> int:
        index = self._indexes.get(link)
        return self._ask(link).ifindex if index is None else index

    def netns_fd(self, netns: str) -> int:
        return self._kept.at(netns).fd

    def coming(self, link: Key) -> KernelObject | None:
        return self._coming.get(link)

    def is_watched(self, netns: str) -> bool:
        return netns == HOST and self._has_udev

    def info_kind(self, link: Key) -> str:
        coming = self._coming.get(link)
        if coming is not None:
            return KINDS.of(coming).info_kind
        if link not in self._kinds:
            self._ask(link)
        return self._kinds[link]

    def keeps_secondaries(self, link: Key) -> bool:
        keeps = self._keeping.get(link)
        if keeps is None:
            answer = self._kept.at(link.netns).rtnl.ask([get_link(index=self.ifindex(link))], read_promoting)[0]
            if isinstance(answer, Reply):
                raise KernelRefused(f"the use of {link}", answer.errno_ or ENODEV, answer.text)
            keeps = self._keeping[link] = answer
        return keeps

    # What the backend tells

    def clear(self) -> None:
        """Before another look."""
        self._indexes.clear()
        self._links_in.clear()
        self._kinds.clear()
        self._keeping.clear()
        self._peers.clear()
        self._next.clear()
        self._groups.clear()
        self._seen_in.clear()
        self._remade.clear()

    def forget_the_remade(self) -> None:
        """Before a commit: what was learned of a label that names another namespace by now is worth nothing."""
        for netns in [netns for netns, identity in self._seen_in.items() if self._identity(netns) != identity]:
            self._turn_away(netns)

    def expect(self, links: Mapping[Key, Link]) -> None:
        """What the commit that begins is going to make."""
        self._coming, self._has_udev = links, udev_listens()

    def learn_from(self, place: Place, links: Iterable[LinkMessage]) -> None:
        if self._seen_in.get(place.netns, place.identity) != place.identity:
            self._turn_away(place.netns)
        self._seen_in[place.netns] = place.identity
        for seen in links:
            self.learn(place.netns, seen)

    def learn(self, netns: str, seen: LinkMessage) -> None:
        key = link_key(netns, seen.ifname)
        self._number(key, seen.ifindex)
        self._kinds[key] = seen.kind
        self._groups.add(seen.attributes.get(IFLA_GROUP, 0))

    def seen_whole(self, netns: str, highest: int) -> None:
        """All links of a namespace were seen, and `highest` is the greatest index among them."""
        self._remade.discard(netns)
        if netns != HOST:
            self._next[netns] = max(highest + 1, LOWEST)

    def pair(self, end: Key, other: Key) -> None:
        self._peers[end], self._peers[other] = other, end

    def are_paired(self, end: Key, other: Key) -> bool:
        """Whether these were seen, or made, as the two ends of one veth."""
        return self._peers.get(end) == other and end in self._indexes

    def reserve(self, link: Key, *, high: bool = False, device: str = "") -> None:
        """Choose an index for a link about to be made; again, another one. `high`: it must be free in a second
        namespace too, that which the link is made from, for the kernel looks for it in both. `device`: with the index
        it is the name of a file, of which all namespaces have one. Source: net/core/rtnetlink.c __rtnl_newlink."""
        index = None if high or device else self._next.get(link.netns)
        while index is None or link in self._indexes or (device and Path(f"{device}{index}").exists()):
            index = randrange(HIGH.start, HIGH.stop)
            self._indexes.pop(link, None)
        if not high and not device:
            self._next[link.netns] = index + 1
        self._number(link, index)

    def forget(self, link: Key) -> None:
        """Of a veth, both ends."""
        self._indexes.pop(link, None)
        self._links_in.get(link.netns, set()).discard(link)
        self._kinds.pop(link, None)
        self._keeping.pop(link, None)
        other = self._peers.pop(link, None)
        if other is not None:
            self.forget(other)

    def forget_namespace(self, netns: str) -> None:
        for key in self._links_in.pop(netns, ()):
            self.forget(key)
        self._next.pop(netns, None)
        self._seen_in.pop(netns, None)

    def spare_group(self) -> int:
        """A link group that nobody uses."""
        while (group := randrange(1 << 16, 1 << 32)) in self._groups:
            pass
        return group

    def _number(self, link: Key, index: int) -> None:
        self._indexes[link] = index
        self._links_in.setdefault(link.netns, set()).add(link)

    def _turn_away(self, netns: str) -> None:
        self.forget_namespace(netns)
        self._remade.add(netns)

    def _identity(self, netns: str) -> tuple[int, int] | None:
        try:
            return self._kept.at(netns).identity
        except NamespaceGone:
            return None

    def _ask(self, link: Key) -> LinkMessage:
        if link.netns in self._remade:
            raise KernelRefused(f"the use of {link}", ENODEV, "its namespace is another one since it was looked at")
        answer = self._kept.at(link.netns).rtnl.ask([get_link(ifname=link.name)], read_link)[0]
        if isinstance(answer, Reply):
            raise KernelRefused(f"the use of {link}", answer.errno_ or ENODEV, answer.text)
        self.learn(link.netns, answer)
        return answer
