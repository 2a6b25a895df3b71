"""A connection that a router follows, and whether its floating IP still leads where it goes.

Rules: judged by its addresses alone: what came to a floating IP must go to the port, and the port of it, that the
address leads to now; what left by a floating IP must come from the port that it leads to now. All else goes on: a port
that gets a floating IP keeps the connections that it has by the router's address.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from weft.compiler.floating.layout import FLOATING, FORWARDS
from weft.diff import Changes
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.element import NftElement
from weft.reach.connection import Connection
from weft.reach.translation import Flow, Translator
from weft.state import KernelObject

_BY_ADDRESS = frozenset({*FLOATING.values(), *FORWARDS.values()})
_WHOLE = frozenset(FLOATING.values())
FORWARDED = re.compile(
    r"ip6? daddr (?P<address>\S+) (?P<protocol>\w+) dport (?P<low>\d+)-(?P<high>\d+) dnat (?P<to>.+)"
)


class Redirection:
    """What one router shall hold, as a judge of the connections of some floating IPs."""

    def __init__(self, objects: Iterable[KernelObject], moved: Collection[str]) -> None:
        held = list(objects)
        self._translator = Translator.of(held)
        self._moved = moved
        self._leads = {obj.element: obj.value for obj in held if isinstance(obj, NftElement) and obj.set in _WHOLE}

    def refuses(self, connection: Connection) -> bool:
        """Whether it leads elsewhere than its floating IP."""
        return self._is_diverted(connection) or self._is_another_s(connection)

    def _is_diverted(self, connection: Connection) -> bool:
        if connection.target not in self._moved:
            return False
        flow = Flow(
            source=connection.source,
            target=connection.target,
            protocol=connection.protocol,
            port=connection.dport if connection.word else 0,
        )
        found = self._translator.destination(flow)
        there, _, port, _ = connection.answer
        if found is None:
            return there != connection.target
        return there != found.address or (bool(flow.port) and port != (found.port or flow.port))

    def _is_another_s(self, connection: Connection) -> bool:
        _, given, _, _ = connection.answer
        is_translated = given in self._moved and given != connection.source
        return is_translated and self._leads.get(given) != connection.source


def moved(changes: Changes) -> dict[str, set[str]]:
    """By router, the floating IPs that lead elsewhere than before, or anywhere at all."""
    found: dict[str, set[str]] = {}
    for key, change in changes.items():
        addresses = set(_addresses(change.before)) ^ set(_addresses(change.after))
        if addresses:
            found.setdefault(key.netns, set()).update(address for address, _ in addresses)
    return found


def floating_in(objects: Iterable[KernelObject]) -> frozenset[str]:
    """The floating IPs that lead anywhere."""
    return frozenset(address for obj in objects for address, _ in _addresses(obj))


def left(changes: Changes) -> tuple[str, ...]:
    """The floating IPs that no longer lead, for all or for some, where they led, in the order of the changes."""
    found: dict[str, None] = {}
    for change in changes.values():
        if isinstance(change.before, NftChain):
            found.update(dict.fromkeys(_narrowed(change.before, change.after)))
        else:
            gone = set(_addresses(change.before)) - set(_addresses(change.after))
            found.update(dict.fromkeys(address for address, _ in gone))
    return tuple(found)


def _narrowed(before: NftChain, after: KernelObject | None) -> Iterator[str]:
    """The floating IPs of ranges that no rule holds whole any more."""
    ranges = [found for rule in getattr(after, "rules", ()) if (found := FORWARDED.fullmatch(rule))]
    for rule in before.rules:
        was = FORWARDED.fullmatch(rule)
        if was and not any(_covers(now, was) for now in ranges):
            yield was["address"]


def _covers(now: re.Match[str], was: re.Match[str]) -> bool:
    is_same = all(now[key] == was[key] for key in ("address", "protocol", "to"))
    return is_same and int(now["low"]) <= int(was["low"]) and int(was["high"]) <= int(now["high"])


def _addresses(obj: KernelObject | None) -> Iterator[tuple[str, str]]:
    """Floating IPs that an object is about, each with what it says of it."""
    if isinstance(obj, NftElement) and obj.set in _BY_ADDRESS:
        yield obj.element.partition(" . ")[0], f"{obj.element} {obj.value}"
    elif isinstance(obj, NftChain):
        yield from ((found["address"], rule) for rule in obj.rules if (found := FORWARDED.fullmatch(rule)))
