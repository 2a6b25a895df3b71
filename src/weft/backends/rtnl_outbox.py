"""Messages of one commit on their way to the kernel, in the order in which they are put in.

Rules: messages of one namespace in a row go together, and what goes to another waits until the kernel has answered for
them. Of many, the kernel works on the first while those that follow are still being made: it does so on the thread
that sends, and needs no Python for it. Links deleted in a row go at once, by a group that has no other member. What the
kernel refuses is judged before anything more is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from errno import EBUSY, EEXIST, ENOENT
from itertools import groupby
from queue import SimpleQueue
from threading import Thread
from typing import TypeAlias

from weft.backends.rtnl_numbers import Numbers
from weft.backends.rtnl_refusals import is_content, refuse, with_culprit
from weft.errors import KernelRefused
from weft.kinds.link.veth import Veth
from weft.kinds.verbs import Birth, DropLink
from weft.netlink.connection import Connection, Failure
from weft.netlink.kept import Kept, NamespaceGone, Place
from weft.records import dataclass
from weft.state import Change, Op
from weft.wire.codec import u32
from weft.wire.link import IFLA_GROUP, delete_group, delete_link, get_link, read_link, set_link
from weft.wire.reply import Reply

GROUP_LINKS = 2000
"""So many links go by one group: what concerns them fits one send."""

AHEAD = 256
"""So many messages keep the kernel busy for some milliseconds, many times what handing them over costs."""

TAKEN = frozenset({EBUSY, EEXIST})
"""What the kernel says of an index or a name that somebody has."""


@dataclass(frozen=True, slots=True)
class _Item:
    """Something to be sent, and on whose behalf."""

    change: Change
    payload: bytes | Birth | DropLink


_Spelled: TypeAlias = Sequence[tuple[_Item, bytes]]
"""Each with its message."""


class _Sender(Thread):
    """Has the kernel work on what it is given. One that is never started, or given nothing, sends nothing."""

    def __init__(self) -> None:
        super().__init__(name="weft-rtnl", daemon=True)
        self._work: SimpleQueue[tuple[Connection, _Spelled] | None] = SimpleQueue()
        self._done: SimpleQueue[Sequence[Failure] | BaseException] = SimpleQueue()

    def run(self) -> None:
        while (work := self._work.get()) is not None:
            connection, items = work
            try:
                self._done.put(connection.change([message for _, message in items]))
            except BaseException as raised:  # whoever waits is told
                self._done.put(raised)

    def give(self, connection: Connection, items: _Spelled) -> None:
        self._work.put((connection, items))

    def failures(self) -> Sequence[Failure]:
        """Of what was given first, when the kernel is done with it. Raises: what sending did."""
        done = self._done.get()
        if isinstance(done, BaseException):
            raise done
        return done

    def end(self) -> None:
        """When the kernel is done with all that was given."""
        self._work.put(None)
        if self.is_alive():  # a signal may have come before it was: then it was given nothing
            self.join()


class Outbox:
    """`unborn`: links that could not be made for their index alone, since it was last emptied."""

    def __init__(self, kept: Kept, numbers: Numbers) -> None:
        self.unborn: list[Change] = []
        self._kept, self._numbers = kept, numbers
        self._netns = ""
        self._waiting: list[_Item] = []
        self._sender: _Sender | None = None
        self._under_way: _Spelled = ()

    def close(self) -> None:
        """Wait for what is under way, whatever comes of it; the rest is never sent."""
        if self._sender is not None:
            self._sender.end()

    def put(self, change: Change, netns: str, payload: bytes | Birth | DropLink) -> None:
        """Raises: as flush."""
        if netns != self._netns:
            self.flush()
            self._netns = netns
        self._waiting.append(_Item(change, payload))
        if len(self._waiting) >= AHEAD and not isinstance(payload, DropLink):
            self._send_ahead()

    def flush(self) -> None:
        """Have the kernel answer for all that was put in.

        Raises: KernelRefused, NotPermitted, ReceiveOverrun.
        """
        ready = self._ready()
        self._settle()
        if ready is not None:
            connection, items = ready
            self._judge_all(items, connection.change([message for _, message in items]))

    def _send_ahead(self) -> None:
        ready = self._ready()
        self._settle()
        if ready is None:
            return
        if self._sender is None:
            self._sender = _Sender()
            self._sender.start()
        self._sender.give(*ready)
        self._under_way = ready[1]

    def _settle(self) -> None:
        """Judge what is under way, when the kernel is done with it."""
        if self._sender is not None and self._under_way:
            under_way, self._under_way = self._under_way, ()
            self._judge_all(under_way, self._sender.failures())

    def _ready(self) -> tuple[Connection, _Spelled] | None:
        """All that waits, and where to send it; None where there is nothing, or nowhere."""
        waiting, self._waiting = self._waiting, []
        place = self._place(waiting) if waiting else None
        return (place.rtnl, list(self._spelled_out(waiting))) if place is not None else None

    def _place(self, waiting: list[_Item]) -> Place | None:
        """Where to send; None where nothing but deletions was meant for a namespace that is gone."""
        try:
            return self._kept.at(self._netns)
        except NamespaceGone as gone:
            for item in waiting:
                if item.change.op is not Op.DELETE:
                    raise KernelRefused(str(item.change), ENOENT, str(gone)) from gone
            return None

    def _spelled_out(self, waiting: list[_Item]) -> Iterator[tuple[_Item, bytes]]:
        for dropping, items in groupby(waiting, key=lambda item: isinstance(item.payload, DropLink)):
            if dropping:
                yield from self._dropped(list(items))
                continue
            for item in items:
                yield item, _as_message(item.payload)

    def _dropped(self, items: list[_Item]) -> Iterator[tuple[_Item, bytes]]:
        drops = [(item, item.payload.index) for item in items if isinstance(item.payload, DropLink)]
        if len(drops) == 1:
            yield drops[0][0], delete_link(drops[0][1])
            return
        for start in range(0, len(drops), GROUP_LINKS):
            group = self._numbers.spare_group()
            for item, index in drops[start : start + GROUP_LINKS]:
                yield item, set_link(index, u32(IFLA_GROUP, group))
            yield item, delete_group(group)

    def _judge_all(self, items: _Spelled, failures: Sequence[Failure]) -> None:
        """What to make of refusals. Raises: KernelRefused, NotPermitted."""
        for failure in failures:
            (item, message), reply = items[failure.at], failure.reply
            if is_content(item.change, message, reply):
                continue
            if isinstance(item.payload, Birth) and reply.errno_ in TAKEN and not self.name_is_taken(item.change):
                self.unborn.append(item.change)
                continue
            refuse(item.change, with_culprit(message, reply))

    def name_is_taken(self, change: Change) -> bool:
        """Whether a link could not be made for its name, or its other end's, and not for the index chosen."""
        link = change.object
        keys = [link.key, *((link.peer,) if isinstance(link, Veth) else ())]
        answers = (self._kept.at(key.netns).rtnl.ask([get_link(ifname=key.name)], read_link)[0] for key in keys)
        return any(not isinstance(answer, Reply) for answer in answers)


def _as_message(payload: bytes | Birth | DropLink) -> bytes:
    match payload:
        case Birth(message=message):
            return message
        case DropLink(index=index):
            return delete_link(index)
        case _:
            return payload
