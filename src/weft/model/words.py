"""The forms that a text or number of the intent may have, each with its canonical spelling.

Rules: a form is metadata on the type of a field (`Mac = Annotated[str, Form(...)]`), so that whoever reads input, a
file today and an API later, takes the same words and says the same about wrong ones. `read` takes what the user wrote,
as text, or a value that is already right; it returns the canonical form or raises Malformed. pydantic finds a form by
the two dunder methods; nothing here imports it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network
from typing import Annotated, Any

from weft.model.advice import like, plain_number, shown
from weft.records import dataclass


class Malformed(ValueError):
    """A text that does not have the form its place asks for; `fix` is what would be right, or ""."""

    def __init__(self, what: str, fix: str = "") -> None:
        self.what, self.fix = what, fix
        super().__init__(f"{what}; {fix}" if fix else what)


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """`what` names the form to people, `schema` is its JSON Schema as a user may write it."""

    what: str
    read: Callable[[Any], Any]
    schema: Mapping[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return {"type": "function-plain", "function": {"type": "no-info", "function": self.read}}

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return dict(self.schema)


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Metadata on a record's type: it is one of several records, chosen by the word under the key `by`; without that,
    it is the record of the type itself."""

    by: str
    of: Mapping[str, type[Any]]

    def word_of(self, data: Any) -> str:
        """The word that chooses, "" for none."""
        return str(data.get(self.by) or "") if isinstance(data, Mapping) else ""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        choices = {word: handler.generate_schema(cls) for word, cls in {"": source, **self.of}.items()}
        return {"type": "tagged-union", "discriminator": self.word_of, "choices": choices}


def closest(word: str, known: Mapping[str, Any] | list[str] | tuple[str, ...]) -> str:
    """The known word that was probably meant, or ""."""
    from difflib import get_close_matches  # only mistakes pay for it

    found = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""


