"""Which of many prefixes an address lies in, or another prefix meets, without a look at each. Prefixes nest or are
apart."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from ipaddress import ip_address, ip_interface

from weft.compiler.addressing import Span


class Prefixes:
    """What prefixes lead to. One lookup costs as much as there are lengths of prefixes."""

    def __init__(self, entries: Iterable[tuple[str, str]]) -> None:
        """Pairs of an interface's address with its prefix length, and what the prefix leads to."""
        self._held: dict[tuple[int, int, int], str] = {}
        lengths: dict[int, set[int]] = {}
        for cidr, leads_to in entries:
            network = ip_interface(cidr).network
            suffix = network.max_prefixlen - network.prefixlen
            key = (network.version, suffix, int(network.network_address) >> suffix)
            self._held[key] = min(leads_to, self._held.get(key, leads_to))
            lengths.setdefault(network.version, set()).add(suffix)
        self._suffixes = {version: sorted(found) for version, found in lengths.items()}

    def find(self, address: str) -> str | None:
        """What the narrowest prefix that holds the address leads to; of several, the first by its name."""
        parsed = ip_address(address)
        version, number = parsed.version, int(parsed)
        keys = ((version, suffix, number >> suffix) for suffix in self._suffixes.get(version, ()))
        return next((self._held[key] for key in keys if key in self._held), None)


class Spans:
    """Prefixes, found by what they meet. One lookup costs as much as there are lengths of prefixes, and as it finds."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = sorted(spans, key=lambda span: (span.family, span.low, -span.high))
        self._starts = [(span.family, span.low) for span in self._spans]
        self._wide: dict[tuple[int, int, int], list[Span]] = {}
        sizes: dict[int, set[int]] = {}
        for span in self._spans:
            self._wide.setdefault((span.family, _bits(span), span.low >> _bits(span)), []).append(span)
            sizes.setdefault(span.family, set()).add(_bits(span))
        self._sizes = {family: sorted(found, reverse=True) for family, found in sizes.items()}

    def meeting(self, other: Span) -> list[Span]:
        """Those that hold the other, the widest first, then those that are within it."""
        family, bits = other.family, _bits(other)
        wider = (size for size in self._sizes.get(family, ()) if size > bits)
        found = [span for size in wider for span in self._wide.get((family, size, other.low >> size), ())]
        first = bisect_left(self._starts, (family, other.low))
        last = bisect_right(self._starts, (family, other.high))
        return found + [span for span in self._spans[first:last] if span.high <= other.high]


def _bits(span: Span) -> int:
    """Those of an address that its prefix leaves free."""
    return (span.high - span.low).bit_length()
