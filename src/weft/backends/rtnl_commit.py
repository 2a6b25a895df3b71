"""Changes on their way to the kernel by rtnetlink.

Rules: messages of one namespace in a row go in one send, and what is sent to another waits for them. Links are made
first, under indexes chosen in advance, and nothing is said to such an index before the kernel has agreed to it. What
deletes what is gone is content, and so is what appends a route that is there. Links deleted in a row go at once, by a
group that has no other member.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from errno import EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, EIO, ENODEV, ENOENT, EPERM, ESRCH
from itertools import groupby
from typing import NoReturn

from weft.backends import macsec
from weft.backends.birthplace import Birthplace, udev_listens
from weft.backends.rtnl_batches import from_the_busier_side, in_batches, in_single_steps, is_link_made
from weft.backends.rtnl_numbers import Numbers
from weft.errors import KernelRefused, NotPermitted
from weft.kinds import KINDS
from weft.kinds.base import Request
from weft.kinds.link.common import Link
from weft.kinds.link.veth import Veth
from weft.kinds.netns import Namespace
from weft.kinds.verbs import (
    AddKey,
    Birth,
    DropLink,
    DropNamespace,
    GiveDevice,
    MacsecVerb,
    MakeNamespace,
    SecureChannel,
    SetFeatures,
    TapBirth,
)
from weft.netlink import doors
from weft.netlink.connection import Connection
from weft.netlink.kept import Kept, NamespaceGone, Place
from weft.netlink.namespaces import entered
from weft.netlink.tun import make_tap
from weft.records import dataclass
from weft.state import HOST, Change, KernelObject, Mark, Op
from weft.wire.codec import NLM_F_APPEND, flags_of, kind_of, u32
from weft.wire.ethtool import set_features
from weft.wire.ifaddr import IFADDR_SIZE, RTM_DELADDR, RTM_NEWADDR
from weft.wire.link import (
    IFINFO_SIZE,
    IFLA_GROUP,
    IFLA_IFALIAS,
    LOOPBACK_INDEX,
    RTM_DELLINK,
    RTM_NEWLINK,
    delete_group,
    delete_link,
    get_link,
    read_link,
    set_link,
)
from weft.wire.macsec import FAMILY as MACSEC
from weft.wire.macsec import get_secured, read_secured
from weft.wire.neighbour import RTM_DELNEIGH
from weft.wire.reply import Reply, attribute_at
from weft.wire.route import RTM_DELROUTE, RTM_NEWROUTE, RTMSG_SIZE
from weft.wire.rule import FIB_RULE_SIZE, RTM_DELRULE, RTM_NEWRULE
from weft.wire.tc import RTM_DELQDISC, RTM_DELTCLASS, RTM_NEWQDISC, RTM_NEWTCLASS, TCMSG_SIZE

TRIES = 8
"""So often is another index chosen where the chosen one is taken."""

GROUP_LINKS = 2000
"""So many links go by one group: what concerns them fits one send."""

_GONE = frozenset({ENODEV, ENOENT, ESRCH, EADDRNOTAVAIL})
_DELETIONS = frozenset({RTM_DELLINK, RTM_DELADDR, RTM_DELROUTE, RTM_DELRULE, RTM_DELNEIGH, RTM_DELQDISC, RTM_DELTCLASS})
_TAKEN = frozenset({EBUSY, EEXIST})
_OPEN_ALREADY = frozenset({EEXIST})
"""A channel whose keys are all gone is not told by the kernel, and still open."""


@dataclass(frozen=True, slots=True)
class _Item:
    """Something to be sent, and on whose behalf."""

    change: Change
    payload: bytes | Birth | DropLink


class Commit:
    """One commit: `run` is called once."""

    def __init__(self, kept: Kept, numbers: Numbers) -> None:
        self._kept, self._numbers = kept, numbers
        self._netns = ""
        self._waiting: list[_Item] = []
        self._unborn: list[Change] = []
        self._birthplace: Birthplace | None = None

    def run(self, changes: Sequence[Change]) -> None:
        """Raises: KernelRefused, NotPermitted, ReceiveOverrun."""
        try:
            self._run(changes)
        finally:
            if self._birthplace is not None:
                self._birthplace.close()

    def _run(self, changes: Sequence[Change]) -> None:
        self._numbers.forget_the_remade()
        changes = in_single_steps(changes)
        self._numbers.expect(c.after for c in changes if c.op is Op.CREATE and c.after is not None)
        fellows = from_the_busier_side(changes)
        for some in in_batches(changes):
            if is_link_made(some[0]):
                self._make_links(some)
                continue
            for change in some:
                instead = fellows.get(change.key) if change.op is Op.DELETE else None
                self._post_all(change, self._by_fellow(change, instead) or self._requests(change))
        self._flush()

    def _by_fellow(self, change: Change, instead: Change | None) -> list[Request]:
        """The deletion of a veth by its other end, where that is known to be still there."""
        paired = instead is not None and self._numbers.are_paired(instead.key, change.key)
        return self._requests(instead) if instead and paired else []

    def _requests(self, change: Change) -> list[Request]:
        """None for a deletion of what is on a link that is gone."""
        try:
            return list(KINDS.of(change.object).requests(change, self._numbers))
        except (KernelRefused, NamespaceGone) as failure:
            if change.op is Op.DELETE:
                return []
            code = failure.errno_ if isinstance(failure, KernelRefused) else ENOENT
            raise KernelRefused(str(change), code, str(failure)) from failure

    def _make_links(self, changes: list[Change]) -> None:
        """Births first; when all are born, the rest."""
        for change in changes:
            self._reserve(change)
        unborn = changes
        for _ in range(TRIES):
            requests = [(change, self._requests(change)) for change in changes]
            awaited = {change.key for change in unborn}
            for change, some in requests:
                if change.key in awaited:
                    self._post_all(change, [request for request in some if _is_birth(request)])
            self._flush()
            unborn, self._unborn = self._unborn, []
            if not unborn:
                break
            for change in unborn:
                self._reserve(change)
        else:
            raise KernelRefused(
                str(unborn[0]), EBUSY, "busy: a link like it is there under another name, or no index is free"
            )
        for change, some in requests:
            self._post_all(change, [request for request in some if not _is_birth(request)])

    def _reserve(self, change: Change) -> None:
        link = change.after
        if isinstance(link, Veth):
            if link.leads:
                self._numbers.reserve(link.key)
                self._numbers.reserve(link.peer)
                self._numbers.pair(link.key, link.peer)
        elif isinstance(link, Link):
            self._numbers.reserve(link.key, high=link.made_in != link.netns, device=link.device)

    def _post_all(self, change: Change, requests: Iterable[Request]) -> None:
        for request in requests:
            match request.payload:
                case bytes() | Birth() | DropLink() as payload:
                    if request.netns != self._netns:
                        self._flush()
                        self._netns = request.netns
                    self._waiting.append(_Item(change, payload))
                case verb:
                    self._flush()
                    self._do(change, request.netns, verb)
        self._forget(change)

    def _forget(self, change: Change) -> None:
        """The numbers of what is deleted are worth nothing from here on."""
        if change.op is not Op.DELETE:
            return
        match change.before:
            case Link() as link:
                self._numbers.forget(link.key)
            case Namespace(name=name):
                self._numbers.forget_namespace(name)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        place = self._place(waiting, self._netns)
        if place is None:
            return
        items = list(self._spelled_out(waiting))
        for failure in place.rtnl.change([message for _, message in items]):
            item, message = items[failure.at]
            self._judge(item, message, failure.reply)

    def _place(self, waiting: list[_Item], netns: str) -> Place | None:
        """Where to send; None where nothing but deletions was meant for a namespace that is gone."""
        try:
            return self._kept.at(netns)
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

    def _judge(self, item: _Item, message: bytes, reply: Reply) -> None:
        """What to make of a refusal. Raises: KernelRefused, NotPermitted."""
        deletes = item.change.op is Op.DELETE or kind_of(message) in _DELETIONS
        if (deletes and reply.errno_ in _GONE) or (reply.errno_ == EEXIST and _is_appended_route(message)):
            return
        if deletes and (reply.errno_ in _GONE or (reply.errno_ == EINVAL and kind_of(message) == RTM_DELQDISC)):
            return  # a qdisc that is gone has another's handle: the kernel calls it invalid
        if isinstance(item.payload, Birth) and reply.errno_ in _TAKEN and not self._name_is_taken(item.change):
            self._unborn.append(item.change)
            return
        refuse(item.change, _with_culprit(message, reply))

    def _name_is_taken(self, change: Change) -> bool:
        """Whether a link could not be made for its name, or its other end's, and not for the index chosen."""
        link = change.object
        keys = [link.key, *((link.peer,) if isinstance(link, Veth) else ())]
        answers = (self._kept.at(key.netns).rtnl.ask([get_link(ifname=key.name)], read_link)[0] for key in keys)
        return any(not isinstance(answer, Reply) for answer in answers)

    # Verbs

    def _do(self, change: Change, netns: str, verb: object) -> None:
        try:
            match verb:
                case TapBirth():
                    self._make_tap(change, netns, verb)
                case GiveDevice():
                    doors.give(verb.path, verb.user, verb.group, verb.permissions)
                case SetFeatures():
                    self._generic(
                        change, netns, "ethtool", lambda family: [set_features(family, verb.index, verb.features)]
                    )
                case AddKey(goes_on=True):
                    self._generic(change, netns, MACSEC, lambda family: self._going_on(netns, family, verb))
                case MacsecVerb():
                    content = _OPEN_ALREADY if isinstance(verb, SecureChannel) else frozenset()
                    self._generic(change, netns, MACSEC, lambda family: macsec.messages(family, verb), content)
                case MakeNamespace():
                    self._kept.namespaces.make(verb.name, lambda: _mark(change, verb.mark))
                    self._numbers.seen_whole(verb.name, 1)
                case DropNamespace():
                    if not self._is_still(change.before):
                        return
                    self._kept.forget(verb.name)
                    self._kept.namespaces.delete(verb.name)
                case _:
                    raise TypeError(f"the rtnl backend does not know {verb!r}")
        except OSError as failure:
            refuse(change, Reply(failure.errno or EIO))
        except NamespaceGone as gone:
            if change.op is not Op.DELETE:
                raise KernelRefused(str(change), ENOENT, str(gone)) from gone

    def _is_still(self, space: KernelObject | None) -> bool:
        """Whether the name is that of the namespace that was to go, by its mark; somebody may have made another."""
        if not isinstance(space, Namespace) or space.alias is None:
            return True
        try:
            answer = self._kept.at(space.name).rtnl.ask([get_link(index=LOOPBACK_INDEX)], read_link)[0]
        except NamespaceGone:
            return True  # what is left is a file by its name
        alias = "" if isinstance(answer, Reply) else answer.attributes.get(IFLA_IFALIAS, "")
        return bool(Mark.parse(alias) == Mark.parse(space.alias))

    def _make_tap(self, change: Change, netns: str, tap: TapBirth) -> None:
        place = self._kept.at(netns)
        elsewhere = self._elsewhere() if netns == HOST and tap.mark and udev_listens() else None

        def dress() -> None:
            if elsewhere is not None:
                elsewhere.hand_over(tap, place.fd)
            _all_or_refuse(change, place.rtnl, tap.dress)

        try:
            with entered(elsewhere.fd if elsewhere is not None else place.fd):
                make_tap(tap.ifname, tap.index, tap.flags, tap.owner, tap.group, dress)
        except OSError as failure:
            if failure.errno not in _TAKEN or self._name_is_taken(change):
                raise
            self._unborn.append(change)

    def _elsewhere(self) -> Birthplace:
        if self._birthplace is None:
            self._birthplace = Birthplace()
        return self._birthplace

    def _going_on(self, netns: str, family: int, verb: AddKey) -> list[bytes]:
        seen = self._kept.at(netns).generic(MACSEC)[0].dump(get_secured(family), read_secured)
        sent = next((found.sent for found in seen if found.ifindex == verb.index), 0)
        return macsec.messages(family, macsec.beyond(verb, sent))

    def _generic(
        self,
        change: Change,
        netns: str,
        name: str,
        messages: Callable[[int], Sequence[bytes]],
        content: Collection[int] = (),
    ) -> None:
        """`content`: refusals that say that it is so already."""
        connection, family = self._kept.at(netns).generic(name)
        if not family:
            raise KernelRefused(str(change), ENOENT, f"this kernel has no {name} netlink")
        _all_or_refuse(change, connection, messages(family), content)


