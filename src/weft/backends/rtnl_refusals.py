"""What the kernel says no to: which of it is as good as done, and the error that the rest becomes.

Rules: what deletes what is gone is content, and so is what appends a route that is there.
"""

from __future__ import annotations

from errno import EADDRNOTAVAIL, EEXIST, EINVAL, ENODEV, ENOENT, EPERM, ESRCH
from typing import NoReturn

from weft.errors import KernelRefused, NotPermitted
from weft.state import Change, Op
from weft.wire.codec import NLM_F_APPEND, flags_of, kind_of
from weft.wire.ifaddr import IFADDR_SIZE, RTM_DELADDR, RTM_NEWADDR
from weft.wire.link import IFINFO_SIZE, RTM_DELLINK, RTM_NEWLINK
from weft.wire.neighbour import RTM_DELNEIGH
from weft.wire.reply import Reply, attribute_at
from weft.wire.route import RTM_DELROUTE, RTM_NEWROUTE, RTMSG_SIZE
from weft.wire.rule import FIB_RULE_SIZE, RTM_DELRULE, RTM_NEWRULE
from weft.wire.tc import RTM_DELQDISC, RTM_DELTCLASS, RTM_NEWQDISC, RTM_NEWTCLASS, TCMSG_SIZE

_GONE = frozenset({ENODEV, ENOENT, ESRCH, EADDRNOTAVAIL})
_DELETIONS = frozenset({RTM_DELLINK, RTM_DELADDR, RTM_DELROUTE, RTM_DELRULE, RTM_DELNEIGH, RTM_DELQDISC, RTM_DELTCLASS})
_FIXED_SIZES = {
    RTM_NEWLINK: IFINFO_SIZE,
    RTM_NEWADDR: IFADDR_SIZE,
    RTM_NEWROUTE: RTMSG_SIZE,
    RTM_NEWRULE: FIB_RULE_SIZE,
    RTM_NEWQDISC: TCMSG_SIZE,
    RTM_NEWTCLASS: TCMSG_SIZE,
}


def is_content(change: Change, message: bytes, reply: Reply) -> bool:
    """Whether a refused message has done no harm: it is as it shall be."""
    kind = kind_of(message)
    deletes = change.op is Op.DELETE or kind in _DELETIONS
    if deletes and (reply.errno_ in _GONE or (reply.errno_ == EINVAL and kind == RTM_DELQDISC)):
        return True  # a qdisc that is gone has another's handle: the kernel calls it invalid
    return reply.errno_ == EEXIST and _is_appended_route(message)


def refuse(change: Change, reply: Reply) -> NoReturn:
    """Raises: NotPermitted, KernelRefused."""
    if reply.errno_ == EPERM:
        raise NotPermitted(f"{change}: this needs root (CAP_NET_ADMIN in the namespace)")
    raise KernelRefused(str(change), reply.errno_, reply.text)


def with_culprit(message: bytes, reply: Reply) -> Reply:
    """The kernel's sentence with the number of the attribute that it points to."""
    fixed = _FIXED_SIZES.get(kind_of(message))
    if fixed is None or reply.offset is None:
        return reply
    culprit = attribute_at(message, fixed, reply.offset)
    return reply if culprit is None else reply._replace(text=f"{reply.text} (attribute {culprit})".strip())


def _is_appended_route(message: bytes) -> bool:
    """Of which the kernel says EEXIST where just that one is there already, maybe among several next hops. Source:
    net/ipv4/fib_trie.c fib_table_insert, net/ipv6/ip6_fib.c fib6_add_rt2node."""
    return kind_of(message) == RTM_NEWROUTE and bool(flags_of(message) & NLM_F_APPEND)
