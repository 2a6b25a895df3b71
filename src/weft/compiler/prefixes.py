"""Which of many prefixes an address lies in, without a look at each."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_interface


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
