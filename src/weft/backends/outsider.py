"""Somebody outside of the machine, played by it: what is sent from a namespace of its own comes in by a link of the
host's as if its wire had brought it, and what goes out by that link to it never leaves.

Rules: nobody's link, bridge, queue or table is changed. Frames are handed to the link as received, and fetched at its
egress hook. All of it goes with the process, however that ends: the namespace has no name and takes the pair along, the
table has an owner. What the host learned is forgotten at the end; after a kill it ages.
Source: tc-mirred(8), nft(8) "flags owner", network_namespaces(7), unix(7), RFC 4291 section 2.7.1 (solicited-node).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

from weft.backends.libnftables import Complaint, Context
from weft.backends.visit import visiting
from weft.errors import WeftError
from weft.netlink.connection import NETLINK_ROUTE, Connection
from weft.netlink.namespaces import Namespaces, entered, nameless
from weft.state import HOST
from weft.wire.address_text import AF_INET, AF_INET6, family_of, ip_bytes, mac_bytes
from weft.wire.announcement import ARPHRD_ETHER
from weft.wire.codec import NLM_F_CREATE, NLM_F_EXCL, attribute, message, text, u32
from weft.wire.ifaddr import IFA_ADDRESS, IFA_F_NODAD, IFA_FLAGS, IFA_LOCAL, RTM_NEWADDR, address_header
from weft.wire.link import (
    IFF_LOWER_UP,
    IFLA_ADDRESS,
    IFLA_IFNAME,
    IFLA_MTU,
    IFLA_NET_NS_FD,
    LinkMessage,
    addr_gen_mode,
    delete_link,
    get_link,
    new_link,
    read_link,
    set_link,
    veth_info,
)
from weft.wire.neighbour import (
    NDA_DST,
    NDA_LLADDR,
    NUD_PERMANENT,
    NeighbourMessage,
    delete_neighbour,
    get_neighbours,
    read_neighbour,
)
from weft.wire.reply import Reply
from weft.wire.route import RT_TABLE_MAIN, RTA_GATEWAY, RTA_OIF, RTA_TABLE, RTM_NEWROUTE, RTPROT_STATIC, route_header
from weft.wire.tc_filter import hand_over, take_in

INSIDE = "wire"
"""Its link, in its own namespace."""
TABLE = "weft_outside"
"""How the tables are called, with the number of the process behind; no scope's table is called so."""
FIRST, LAST = -500, 500
"""Priorities before and behind what others have at these hooks."""
_OF_BOTH = (
    "arp operation reply",
    "icmp type destination-unreachable",
    "icmpv6 type { destination-unreachable, packet-too-big, nd-neighbor-advert }",
)
_ANY_SCOPE, _LINK_SCOPE, _UNICAST = 0, 253, 1
_BITS = {AF_INET: 32, AF_INET6: 128}


class CannotStand(WeftError):
    """Why nobody can be put outside of a link, in a sentence."""


