"""Messages of one commit on their way to the kernel, in the order in which they are put in.

Rules: messages of one namespace in a row go in one send, and what goes to another waits until the kernel has answered
for them. Links deleted in a row go at once, by a group that has no other member.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from errno import EBUSY, EEXIST, ENOENT
from itertools import groupby
from typing import TypeAlias

from weft.backends.rtnl_numbers import Numbers
from weft.backends.rtnl_refusals import is_content, refuse, with_culprit
from weft.errors import KernelRefused
from weft.kinds.link.veth import Veth
from weft.kinds.verbs import Birth, DropLink
from weft.netlink.kept import Kept, NamespaceGone, Place
from weft.state import Change, Op
from weft.wire.codec import u32
from weft.wire.link import IFLA_GROUP, delete_group, delete_link, get_link, read_link, set_link
from weft.wire.reply import Reply

GROUP_LINKS = 2000
"""So many links go by one group: what concerns them fits one send."""

TAKEN = frozenset({EBUSY, EEXIST})
"""What the kernel says of an index or a name that somebody has."""


Payload: TypeAlias = bytes | Birth | DropLink

_Item: TypeAlias = tuple[Change, Payload, bytes]
"""Something to be sent, on whose behalf, and as a message, which a link that goes gets when it is known beside whom."""


class Outbox:
    """`unborn`: links that could not be made for their index alone, since it was last emptied."""

    def __init__(self, kept: Kept, numbers: Numbers) -> None:
        self.unborn: list[Change] = []
        self._kept, self._numbers = kept, numbers
        self._netns = ""
        self._waiting: list[_Item] = []

    def put(self, change: Change, netns: str, payload: Payload) -> None:
        """Raises: as flush."""
        if netns != self._netns:
            self.flush()
            self._netns = netns
        if isinstance(payload, bytes):
            self._waiting.append((change, payload, payload))
        elif isinstance(payload, Birth):
            self._waiting.append((change, payload, payload.message))
        else:
            self._waiting.append((change, payload, b""))

    def flush(self) -> None:
        """Have the kernel answer for all that was put in.

        Raises: KernelRefused, NotPermitted, ReceiveOverrun.
        """
        sent = list(self._by_groups(self._waiting))
        self._waiting = []
        place = self._place(sent) if sent else None
        if place is None:
            return
        for failure in place.rtnl.change([message for _, _, message in sent]):
            self._judge(*sent[failure.at], failure.reply)

    def _place(self, sent: Sequence[_Item]) -> Place | None:
        """Where to send; None where nothing but deletions was meant for a namespace that is gone."""
        try:
            return self._kept.at(self._netns)
        except NamespaceGone as gone:
            for change, _, _ in sent:
                if change.op is not Op.DELETE:
                    raise KernelRefused(str(change), ENOENT, str(gone)) from gone
            return None

    def _by_groups(self, waiting: Sequence[_Item]) -> Iterator[_Item]:
        """Links that go in a row, several at a time."""
        for dropping, items in groupby(waiting, key=_is_dropped):
            if dropping:
                yield from self._dropped([(change, payload) for change, payload, _ in items])
            else:
                yield from items

    def _dropped(self, links: Sequence[tuple[Change, Payload]]) -> Iterator[_Item]:
        drops = [(change, drop) for change, drop in links if isinstance(drop, DropLink)]
        if len(drops) == 1:
            yield *drops[0], delete_link(drops[0][1].index)
            return
        for start in range(0, len(drops), GROUP_LINKS):
            group = self._numbers.spare_group()
            for change, drop in drops[start : start + GROUP_LINKS]:
                yield change, drop, set_link(drop.index, u32(IFLA_GROUP, group))
            yield change, drop, delete_group(group)

    def _judge(self, change: Change, payload: Payload, message: bytes, reply: Reply) -> None:
        """What to make of a refusal. Raises: KernelRefused, NotPermitted."""
        if is_content(change, message, reply):
            return
        if isinstance(payload, Birth) and reply.errno_ in TAKEN and not self.name_is_taken(change):
            self.unborn.append(change)
            return
        refuse(change, with_culprit(message, reply))

    def name_is_taken(self, change: Change) -> bool:
        """Whether a link could not be made for its name, or its other end's, and not for the index chosen."""
        link = change.object
        keys = [link.key, *((link.peer,) if isinstance(link, Veth) else ())]
        answers = (self._kept.at(key.netns).rtnl.ask([get_link(ifname=key.name)], read_link)[0] for key in keys)
        return any(not isinstance(answer, Reply) for answer in answers)


def _is_dropped(item: _Item) -> bool:
    return isinstance(item[1], DropLink)
