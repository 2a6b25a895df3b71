"""Classes of what certain cgroups of this machine send.

Rules: a chain at a device does not know whose a packet is; the output hook does. So there what a cgroup sends by the
link gets its class, and all else that local sockets send by it the default. The device's chain comes later and keeps
such a class for packets of sockets of its own namespace alone (`meta skuid` sees no others): neither a macvlan's owner
nor whatever passes by can forge one. What it keeps it asks nothing more, so cgroups are asked for before all else.
Source: nft(8) SOCKET EXPRESSION, net/netfilter/nft_socket.c, nft_meta.c nft_meta_get_eval_skugid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from weft.compiler.findings import Cause, Finding
from weft.compiler.qos.branches import in_order
from weft.compiler.qos.classify import Classed, conditions, only
from weft.compiler.qos.site import Site
from weft.kinds.nft.chain import NftChain
from weft.kinds.nft.table import NftTable
from weft.model.intent import Path
from weft.model.qos import QosDirection, QosMatch

FAMILY = "inet"
BEFORE_SRCNAT = 90
ANYBODY = "meta skuid 0-4294967295"


def apart(asked: Sequence[Classed]) -> tuple[Sequence[Classed], Sequence[Classed]]:
    """The classes that packets show by themselves, and those that cgroups have, each with what matches so."""
    if not any(match.cgroup for one in asked for match in one.matches):
        return asked, ()
    return _only(asked, cgroup=False), _only(asked, cgroup=True)


def _only(asked: Sequence[Classed], *, cgroup: bool) -> tuple[Classed, ...]:
    kept = ((one, tuple(m for m in one.matches if bool(m.cgroup) == cgroup)) for one in asked)
    return tuple(replace(one, matches=some) for one, some in kept if some)


def output_chain(site: Site, sent: Sequence[Classed], default: str) -> NftChain:
    """What gives local packets their class. The last rule that matches decides, so the first class comes last."""
    by = f'oifname "{site.ifname}"'
    rules = [f"{by} meta priority set {default}"]
    for classed in reversed(sent):
        there = (match for match in classed.matches if match.cgroup in site.cgroups)
        texts = (text for match in there for text in _conditions(match))
        rules += (f"{by} {text} meta priority set {classed.classid}" for text in texts)
    return NftChain(
        netns=site.netns,
        family=FAMILY,
        table=site.names.table,
        name=f"qos-sent-{site.ifname}",
        rules=tuple(rules),
        type="filter",
        hook="output",
        priority=BEFORE_SRCNAT,
    )


def table(site: Site) -> NftTable:
    return NftTable(netns=site.netns, family=FAMILY, name=site.names.table)


def keeping(sent: Sequence[Classed]) -> str:
    """The rule that asks nothing more of what has the class of a cgroup."""
    return f"{only(one.classid for one in sent)} {ANYBODY} return"


def findings(site: Site, path: Path, direction: QosDirection) -> Iterator[Finding]:
    """What a class of a cgroup cannot be. A cgroup that is not there is a service that does not run, which must not
    keep a machine from coming up: its class has nothing until the next apply."""
    before = ""
    for name in in_order(direction):
        matches = direction.classes[name].match
        for at, match in enumerate(matches):
            if match.cgroup is None:
                continue
            where = (*path, "classes", name, "match", str(at))
            if before:
                what = f"what a cgroup sends is known before all else, and class {before} is asked before"
                yield Finding(path=where, what=what, fix=f"put {name} before {before}")
            if match.source_mac or match.destination_mac:
                yield Finding(path=where, what="where senders are known frames have no MAC yet", fix="addresses")
            if match.cgroup not in site.cgroups and "nft_cgroup" in site.features:
                yield Finding(
                    path=(*where, "cgroup"),
                    what=f"there is no cgroup {match.cgroup}, so nothing comes to {name} from there",
                    fix="start what makes it, then `weft apply`",
                    severity="warning",
                    cause=Cause.MACHINE,
                )
        if any(match.cgroup is None for match in matches):
            before = before or name


def _conditions(match: QosMatch) -> Iterator[str]:
    assert match.cgroup is not None
    sender = f'socket cgroupv2 level {match.cgroup.count("/") + 1} "{match.cgroup}"'
    for text in conditions(replace(match, cgroup=None)):
        yield f"{text} {sender}".lstrip()
