"""Whether the process may do what weft does. Source: capabilities(7)."""

from __future__ import annotations

from collections.abc import Iterator

from weft.check.finding import Finding, ok
from weft.check.symptoms import Symptoms


def find(symptoms: Symptoms) -> Iterator[Finding]:
    if symptoms.permitted:
        yield ok("may change the network (CAP_NET_ADMIN, CAP_SYS_ADMIN)")
    else:
        yield Finding(
            level="error",
            what="may not change the network",
            why="weft needs CAP_NET_ADMIN and CAP_SYS_ADMIN in this namespace, to look as well",
            mend="run weft as root; in a container, start it privileged",
        )
