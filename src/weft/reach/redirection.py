"""A connection that a router follows, and whether its floating IP still leads where it goes.

Rules: judged by its addresses alone: what came to a floating IP must go to the port, and the port of it, that the
address leads to now; what left by a floating IP must come from the port that it leads to now. All else goes on: a port
that gets a floating IP keeps the connections that it has by the router's address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from weft.compiler.floating.layout import FLOATING
from weft.kinds.nft.element import NftElement
from weft.reach.connection import Connection
from weft.reach.translation import Flow, Translator
from weft.state import KernelObject

_WHOLE = frozenset(FLOATING.values())


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
