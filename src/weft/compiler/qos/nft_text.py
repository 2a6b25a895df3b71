"""Values as `nft -s list` prints them: what is read compares equal as text. Source: nftables src/datatype.c, proto.c.

Rules: in a set with any range, nft joins what touches; in one of single values it keeps them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network, summarize_address_range

from weft.model.qos_words import DSCP, PROTOCOLS

Range = tuple[int, int]
Network = IPv4Network | IPv6Network

_DSCP_NAMES = {number: name for name, number in DSCP.items() if name not in ("be", "le")} | {DSCP["le"]: "lephb"}
_NO_BURST = 5
"""Packets: what nft leaves out, for it is the default."""


def one_of(values: Sequence[str]) -> str:
    """A value, or an anonymous set. `values`: sorted as nft does."""
    return values[0] if len(values) == 1 else f"{{ {', '.join(values)} }}"


def prefixes(written: Iterable[str]) -> str:
    """Addresses and prefixes of one family."""
    known = [reach(cidr) for cidr in written]
    version = known[0][0]
    return one_of([_addresses(version, low, high) for low, high in _joined((low, high) for _, low, high in known)])


def prefix(written: str) -> str:
    """An address or prefix: without its length where that is an address's own."""
    _, low, high = reach(written)
    return written.partition("/")[0] if low == high else written


@lru_cache(maxsize=1 << 14)
def reach(written: str) -> tuple[int, int, int]:
    """The family of a prefix, its first address and its last as numbers. Remembered: all who look at a policy ask for
    the same ones, and reading them is most of what that takes."""
    net: Network = ip_network(written)
    return net.version, int(net.network_address), int(net.broadcast_address)


def _addresses(version: int, low: int, high: int) -> str:
    first, last = (ip_address(low.to_bytes(4 if version == 4 else 16, "big")) for low in (low, high))
    nets = list(summarize_address_range(first, last))
    return prefix(str(nets[0])) if len(nets) == 1 else f"{first}-{last}"


def ports(written: Iterable[str]) -> str:
    ranges = [span(text) for text in written]
    return one_of([str(low) if low == high else f"{low}-{high}" for low, high in _joined(ranges)])


def span(written: str) -> Range:
    """A port or a range of them as two numbers."""
    low, _, high = written.partition("-")
    first = int(low)
    return first, int(high) if high else first


def _joined(ranges: Iterable[Range]) -> list[Range]:
    ordered = sorted(set(ranges))
    if all(low == high for low, high in ordered):
        return ordered
    return list(_merged(ordered))


def _merged(ordered: Iterable[Range]) -> Iterator[Range]:
    held: Range | None = None
    for low, high in ordered:
        if held is not None and low <= held[1] + 1:
            held = held[0], max(held[1], high)
            continue
        if held is not None:
            yield held
        held = low, high
    if held is not None:
        yield held


def dscp(number: int) -> str:
    return _DSCP_NAMES.get(number, f"{number:#04x}")


def protocol(name: str) -> str:
    """A protocol's number: its name is one of a file of the machine's."""
    return str(PROTOCOLS[name])


def mark(written: str) -> str:
    """The condition of a mark "0xMARK/0xMASK"."""
    value, mask = (int(part, 16) for part in written.split("/"))
    if mask == 0xFFFFFFFF:
        return f"meta mark 0x{value:08x}"
    return f"meta mark & 0x{mask:08x} == 0x{value:08x}"


def packets_over(per_second: int) -> str:
    """The condition that more packets come than that; a tenth of a second's may come at once."""
    burst = max(1, per_second // 10)
    return f"limit rate over {per_second}/second" + ("" if burst == _NO_BURST else f" burst {burst} packets")


def bytes_over(per_second: int, burst_bytes: int) -> str:
    """The condition that more bytes come than that."""
    return f"limit rate over {_size(per_second)}/second burst {_size(burst_bytes)}"


def _size(amount: int) -> str:
    """In nft's units, each 1024 of the last, the largest that divides it."""
    units = ["bytes", "kbytes", "mbytes"]
    while len(units) > 1 and amount and amount % 1024 == 0:
        amount //= 1024
        units.pop(0)
    return f"{amount} {units[0]}"
