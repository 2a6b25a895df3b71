"""Which trees of an intent stand somewhere, and which have nothing to stand on: their link is gone, or the process that
a port belongs to does not run.

Rules: pure. A link that the file is to make is none of these: it is wanted, and its trees are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from weft.compiler.qos.planted import Planted
from weft.compiler.qos.shares import port_policy
from weft.model.intent import Intent, Path
from weft.records import dataclass
from weft.service.absent import whole_of
from weft.service.prepared import Prepared
from weft.service.status import Difference, left_out
from weft.state import link_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """`gone`: with what `status` says of each. `ports`: those that ask for something of which nothing is planted."""

    standing: Sequence[Planted]
    gone: Sequence[tuple[Planted, Difference]]
    ports: Sequence[tuple[Path, Difference]]


def parted(prepared: Prepared, told: Iterable[Planted]) -> Parted:
    """What is planted, by whether there is anything that it stands on."""
    lacking = list(left_out(prepared))
    standing: list[Planted] = []
    gone: list[tuple[Planted, Difference]] = []
    for one in told:
        why = None if _stands(one, prepared) else _why(one, lacking)
        if why is None:
            standing.append(one)
        else:
            gone.append((one, why))
    known = {one.path for one in (*standing, *(one for one, _ in gone))}
    return Parted(standing=standing, gone=gone, ports=tuple(_ports(prepared, lacking, known)))


def _stands(one: Planted, prepared: Prepared) -> bool:
    """Where it queues and whom it shapes: an ifb may still be there when its link is gone."""
    links = [one.link]
    if one.shaping is not None:
        links.append(link_key(one.shaping.site.netns, one.shaping.site.ifname))
    return all(link in prepared.desired or link in prepared.observed for link in links)


def _why(one: Planted, lacking: Sequence[Difference]) -> Difference | None:
    """What is said of the carrier itself before what is said of the link that it stands on."""
    own = (found for found in lacking if found.subject == whole_of(one.path))
    below = (found for found in lacking if found.key == one.link)
    return next(own, None) or next(below, None)


def _ports(prepared: Prepared, lacking: Iterable[Difference], known: set[Path]) -> Iterator[tuple[Path, Difference]]:
    if prepared.loaded is None:
        return
    for found in lacking:
        if found.subject not in known and _asks(prepared.loaded.intent, found.subject):
            yield found.subject, found


def _asks(intent: Intent, path: Path) -> bool:
    match path:
        case ("tenants", tenant, "ports", name):
            policy = port_policy(intent, tenant, intent.tenants[tenant].ports[name])
            return policy is not None and (policy.egress is not None or policy.ingress is not None)
    return False
