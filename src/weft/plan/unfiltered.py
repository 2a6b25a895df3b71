"""Which ports nothing filters until a plan is carried out: somebody has taken their tenant's filter away.

Rules: pure. A hook of a tenant's filter that is to be made, where links of ports are already. While it is missing
whatever it judges passes; an element that is missing lets nothing pass, and is none of this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from weft.kinds.nft.chain import NftChain
from weft.model.intent import Path
from weft.plan.phases import Plan
from weft.records import dataclass
from weft.state import Key, Op

NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfiltered:
    """A tenant's namespace, the hooks that it lacks, and the ports there, whosever they are."""

    netns: str
    chains: tuple[str, ...]
    ports: tuple[Path, ...]

    def __str__(self) -> str:
        more = [f"{len(self.ports) - NAMED} more"] if len(self.ports) > NAMED else []
        ports = ", ".join([*(".".join(path) for path in self.ports[:NAMED]), *more])
        return f"unfiltered until then, for somebody took {', '.join(self.chains)} out of {self.netns}: {ports}"


def unfiltered(todo: Plan, paths: Mapping[Key, Path]) -> tuple[Unfiltered, ...]:
    """By namespace, in the plan's order."""
    missing: dict[str, list[str]] = defaultdict(list)
    for change in todo.changes.values():
        chain = change.after
        if change.op is Op.CREATE and isinstance(chain, NftChain) and chain.family == "bridge" and chain.hook:
            missing[chain.netns].append(chain.name)
    ports: dict[str, dict[Path, None]] = defaultdict(dict)
    for key, path in paths.items() if missing else ():
        if key.netns in missing and key.table == "link" and path[2:3] == ("ports",) and not _is_new(todo, key):
            ports[key.netns].setdefault(path)
    return tuple(
        Unfiltered(netns=netns, chains=tuple(sorted(chains)), ports=tuple(ports[netns]))
        for netns, chains in missing.items()
        if ports[netns]
    )


def _is_new(todo: Plan, key: Key) -> bool:
    change = todo.changes.get(key)
    return change is not None and change.op is Op.CREATE