def among(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _text(value: Any, what: str) -> str:
    if isinstance(value, str):
        return value
    shape = {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(value), repr(value))
    raise Malformed(f"{shape} stands where {what} belongs", f"write {what}")


def text(
    what: str, read: Callable[[str], str], example: str, *, or_number: bool = False, or_truth: bool = False
) -> Form:
    """A form of text. `read` may raise ValueError without words of its own. `or_number`, `or_truth`: people may write
    digits, true and false."""
    read = lru_cache(maxsize=1 << 12)(read)  # a range says the same a thousand times

    def checked(value: Any) -> str:
        written = _text(value, what)
        try:
            return read(written)
        except Malformed:
            raise
        except ValueError:
            raise Malformed(f"{shown(written)} is not {what}", like(written, what, example)) from None

    beside = [*(["integer"] if or_number else []), *(["boolean"] if or_truth else [])]
    kind = ["string", *beside] if beside else "string"
    return Form(what, checked, {"type": kind, "description": what, "examples": [example]})


def pattern(what: str, regex: str, example: str, *, refuse: str = r"(?!)", or_number: bool = False) -> Form:
    """Text that fully matches `regex`, and not `refuse`."""
    fits, not_this = re.compile(regex), re.compile(refuse)

    def read(written: str) -> str:
        if not fits.fullmatch(written) or not_this.fullmatch(written):
            raise ValueError
        return written

    return text(what, read, example, or_number=or_number)


def choice(*words: str) -> Form:
    """One of a few words."""
    what = "one of " + ", ".join(words)

    def read(value: Any) -> str:
        written = _text(value, what)
        if written in words:
            return written
        meant = closest(written, words)
        raise Malformed(f"{shown(written)} is not {what}", f"did you mean {meant}?" if meant else "")

    return Form(what, read, {"enum": list(words)})


_DIGITS = re.compile(r"-?\d[\d_]*")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+")


def number(what: str, low: int, high: int, names: Mapping[str, int] | None = None) -> Form:
    """A whole number in [low, high], decimal (010 is ten) or 0x, or one of `names`."""
    known = names or {}

    def read(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            found = value
        else:
            found = _parse_number(_text(value, what), what, known)
        if low <= found <= high:
            return found
        raise Malformed(f"{found} is out of range for {what}", f"from {low} to {high}")

    schema: dict[str, Any] = {"type": "integer", "minimum": low, "maximum": high, "description": what}
    return Form(what, read, {"anyOf": [schema, {"enum": list(known)}]} if known else schema)


def _parse_number(written: str, what: str, names: Mapping[str, int]) -> int:
    if written in names:
        return names[written]
    if len(written) <= 20 and written.isascii():
        if _DIGITS.fullmatch(written):
            return int(written.replace("_", ""))
        if _HEX.fullmatch(written):
            return int(written, 16)
    raise Malformed(f"{shown(written)} is not {what}", _named(written, names) or plain_number(written))


def _named(written: str, names: Mapping[str, int]) -> str:
    """The name that was meant, else what there is; "" where nothing has a name."""
    meant = closest(written.lower(), names)
    return f"did you mean {meant}?" if meant else f"a whole number, or {among(names)}" if names else ""


def mapping(what: str, most_from: int, most_to: int, example: str) -> Form:
    """Two numbers with a colon between, each from 0."""

    def read(value: Any) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        written = _text(value, what)
        first, colon, second = written.partition(":")
        if not (colon and first.isdecimal() and second.isdecimal() and len(written) <= 20):
            raise Malformed(f"{written!r} is not {what}", f"for example {example}")
        if int(first) > most_from or int(second) > most_to:
            raise Malformed(f"{written} is out of range for {what}", f"at most {most_from}:{most_to}")
        return int(first), int(second)

    return Form(what, read, {"type": "string", "description": what, "examples": [example]})


def _address(written: str) -> str:
    if "/" in written:
        raise Malformed(f"{written!r} has a prefix length, an address here has none", f"write {written.split('/')[0]}")
    if "%" in written:  # a link, which Python takes there
        raise ValueError
    return str(ip_address(written))


def _interface(written: str) -> str:
    _address(written.partition("/")[0])
    if "/" not in written:
        raise Malformed(f"{written!r} lacks its prefix length", f"for example {written}/{64 if ':' in written else 24}")
    return str(ip_interface(written))


def _cidr(written: str) -> str:
    address = _address(written.partition("/")[0])
    if "/" not in written:
        raise Malformed(f"{written!r} lacks its prefix length", f"for example {address}/24")
    whole = ip_interface(written).network
    try:
        return str(ip_network(written))
    except ValueError:
        raise Malformed(f"{written} has host bits set", f"the network is {whole}") from None


def _pool(version: int) -> Callable[[str], str]:
    def read(written: str) -> str:
        cidr = _cidr(written)
        if isinstance(ip_network(cidr), IPv4Network if version == 6 else IPv6Network):
            raise Malformed(f"{written} is not an IPv{version} prefix")
        return cidr

    return read


def _destination(written: str) -> str:
    """A prefix, a bare address as a host's, or `default`."""
    if written == "default":
        return written
    return prefix(written)


def prefix(written: str) -> str:
    """A prefix, a bare address as a host's."""
    return _cidr(written) if "/" in written else str(ip_network(_address(written)))


def _range(written: str) -> str:
    """`FIRST-LAST`, or one address."""
    first, dash, last = (part.strip() for part in written.partition("-"))
    if not dash:
        return _address(first)
    low, high = ip_address(_address(first)), ip_address(_address(last))
    if low.version != high.version:
        raise Malformed(f"{written}: both ends of a range are of one family")
    if int(high) < int(low):
        raise Malformed(f"the range {written} runs backwards", f"write {high}-{low}")
    return str(low) if low == high else f"{low}-{high}"


_TRUTHS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}


def _snat(written: str) -> str:
    return _TRUTHS.get(written.lower()) or _range(written)


def _gateway(written: str) -> str:
    return "" if written in ("", "none") else _address(written)


_MAC_SHAPES = re.compile(r"([0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\2){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}")


def _mac(written: str) -> str:
    if not _MAC_SHAPES.fullmatch(written.lower()):
        raise ValueError
    digits = re.sub("[:.-]", "", written.lower())
    if int(digits[:2], 16) & 1:
        raise Malformed(f"{written} is a multicast address, a port needs its own", "make the first byte even")
    if not int(digits, 16):
        raise Malformed(f"{written} is no address, the kernel refuses it", "leave `mac` out to have one derived")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def _uuid(written: str) -> str:
    from uuid import UUID  # it imports a lot, and few files give an id

    return str(UUID(written))


def _fdb_mac(written: str) -> str:
    """Unlike a link's own: multicast, and zero for all that has no entry of its own."""
    if not _MAC_SHAPES.fullmatch(written.lower()):
        raise ValueError
    digits = re.sub("[:.-]", "", written.lower())
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


_SYSCTL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_@:.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_@:.-]*)+")


