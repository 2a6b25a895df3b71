"""Every name that weft gives: ids, interface names, MAC addresses, marks.

Rules: a name follows from the scope and the place in the intent alone, so that any machine and any version derive the
same. What is unique in the kernel comes from the id; what people read is an altname or a mark. `was:` keeps the id, and
with it the kernel's names, of the object that bore the former name. docs/topology.md has the table.
"""

from __future__ import annotations

import re
from hashlib import sha1, sha256

from weft.records import dataclass
from weft.state import HOST, MARK

WEFT = bytes.fromhex("6b0b7d3c54a55d2f9f0e77656674a001")
"""The UUIDv5 name space of everything that weft derives."""

MAX_ALTNAME = 127
"""Characters of an alternative name. Source: linux/if.h ALTIFNAMSIZ."""

MAX_ALIAS = 255
"""Bytes of a link's alias. Source: linux/if.h IFALIASZ."""

TRANSIT_GLOB = "wu*"
"""Matches the transit links of all scopes in nft."""

_IFNAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")
_TAKEN = frozenset({"lo", "all", "default"})  # the loopback, and two directories of net/ipv*/conf
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(high + low for high in _DIGITS for low in _DIGITS)


def identity(scope: str, place: str, given: str | None = None) -> str:
    """The id of what stands at `place` ("tenants/shop/ports/web"): the given one, else a UUIDv5. Source: RFC 9562."""
    return given or _uuid5(f"{scope}/{place}")


def _uuid5(name: str) -> str:
    """As `uuid.uuid5` has it, in a third of the time. Source: RFC 9562 section 5.5."""
    raw = bytearray(sha1(WEFT + name.encode()).digest()[:16])
    raw[6], raw[8] = raw[6] & 0x0F | 0x50, raw[8] & 0x3F | 0x80
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_DERIVED = re.compile(r"(?P<role>w[a-z])[a-z2-7]{12}")


def role_of(ifname: str) -> str:
    """What a link is for whose ifname is made of an id, by its first letters; "" of any other name. Source:
    docs/topology.md, Names."""
    derived = _DERIVED.fullmatch(ifname)
    return derived["role"] if derived else ""


def short_id(identity: str) -> str:
    """The first 12 characters of the id's SHA-256 in base32, 60 bits. Source: RFC 4648 section 6."""
    bits = int.from_bytes(sha256(identity.encode()).digest()[:8], "big") >> 4
    pairs = _PAIRS
    return (
        pairs[bits >> 50]
        + pairs[bits >> 40 & 1023]
        + pairs[bits >> 30 & 1023]
        + pairs[bits >> 20 & 1023]
        + pairs[bits >> 10 & 1023]
        + pairs[bits & 1023]
    )


def mac(identity: str, role: str) -> str:
    """A locally administered unicast address of the object's end in `role`. Source: IEEE 802-2014 8.4."""
    return "02:" + sha256(f"{identity}/{role}".encode()).digest()[:5].hex(":")


def interface_id(mac: str) -> int:
    """The lower 64 bits of an IPv6 address that a link makes of its MAC. Source: RFC 4291 appendix A."""
    digits = bytes.fromhex(mac.replace(":", ""))
    return int.from_bytes(bytes([digits[0] ^ 2, *digits[1:3], 0xFF, 0xFE, *digits[3:]]))


NAMES = "letters, digits, '_', '.' and '-', at most 15, and not lo, all or default"
"""What `plain_ifname` takes, for people."""


def plain_ifname(name: str) -> bool:
    """Whether weft gives `name` to a link: legal to the kernel, and plain enough for nft's chain names, globs and
    every shell. Source: net/core/dev.c dev_valid_name."""
    return _IFNAME.fullmatch(name) is not None and name not in _TAKEN


def altnames(*names: str) -> tuple[str, ...]:
    """The readable names of a link, sorted, without those too long for the kernel."""
    return tuple(sorted({name for name in names if len(name.encode()) <= MAX_ALTNAME}))


def ipv6_pool(host_id: str, scope: str) -> str:
    """A unique local /48 for addresses that the host must tell apart, random by the hash of host and scope.
    Source: RFC 4193."""
    digits = sha256(f"{host_id}/{scope}/pools/ipv6".encode()).hexdigest()
    return f"fd{digits[:2]}:{digits[2:6]}:{digits[6:10]}::/48"


@dataclass(frozen=True, slots=True)
class Names:
    """Names that hold for a whole scope on one host."""

    scope: str
    host_id: str

    @property
    def table(self) -> str:
        return f"weft-{self.scope}"

    def mark(self, place: str) -> str:
        """The owner's mark of the object at `place`, as state.Mark prints it."""
        return f"{MARK}/{self.host_id}/{self.scope}/{place}"

    def tenant_netns(self, tenant: str) -> str:
        return f"weft.{self.scope}.{tenant}"

    def program(self, what: str) -> str:
        """The name of a program that is kept running."""
        return f"{self.scope}.{what}"

    def router_netns(self, tenant: str, network: str) -> str:
        return f"weft.{self.scope}.{tenant}.{network}"


def is_own_netns(scope: str, netns: str) -> bool:
    """Whether nobody but the scope calls a namespace so."""
    return netns.startswith(f"weft.{scope}.")


def where_words(netns: str) -> str:
    """A namespace as a sentence says it."""
    return "the host" if netns == HOST else f"namespace {netns}"
