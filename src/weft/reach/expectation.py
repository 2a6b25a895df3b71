"""Whether one port should reach another, and why.

Rules: to reach means there and back: the answer has to find its way by the translations that the question made. An
address that two tenants have is reached only where it is the wanted port's.
"""

from __future__ import annotations

from dataclasses import field, replace
from enum import StrEnum
from ipaddress import ip_address

from weft.reach.crossing import Crossing, Talk, why_stopped
from weft.reach.endpoints import UNSPECIFIED, Endpoint
from weft.reach.guests import silent
from weft.reach.routing import hops
from weft.reach.steps import Carried
from weft.reach.walk import World
from weft.reach.way import Verdict, Walk
from weft.records import dataclass
from weft.state import HOST, Key, link_key

_PROXIED_IPV6 = "net/ipv6/conf/{}/proxy_ndp"
ASKED = ("tcp", "udp")
"""What forwardings are asked by."""


class Reach(StrEnum):
    """OPEN: what is asked for does not decide it."""

    YES = "reach"
    NO = "apart"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Of one pair in one family. `objects`: all that the way there and back needs, or needed as far as it went;
    `places`: the namespaces that it leads through. `mtu`: the largest packet that passes both ways, in bytes, None
    where none does. `there`, `back`: the bridges that it leads over."""

    source: Endpoint
    target: Endpoint
    family: int
    reach: Reach
    why: str
    objects: frozenset[Key] = frozenset()
    places: tuple[str, ...] = ()
    mtu: int | None = None
    there: tuple[Crossing, ...] = field(default=(), repr=False, compare=False)
    back: tuple[Crossing, ...] = field(default=(), repr=False, compare=False)

    def asked(self, talk: Talk) -> Expectation:
        """The same of one question: a filter on the way may stop it, or its answer."""
        if self.reach is not Reach.YES:
            return self
        why = why_stopped(self.there, self.back, talk)
        return replace(self, reach=Reach.NO, why=why) if why else self


def expect(world: World, source: Endpoint, target: Endpoint, family: int) -> Expectation:
    """What `world` says of `source` asking `target`."""
    unknowable = _unknowable(source, target, family)
    if unknowable:
        return Expectation(source=source, target=target, family=family, reach=Reach.OPEN, why=unknowable)
    speaks = _speaks(world, source, target, family)
    if not speaks:
        why = f"{source.name} has no IPv{family} address to ask {target.asked(family)} with"
        return Expectation(source=source, target=target, family=family, reach=Reach.OPEN, why=why)
    there = _asking(world, source, speaks, target, family)
    back = None
    if there.verdict is Verdict.ARRIVES and (there.netns, there.target) == (target.netns, target.address(family)):
        back = world.answer(there)
    reach, why = _judge(there, back, source, target.asked(family))
    found = Expectation(
        source=source,
        target=target,
        family=family,
        reach=reach,
        why=why,
        objects=frozenset((*there.passed, *(back.passed if back else ()))),
        places=tuple(dict.fromkeys((*there.places, *(back.places if back else ())))),
        mtu=min(filter(None, (there.mtu, back.mtu if back else None)), default=None) if reach is Reach.YES else None,
        there=there.crossings,
        back=back.crossings if back else (),
    )
    return _beside(world, found) if source.comes_by else found


def _asking(world: World, source: Endpoint, speaks: str, target: Endpoint, family: int) -> Walk:
    if source.comes_by:
        return world.walk_in(link_key(HOST, source.comes_by), speaks, target.asked(family), target.talk)
    return world.walk(source.netns, speaks, target.asked(family), target.talk)


def _beside(world: World, found: Expectation) -> Expectation:
    """The same with what somebody beside a link needs besides: the link, and that somebody there answers for the
    address."""
    link, asked = link_key(HOST, found.source.comes_by), found.target.asked(found.family)
    entry, held = world.answers_for(link, asked), world.fabric.link(link)
    needed = {link, *filter(None, (entry,)), Key("sysctl", HOST, _PROXIED_IPV6.format(link.name))}
    found = replace(found, objects=found.objects | needed)
    if found.reach is not Reach.YES:
        return found
    if entry is None:
        return replace(found, reach=Reach.NO, mtu=None, why=f"nobody answers for {asked} on {link.name}")
    return replace(found, mtu=min(filter(None, (found.mtu, held.mtu if held else None)), default=None))


def _speaks(world: World, source: Endpoint, target: Endpoint, family: int) -> str:
    """The address that it asks with, "" where its route is not known."""
    own = source.address(family)
    if own != UNSPECIFIED[family]:
        return own
    tables = world.tables(source.netns)
    route = tables.route(target.asked(family), own)
    if route is None:
        return ""
    near = route.src or tables.first_address(family, hops(route)[0].ifname)
    if near and not (family == 6 and ip_address(near).is_link_local):
        return near
    return tables.any_address(family) or ""


def _unknowable(source: Endpoint, target: Endpoint, family: int) -> str:
    for end in (source, target):
        if end.is_guest:
            return silent(end.name)
        if not end.address(family):
            return f"{end.name} {'is' if end.floating else 'has'} no IPv{family} address"
    if target.talk is not None and target.talk.protocol not in ASKED:
        return f"what is forwarded is {target.talk.protocol}, which nobody asks by"
    if source.netns != target.netns or target.floating:
        return ""
    where = f"namespace {source.netns}" if source.netns else "the host"
    return f"both end in {where}, which delivers between them itself"


def _judge(there: Walk, back: Walk | None, source: Endpoint, asked: str) -> tuple[Reach, str]:
    if there.verdict is Verdict.UNKNOWN:
        return Reach.OPEN, there.why
    if back is None:
        is_others = there.verdict is Verdict.ARRIVES
        return Reach.NO, f"{there.why}, which is not where the port is" if is_others else there.why
    if back.verdict is Verdict.UNKNOWN:
        return Reach.OPEN, f"of the answer: {back.why}"
    if not (_is_sent_out(back, source) if source.comes_by else _is_back(back, source)):
        return Reach.NO, f"of the answer: {back.why}"
    if back.source != asked:
        return Reach.NO, f"the answer comes from {back.source}, and {asked} was asked"
    between = [place or "the host" for place in there.places[1:-1]]
    return Reach.YES, f"by {', '.join(between)}" if between else "on one network"


def _is_back(back: Walk, source: Endpoint) -> bool:
    return back.verdict is Verdict.ARRIVES and back.netns == source.netns


def _is_sent_out(back: Walk, source: Endpoint) -> bool:
    """Whether an answer leaves by the link that somebody outside asked by, for him and no next hop. Whether the State
    knows anything behind that link is nothing to it."""
    last = back.steps[-1] if back.steps else None
    out = link_key(HOST, source.comes_by)
    return isinstance(last, Carried) and last.out == out and last.next_hop == back.target and not last.down
