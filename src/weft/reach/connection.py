"""A connection that a tenant's namespace follows, and whether the filter that is wanted would let it come about.

Rules: judged by its first packet, from whoever has its source on the network to whoever has its target. An end that no
port has is outside, and nobody's rules hold there. What only an expectation allowed (of a helper) is not judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from weft.compiler.groups import layout
from weft.kinds.link.common import Link
from weft.kinds.nft.element import NftElement
from weft.model.security import ICMP, ICMPV6, PROTOCOL_NAMES, WITH_PORTS
from weft.reach.bridge_filter import Filter, Value, frame
from weft.records import dataclass
from weft.state import KernelObject

_PAIRS = (layout.PAIRS4, layout.PAIRS6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Its first packet. `sport`, `dport`: of ICMP its type and code. `answer`: source, target and ports of what comes
    back, which translations make another. `raw`: what names it to the kernel; `bar`, `turned`: what bars it, and what
    stands in the way of that (wire/conntrack.py); `barred`: whether it is so already."""

    source: str
    target: str
    protocol: int
    sport: int = 0
    dport: int = 0
    answer: tuple[str, str, int, int] = ("", "", 0, 0)
    zone: int = 0
    expected: bool = False
    raw: bytes = field(default=b"", repr=False, compare=False)
    barred: bool = False
    bar: bytes = field(default=b"", repr=False, compare=False)
    turned: bytes = field(default=b"", repr=False, compare=False)

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6. Source: linux/socket.h."""
        return 10 if ":" in self.source else 2

    @property
    def word(self) -> str:
        """Of a protocol with ports, nft's name; "" of any other."""
        return PROTOCOL_NAMES[self.protocol] if self.protocol in WITH_PORTS else ""

    def fields(self) -> Mapping[str, Value]:
        """Those of its protocol, by nft's names."""
        if self.protocol in (ICMP, ICMPV6):
            word = PROTOCOL_NAMES[self.protocol]
            return {f"{word} type": self.sport, f"{word} code": self.dport}
        if word := self.word:
            return {f"{word} sport": self.sport, f"{word} dport": self.dport}
        return {}


class Admission:
    """What one tenant's namespace shall hold, as a judge of connections."""

    def __init__(self, objects: Iterable[KernelObject]) -> None:
        held = list(objects)
        self._filter = Filter.of(held)
        self._links: dict[str, list[str]] = defaultdict(list)
        zones = {obj.element.strip('"'): int(obj.value) for obj in _elements(held) if obj.set == layout.ZONES}
        masters = {obj.ifname: obj.master or "" for obj in held if isinstance(obj, Link)}
        self._zones = {link: zones.get(link, zones.get(master, 0)) for link, master in masters.items()}
        for obj in _elements(held):
            if obj.set in _PAIRS:
                link, _, address = obj.element.split(" . ")
                self._links[address].append(link.strip('"'))

    def refuses(self, connection: Connection) -> bool:
        """Whether its first packet would not pass now."""
        if connection.expected:
            return False
        senders, receivers = (self._at(address, connection.zone) for address in (connection.source, connection.target))
        if not any(senders) and not any(receivers):
            return False
        return not any(self._passes(connection, sender, receiver) for sender in senders for receiver in receivers)

    def _at(self, address: str, zone: int) -> list[str]:
        """The links of ports with the address in a zone; "" alone where it is nobody's."""
        return [link for link in self._links.get(address, ()) if self._zones.get(link, 0) == zone] or [""]

    def _passes(self, connection: Connection, sender: str, receiver: str) -> bool:
        sent = frame(
            sender, receiver, "", connection.source, connection.target, connection.protocol, connection.fields()
        )
        ways = (("sending", sender), ("receiving", receiver))
        return not any(link and self._filter.drops_at("forward", sent, chain) for chain, link in ways)


def _elements(held: Iterable[KernelObject]) -> Iterator[NftElement]:
    return (obj for obj in held if isinstance(obj, NftElement))