def sysctl_name(written: str) -> str:
    """`net.ipv4.ip_forward` or `net/ipv4/ip_forward` to the latter; in the former a `/` stands for a dot of an
    interface's name. Source: sysctl(8)."""
    separator = next((c for c in written if c in "./"), "")
    name = written.translate({ord("."): "/", ord("/"): "."}) if separator == "." else written
    if not _SYSCTL_NAME.fullmatch(name):
        raise ValueError
    return name


_BOOLEANS = {"true": "1", "yes": "1", "on": "1", "false": "0", "no": "0", "off": "0"}


def _sysctl_value(written: str) -> str:
    if written.lower() in _BOOLEANS:
        raise Malformed(f"a sysctl does not know {written!r}", f"write {_BOOLEANS[written.lower()]}")
    if not written.strip() or not written.replace("\t", " ").isprintable():
        raise ValueError
    return " ".join(written.split())


_LABEL = r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}"

ScopeName = Annotated[str, pattern("a scope's name ([a-z][a-z0-9-]{0,30})", r"[a-z][a-z0-9-]{0,30}", "shop-lab")]
Name = Annotated[str, pattern("a name (letters, digits, - and _, at most 63)", _LABEL, "front")]
PortName = Annotated[
    str, pattern("a port's name (letters, digits, . - and _, at most 63)", r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", "web-1")
]
NetworkName = Annotated[
    str, pattern("a network's name, or TENANT/NAME of one that is shared", rf"(?:{_LABEL}/)?{_LABEL}", "front")
]
Ifname = Annotated[
    str,
    pattern("an interface name (at most 15 characters, none of / : % or blanks)", r"[!-~]{1,15}", "eth0",
            refuse=r".*[/:%].*|\.\.?|all|default"),
]  # fmt: skip
AltName = Annotated[
    str, pattern("an alternative interface name (at most 127 characters)", r"[!-~]{1,127}", "uplink-1", refuse=r".*/.*")
]
NetnsName = Annotated[
    str,
    pattern("a namespace's name (none of / : or blanks, at most 200 characters)", r"[!-~]{1,200}", "web",
            refuse=r".*[/:].*|\.\.?|-.*"),
]  # fmt: skip
AbsolutePath = Annotated[str, pattern("an absolute path", r"/[^\x00\n]{1,4000}", "/run/web.pid")]
Account = Annotated[
    str,
    pattern("a user or group, by name or number", r"[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?|\d{1,9}", "libvirt-qemu",
            or_number=True),
]  # fmt: skip
Alias = Annotated[str, pattern("a line of at most 100 printable characters", r"[^\W_][ -~]{0,99}", "rack 4, left")]
Algorithm = Annotated[str, pattern("the name of a congestion control", r"[a-z0-9_-]{1,15}", "bbr")]
Uuid = Annotated[str, text("a UUID", _uuid, "2f1b0e9a-6c1e-4c39-9d5e-0a4c5a0f3b11")]

Address = Annotated[str, text("an IP address", _address, "10.0.0.10")]
InterfaceAddress = Annotated[str, text("an address with its prefix length", _interface, "10.0.0.1/24")]
Cidr = Annotated[str, text("a network with its prefix length", _cidr, "10.0.0.0/24")]
PoolV4 = Annotated[str, text("an IPv4 network with its prefix length", _pool(4), "198.18.0.0/15")]
PoolV6 = Annotated[str, text("an IPv6 network with its prefix length", _pool(6), "fd12:3456:789a::/48")]
Destination = Annotated[str, text("a prefix, an address or default", _destination, "10.0.0.0/8")]
Gateway = Annotated[str, text("an IP address or none", _gateway, "10.0.0.1")]
AddressRange = Annotated[str, text("an address, or a range of them", _range, "203.0.113.10-203.0.113.99")]
Snat = Annotated[
    str, text("true, false, an address or a range of them", _snat, "203.0.113.20-203.0.113.29", or_truth=True)
]
Mac = Annotated[str, text("a MAC address", _mac, "52:54:00:12:34:56")]
FdbMac = Annotated[str, text("a MAC address, or 00:00:00:00:00:00", _fdb_mac, "52:54:00:12:34:56")]
SysctlName = Annotated[str, text("a sysctl's name", sysctl_name, "net.ipv4.ip_forward")]
SysctlValue = Annotated[str, text("a sysctl's value, a line of text", _sysctl_value, "1", or_number=True)]

INHERIT_TTL = 0
"""The TTL of the packet inside."""

Mtu = Annotated[int, number("an MTU in bytes", 68, 65535)]
GsoSize = Annotated[int, number("a size in bytes", 1, 524280)]
GsoSegments = Annotated[int, number("a number of segments", 1, 65535)]
Queues = Annotated[int, number("a number of queues", 1, 256)]
Buffer = Annotated[int, number("a number of bytes", 1, 2**31 - 1)]
MtuProbing = Annotated[int, number("0 (off), 1 (after a black hole) or 2 (always)", 0, 2)]
RouteTable = Annotated[int, number("a routing table", 1, 2**32 - 1, {"main": 254, "default": 253})]
U32 = Annotated[int, number("a number of 32 bits", 0, 2**32 - 1)]
Segments = Annotated[int, number("a number of segments", 1, 65535)]
Mss = Annotated[int, number("a segment size in bytes", 1, 65495)]
RulePriority = Annotated[int, number("a rule's priority", 1, 32765)]

RouteType = Annotated[str, choice("unicast", "blackhole", "unreachable", "prohibit")]
Family = Annotated[str, choice("ipv4", "ipv6")]
Advertised = Annotated[str, choice("slaac", "stateless", "stateful", "off")]
RuleAction = Annotated[str, choice("lookup", "blackhole", "unreachable", "prohibit")]

Count = Annotated[int, number("a number of things", 0, 2**31 - 1)]

Vid = Annotated[int, number("a VLAN id", 1, 4094)]
VlanProtocol = Annotated[str, choice("802.1q", "802.1ad")]
IngressQos = Annotated[tuple[int, int], mapping("FROM:TO, a frame's priority and a packet's", 7, 2**32 - 1, "5:3")]
EgressQos = Annotated[tuple[int, int], mapping("FROM:TO, a packet's priority and a frame's", 2**32 - 1, 7, "3:5")]

Vni = Annotated[int, number("a VNI", 0, 2**24 - 1)]
UdpPort = Annotated[int, number("a UDP port", 1, 65535)]
Ttl = Annotated[int, number("a TTL or inherit", 0, 255, {"inherit": INHERIT_TTL})]
Tos = Annotated[int, number("a TOS or traffic class, or inherit", 0, 255, {"inherit": 1})]
AgeingSeconds = Annotated[int, number("a number of seconds", 0, 2**31 - 1)]
DontFragment = Annotated[str, choice("unset", "set", "inherit")]
EntryVid = Annotated[int, number("a VLAN id", 1, 4094)]
Weight = Annotated[int, number("a weight", 1, 256)]
