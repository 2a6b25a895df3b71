"""An address on a link. Source: rtnetlink(7), linux/if_addr.h."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from shlex import quote

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.verbs import Together
from weft.records import dataclass
from weft.state import PROTOCOL, Change, Key, Keyed, link_key
from weft.wire.address_text import AF_INET, AF_INET6, ip_bytes, ip_text, mac_bytes, prefix_bytes
from weft.wire.codec import NLM_F_CREATE, NLM_F_EXCL, attribute, message, u8, u32
from weft.wire.ifaddr import (
    IFA_ADDRESS,
    IFA_F_NODAD,
    IFA_FLAGS,
    IFA_LOCAL,
    IFA_PROTO,
    IFAPROT_KERNEL_LL,
    IFAPROT_KERNEL_LO,
    IFAPROT_KERNEL_RA,
    RTM_DELADDR,
    RTM_NEWADDR,
    SCOPE_HOST,
    SCOPE_UNIVERSE,
    AddressMessage,
    address_header,
)
from weft.wire.link import promote_secondaries


@dataclass(frozen=True, slots=True, kw_only=True)
class Address(Keyed):
    """`cidr`: address and prefix length, canonical ("10.0.0.1/24", "fd00::1/64"). `nodad`: IPv6 used at once, without
    duplicate address detection; not compared. `protocol`: IFA_PROTO as read, None where the kernel gives none.
    `routed`: as observed, whether the routes that the kernel made of it are there; where somebody took them away it is
    given anew."""

    netns: str
    ifname: str
    cidr: str
    nodad: bool | None = None
    protocol: int | None = None
    routed: bool = True

    def identify(self) -> Key:
        return Key("address", self.netns, f"{self.ifname} {self.cidr}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (link_key(self.netns, self.ifname),)

    @property
    def family(self) -> int:
        return 6 if ":" in self.cidr else 4


_KERNELS_OWN = (IFAPROT_KERNEL_LO, IFAPROT_KERNEL_RA, IFAPROT_KERNEL_LL)
_LOOPBACK = ("127.0.0.1/8", "::1/128")


def requests(change: Change, names: Names) -> Iterator[Request]:
    if isinstance(change.before, Address):
        yield from _delete(change.before, names)
    if isinstance(change.after, Address):
        yield Request(change.after.netns, _new(change.after, names))


def _new(address: Address, names: Names) -> bytes:
    flags = u32(IFA_FLAGS, IFA_F_NODAD) if address.nodad else b""
    body = _identity(address, names)
    return message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body, u8(IFA_PROTO, PROTOCOL), flags)


def _delete(address: Address, names: Names) -> Iterator[Request]:
    """The kernel takes an IPv4 address's secondaries along, whoever's they are, unless the link says otherwise: so it
    does for as long as that takes. Source: net/ipv4/devinet.c __inet_del_ifa."""
    link = link_key(address.netns, address.ifname)
    deletion = message(RTM_DELADDR, 0, _identity(address, names))
    if address.family == 6 or names.keeps_secondaries(link):
        yield Request(address.netns, deletion)
        return
    promote, as_before = (promote_secondaries(names.ifindex(link), keep) for keep in (True, False))
    yield Request(address.netns, Together((promote, deletion, as_before)))


def _identity(address: Address, names: Names) -> bytes:
    raw, length = prefix_bytes(address.cidr)
    family = AF_INET6 if len(raw) == 16 else AF_INET
    scope = SCOPE_HOST if raw[0] == 127 and family == AF_INET else SCOPE_UNIVERSE
    index = names.ifindex(link_key(address.netns, address.ifname))
    return address_header(family, length, scope, index) + attribute(IFA_LOCAL, raw) + attribute(IFA_ADDRESS, raw)


def script(change: Change) -> Iterable[str]:
    """Without the protocol, which ip(8) takes only since 6.3: weft adopts what matches on its own links."""
    if isinstance(change.before, Address):
        yield from _script_of_deletion(change.before)
    if isinstance(change.after, Address):
        more = ("nodad",) if change.after.nodad else ()
        yield command.ip(change.after.netns, "addr", "add", change.after.cidr, "dev", change.after.ifname, *more)


def _script_of_deletion(address: Address) -> Iterator[str]:
    deletion = command.ip(address.netns, "addr", "del", address.cidr, "dev", address.ifname)
    if address.family == 6:
        yield deletion
        return
    sysctl = f"{command.within(address.netns)}sysctl"
    name = quote(f"net/ipv4/conf/{address.ifname}/promote_secondaries")
    yield f"was=$({sysctl} -n {name}); {sysctl} -q -w {name}=1"
    yield deletion
    yield f"{sysctl} -q -w {name}=$was"


def parse(netns: str, ifname: str, mac: str, seen: AddressMessage, *, routed: bool = True) -> Address | None:
    """None for what the kernel gives a link by itself. `mac`: the link's, which tells a generated link-local address
    where the kernel does not."""
    protocol = seen.attributes.get(IFA_PROTO)
    address = seen.address
    cidr = f"{address}/{seen.prefix_length}"
    if protocol in _KERNELS_OWN or cidr in _LOOPBACK or (protocol is None and _is_generated(address, mac)):
        return None
    nodad = bool(seen.flags & IFA_F_NODAD) if seen.family == AF_INET6 else None
    return Address(netns=netns, ifname=ifname, cidr=cidr, nodad=nodad, protocol=protocol, routed=routed)


def _is_generated(address: str, mac: str) -> bool:
    """Whether the kernel made a link-local address of the link's MAC, or of an IPv4 address that a tunnel has in its
    place, or had: the former one's stays. Source: RFC 4291 appendix A, net/ipv6/addrconf.c add_v4_addrs."""
    raw = bytearray(mac_bytes(mac))
    if len(raw) == 4:
        own = ip_bytes(address)
        return own[:12] == b"\xfe\x80" + bytes(10) and own[12] != 0
    if len(raw) != 6:
        return False
    raw[0] ^= 2
    return address == ip_text(b"\xfe\x80" + bytes(6) + raw[:3] + b"\xff\xfe" + raw[3:])


def _former(address: Address) -> Address:
    """No way back leads to where its routes are missing."""
    return replace(address, routed=True)


ROW = Kind(
    name="address",
    cls=Address,
    backend="rtnl",
    owner=Owner.PROTOCOL,
    in_place=frozenset({"routed"}),
    requests=requests,
    script=script,
    parse=parse,
    former=_former,
    remade=_former,
)
