"""Which calls have come to a service that is somebody else's, told by the ports that they came from.

Rules: nothing is sent, read or held up: a chain behind all others notes who calls, one before all others who is
answered. The table belongs to its socket, so that the kernel takes it away however the process ends. What a firewall of
the namespace stops has not come.
Source: nft(8) "flags owner", "SET STATEMENT".
"""

from __future__ import annotations

import os
import re
from itertools import count

from weft.backends.libnftables import FLAGS, Complaint, Context
from weft.backends.nft_tracing import FIRST, LAST

TABLE = "weft_arrivals"
"""How the tables are called, with the number of the process and one of its own behind; no scope's is called so."""
_MOST = 65_535
_NUMBERS = count()
_ELEMENTS = re.compile(r"elements = \{([^}]*)\}")


class Arrivals:
    """Calls by TCP to one port of one address, from when this is made. The calling thread is in the namespace, then and
    at every look."""

    def __init__(self, address: str, port: int) -> None:
        """Raises: Complaint where the kernel cannot, FeatureMissing."""
        self._table = f"{TABLE}_{os.getpid()}_{next(_NUMBERS)}"
        self._context = Context(FLAGS)
        family, known = "ip6" if ":" in address else "ip", f"type inet_service; size {_MOST}; flags dynamic;"
        called = f"{family} daddr {address} tcp dport {port} tcp flags & (syn|ack) == syn"
        answer = f"{family} saddr {address} tcp sport {port} tcp flags & (syn|rst) != 0"
        try:
            self._context.run(
                f"table inet {self._table} {{\nflags owner\n"
                f"set seen {{ {known} }}\nset answered {{ {known} }}\n"
                f"chain in {{ type filter hook input priority {LAST}; policy accept;\n"
                f"{called} add @seen {{ tcp sport }}\n}}\n"
                f"chain out {{ type filter hook output priority {FIRST}; policy accept;\n"
                f"{answer} add @answered {{ tcp dport }}\n}}\n}}"
            )
        except Complaint:
            self.close()
            raise

    def close(self) -> None:
        self._context.close()

    def seen(self) -> frozenset[int]:
        """The ports that calls came from. Raises: Complaint where somebody flushed the table."""
        return self._ports("seen")

    def answered(self) -> frozenset[int]:
        """The ports that an answer left for, be it a refusal. Raises: Complaint where somebody flushed the table."""
        return self._ports("answered")

    def _ports(self, name: str) -> frozenset[int]:
        found = _ELEMENTS.search(self._context.ask(f"list set inet {self._table} {name}"))
        return frozenset(int(word) for word in re.findall(r"\d+", found[1])) if found else frozenset()