class Outsider:
    """One machine beside a link, with one address of each family at most. A context manager: gone at its end."""

    def __init__(
        self,
        namespaces: Namespaces,
        link: str,
        mac: str,
        addresses: Sequence[str],
        number: int = 0,
        *,
        gateway: str = "",
        answers: str = "",
    ) -> None:
        """`number`: tells it from others of this process. `gateway`: by which it sends, "" where everybody is on the
        wire. `answers`: what nft says of all that it is to be sent, where the MAC is somebody's who is there as well:
        the rest stays his, and of MACs and of what went wrong both are told."""
        self._namespaces, self._link, self._mac, self._addresses = namespaces, link, mac, tuple(addresses)
        self._near, self._table = f"wo{os.getpid():x}n{number}", f"{TABLE}_{os.getpid()}_{number}"
        self._stack = ExitStack()
        self._gateway, self._answers = gateway, answers
        self.netns_fd = -1

    def __enter__(self) -> Outsider:
        """Raises: CannotStand, NotPermitted, FeatureMissing."""
        with visiting(self._namespaces, HOST), ExitStack() as stack:
            self._stand(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with visiting(self._namespaces, HOST):
            self._stack.close()

    def _stand(self, stack: ExitStack) -> None:
        host = Connection(NETLINK_ROUTE)
        stack.callback(host.close)
        link = self._find(host)
        for address in () if self._answers else self._addresses:
            self._be_alone(stack, address)
        self.netns_fd = nameless()
        stack.callback(os.close, self.netns_fd)
        stack.callback(self._forget, host, link.ifindex)  # when nothing more can come in
        near = self._pair(host, link)
        stack.callback(host.change, [delete_link(near)])
        self._settle()
        self._do(host, "tc has no mirred, or no u32", take_in(near), hand_over(near, link.ifindex))
        fetching = Context()
        stack.callback(fetching.close)
        try:
            fetching.run(self._rules())
        except Complaint as complaint:
            raise CannotStand(f"nftables has no egress hook here: {complaint.text}") from complaint

    def _find(self, host: Connection) -> LinkMessage:
        found = host.ask([get_link(ifname=self._link)], read_link)[0]
        if isinstance(found, Reply):
            raise CannotStand(f"the host has no link {self._link}")
        if not found.flags & IFF_LOWER_UP:
            raise CannotStand(f"{self._link} is down, or has no carrier: nobody is behind it")
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as seen:
            seen.bind((self._link, 0))
            if seen.getsockname()[3] != ARPHRD_ETHER:
                raise CannotStand(f"{self._link} is no Ethernet: nobody can be put beside it")
        for known in self._learned(host, found.ifindex):
            if known.attributes[NDA_LLADDR] != self._mac:
                address, mac = known.attributes[NDA_DST], known.attributes[NDA_LLADDR]
                raise CannotStand(f"{address} is somebody's on {self._link}, at {mac}: say one that nobody has")
        return found

    def _be_alone(self, stack: ExitStack, address: str) -> None:
        """Nobody else is played by this address: a name that goes with the process says so to others."""
        name = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC))
        try:
            name.bind(f"\0weft outside {self._link} {address}")
        except OSError as taken:
            raise CannotStand(f"another weft asks as {address} on {self._link}: wait, or say another one") from taken

    def _pair(self, host: Connection, link: LinkMessage) -> int:
        """The number of the end on the host, by which nothing of the host's own is sent."""
        mtu = u32(IFLA_MTU, link.attributes[IFLA_MTU])
        mac = attribute(IFLA_ADDRESS, mac_bytes(self._mac))
        far = veth_info(0, text(IFLA_IFNAME, INSIDE), mac, mtu, u32(IFLA_NET_NS_FD, self.netns_fd))
        self._do(host, "it has no veth", new_link(0, text(IFLA_IFNAME, self._near), mtu, far))
        index = socket.if_nametoindex(self._near)
        self._do(host, "IPv6 is off", set_link(index, addr_gen_mode("none")), strict=False)
        self._do(host, "the pair stays down", set_link(index, up=True))
        return index

    def _settle(self) -> None:
        """Its addresses, and everybody on the wire."""
        with entered(self.netns_fd):
            inside = Connection(NETLINK_ROUTE)
            try:
                index = socket.if_nametoindex(INSIDE)
                self._do(inside, "IPv6 is off", set_link(index, addr_gen_mode("none")), strict=False)
                self._do(inside, "the pair stays down", set_link(index, up=True))
                for address in self._addresses:
                    self._do(inside, f"it does not take {address}", *_as_its_own(index, address, self._gateway))
            finally:
                inside.close()

    def _rules(self) -> str:
        """What comes from it is for who has the MAC; what is for it is fetched."""
        near = f'fwd to "{self._near}"'
        lines = [f"table netdev {self._table} {{", "flags owner"]
        if not self._answers:
            lines += self._chain(
                "in", "ingress", FIRST, f"ether saddr {self._mac} meta pkttype other meta pkttype set host"
            )
            fetched = [f"{match} {near}" for one in self._addresses for match in _for(self._mac, one)]
        else:
            told = (f'{match} dup to "{self._near}"' for match in _OF_BOTH)
            fetched = [f"ether daddr {self._mac} {rule}" for rule in (f"{self._answers} {near}", *told)]
        return "\n".join([*lines, *self._chain("out", "egress", LAST, *fetched), "}"])

    def _chain(self, name: str, hook: str, priority: int, *rules: str) -> list[str]:
        what = f'type filter hook {hook} device "{self._link}" priority {priority}; policy accept;'
        return [f"chain {name} {{", what, *rules, "}"]

    def _learned(self, host: Connection, index: int) -> Iterator[NeighbourMessage]:
        """What the host knows of its addresses on the link."""
        for seen in host.dump(get_neighbours(index=index), read_neighbour):
            if seen.attributes.get(NDA_DST) in self._addresses and NDA_LLADDR in seen.attributes:
                yield seen

    def _forget(self, host: Connection, index: int) -> None:
        with suppress(WeftError, OSError):  # the link may be gone
            learned = [seen for seen in self._learned(host, index) if not seen.state & NUD_PERMANENT]
            host.change([delete_neighbour(seen) for seen in learned])

    @staticmethod
    def _do(connection: Connection, why: str, *requests: bytes, strict: bool = True) -> None:
        failures = connection.change(requests)
        if failures and strict:
            told = failures[0].reply.text or os.strerror(failures[0].reply.errno_).lower()
            raise CannotStand(f"nobody can be put outside of this kernel's links: {why} ({told})")


def _as_its_own(index: int, address: str, gateway: str) -> Iterator[bytes]:
    """The address, and a way to all others: by the gateway, else by the wire itself."""
    family, raw = family_of(address), ip_bytes(address)
    own = attribute(IFA_LOCAL, raw), attribute(IFA_ADDRESS, raw), u32(IFA_FLAGS, IFA_F_NODAD)
    yield message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, address_header(family, _BITS[family], index=index), *own)
    scope = _ANY_SCOPE if gateway else _LINK_SCOPE
    way = route_header(family, 0, protocol=RTPROT_STATIC, scope=scope, kind=_UNICAST, onlink=bool(gateway))
    via = attribute(RTA_GATEWAY, ip_bytes(gateway)) if gateway else b""
    main = u32(RTA_OIF, index), u32(RTA_TABLE, RT_TABLE_MAIN), via
    yield message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, way, *main)


def _for(mac: str, address: str) -> tuple[str, str]:
    """How nft knows what is for an address, and who asks for its MAC. Others may be played with the same MAC."""
    if ":" not in address:
        return f"ether daddr {mac} ip daddr {address}", f"arp daddr ip {address}"
    group = f"33:33:ff:{ip_bytes(address)[-3:].hex(':')}"
    return f"ether daddr {mac} ip6 daddr {address}", f"ether daddr {group} icmpv6 type nd-neighbor-solicit"