def _mark(change: Change, message: bytes) -> None:
    connection = Connection()
    try:
        _all_or_refuse(change, connection, [message])
    finally:
        connection.close()


def _all_or_refuse(
    change: Change, connection: Connection, messages: Sequence[bytes], content: Collection[int] = ()
) -> None:
    for failure in connection.change(messages):
        if failure.reply.errno_ not in content:
            refuse(change, failure.reply)


_FIXED_SIZES = {
    RTM_NEWLINK: IFINFO_SIZE,
    RTM_NEWADDR: IFADDR_SIZE,
    RTM_NEWROUTE: RTMSG_SIZE,
    RTM_NEWRULE: FIB_RULE_SIZE,
    RTM_NEWQDISC: TCMSG_SIZE,
    RTM_NEWTCLASS: TCMSG_SIZE,
}


def _with_culprit(message: bytes, reply: Reply) -> Reply:
    """The kernel's sentence with the number of the attribute that it points to."""
    fixed = _FIXED_SIZES.get(kind_of(message))
    if fixed is None or reply.offset is None:
        return reply
    culprit = attribute_at(message, fixed, reply.offset)
    return reply if culprit is None else reply._replace(text=f"{reply.text} (attribute {culprit})".strip())


def refuse(change: Change, reply: Reply) -> NoReturn:
    """Raises: NotPermitted, KernelRefused."""
    if reply.errno_ == EPERM:
        raise NotPermitted(f"{change}: this needs root (CAP_NET_ADMIN in the namespace)")
    raise KernelRefused(str(change), reply.errno_, reply.text)


def _is_appended_route(message: bytes) -> bool:
    """Of which the kernel says EEXIST where just that one is there already, maybe among several next hops. Source:
    net/ipv4/fib_trie.c fib_table_insert, net/ipv6/ip6_fib.c fib6_add_rt2node."""
    return kind_of(message) == RTM_NEWROUTE and bool(flags_of(message) & NLM_F_APPEND)


def _as_message(payload: bytes | Birth | DropLink) -> bytes:
    match payload:
        case Birth(message=message):
            return message
        case DropLink(index=index):
            return delete_link(index)
        case _:
            return payload


def _is_birth(request: Request) -> bool:
    return isinstance(request.payload, (Birth, TapBirth))
