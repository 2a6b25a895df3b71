"""Changes on their way to the kernel by rtnetlink.

Rules: links are made first, under indexes chosen in advance, and nothing is said to such an index before the kernel has
agreed to it. What is no message of rtnetlink waits for those before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from errno import EBUSY, EEXIST, EIO, ENOENT

from weft.backends import macsec
from weft.backends.birthplace import Birthplace, udev_listens
from weft.backends.rtnl_batches import from_the_busier_side, in_batches, in_single_steps, is_link_made, links_made
from weft.backends.rtnl_numbers import Numbers
from weft.backends.rtnl_outbox import TAKEN, Outbox
from weft.backends.rtnl_refusals import refuse
from weft.errors import KernelRefused
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
    Together,
)
from weft.netlink import doors
from weft.netlink.connection import Connection
from weft.netlink.kept import Kept, NamespaceGone
from weft.netlink.namespaces import entered
from weft.netlink.tun import make_tap
from weft.state import HOST, Change, KernelObject, Mark, Op
from weft.wire.ethtool import set_features
from weft.wire.link import IFLA_IFALIAS, LOOPBACK_INDEX, get_link, read_link
from weft.wire.macsec import FAMILY as MACSEC
from weft.wire.macsec import get_secured, read_secured
from weft.wire.reply import Reply

TRIES = 8
"""So often is another index chosen where the chosen one is taken."""

_OPEN_ALREADY = frozenset({EEXIST})
"""A channel whose keys are all gone is not told by the kernel, and still open."""


class Commit:
    """One commit: `run` is called once."""

    def __init__(self, kept: Kept, numbers: Numbers) -> None:
        self._kept, self._numbers = kept, numbers
        self._outbox = Outbox(kept, numbers)
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
        self._numbers.expect(links_made(changes))
        fellows = from_the_busier_side(changes)
        for some in in_batches(changes):
            if is_link_made(some[0]):
                self._make_links(some)
                continue
            for change in some:
                instead = fellows.get(change.key) if change.op is Op.DELETE else None
                self._post_all(change, (instead and self._by_fellow(change, instead)) or self._requests(change))
        self._outbox.flush()

    def _by_fellow(self, change: Change, instead: Change) -> list[Request]:
        """The deletion of a veth by its other end, where that is known to be still there."""
        return self._requests(instead) if self._numbers.are_paired(instead.key, change.key) else []

    def _requests(self, change: Change) -> list[Request]:
        """None for a deletion of what is on a link that is gone."""
        try:
            return list(KINDS.of(change.object).requests(change, self._numbers))
        except (KernelRefused, NamespaceGone) as failure:
            if change.op is Op.DELETE:
                return []
            code = failure.errno_ if isinstance(failure, KernelRefused) else ENOENT
            raise KernelRefused(str(change), code, str(failure)) from failure

    def _make_links(self, changes: Sequence[Change]) -> None:
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
            self._outbox.flush()
            unborn, self._outbox.unborn = self._outbox.unborn, []
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
                    self._outbox.put(change, request.netns, payload)
                case Together(messages=messages):
                    self._outbox.flush()  # a send of their own
                    for each in messages:
                        self._outbox.put(change, request.netns, each)
                case verb:
                    self._outbox.flush()
                    self._do(change, request.netns, verb)
        if change.op is Op.DELETE:
            self._forget(change)

    def _forget(self, change: Change) -> None:
        """The numbers of what is deleted are worth nothing from here on."""
        match change.before:
            case Link() as link:
                self._numbers.forget(link.key)
            case Namespace(name=name):
                self._numbers.forget_namespace(name)

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
            if failure.errno not in TAKEN or self._outbox.name_is_taken(change):
                raise
            self._outbox.unborn.append(change)

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


def _is_birth(request: Request) -> bool:
    return isinstance(request.payload, (Birth, TapBirth))
