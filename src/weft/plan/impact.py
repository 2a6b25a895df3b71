"""Which ports, uplinks and links lose connectivity by a plan, and for about how long.

Rules: pure. A duration is an estimate from the number of kernel changes in the switch phase; it says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import Enum

from weft.compiler.qos.site import QOS, WAYS_IN
from weft.diff import differing_fields
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.link.common import Link
from weft.kinds.link.ifb import Ifb
from weft.kinds.setting.belongings import ADDRESSES, readable
from weft.kinds.setting.link import BOND, MASTER, UP, LinkSetting
from weft.model.intent import Path
from weft.plan.diverted import leads_in, left
from weft.plan.phases import Phase, Plan
from weft.plan.subject import Subjects
from weft.plan.unfollowed import unfollowed
from weft.records import dataclass
from weft.state import Change, KernelObject, Key, Mark, Op, link_key

CHANGE_MS = 0.3
"""About what one change in the switch phase takes, batched (measured on two cores: 300 ports in 0.7 s)."""

INTERRUPTING = frozenset({"mac", "mtu", "master", "up"})
"""Changes of a living link that its traffic notices."""


_BEFORE = "of those that began before, what comes in next is judged as if it were the first"


class Effect(Enum):
    """GONE: the whole object. CUT: it works again by itself. LOST: it stays, but not all it had. MOVED: a floating IP
    leads elsewhere, for all or for some. UNFOLLOWED: of its connections those may end that began before."""

    GONE = "gone"
    CUT = "cut"
    LOST = "lost"
    MOVED = "moved"
    UNFOLLOWED = "unfollowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What befalls one object of the intent. `duration_ms`: estimate for CUT, else None."""

    subject: Path
    effect: Effect
    why: str
    duration_ms: float | None = None

    def __str__(self) -> str:
        name = ".".join(self.subject)
        if self.effect is Effect.GONE:
            return f"{name} goes: {self.why}"
        if self.effect is Effect.LOST:
            return f"{name} loses what depends on it for good: {self.why}"
        if self.effect is Effect.MOVED:
            return f"{name} leads elsewhere: {self.why}"
        if self.effect is Effect.UNFOLLOWED:
            return f"{name} may lose connections: {self.why}"
        return f"{name} is cut for about {self.duration_ms:.0f} ms: {self.why}"


def impacts(todo: Plan, paths: Mapping[Key, Path]) -> tuple[Impact, ...]:
    """The impact on each object that works now, in the plan's order; what is new loses nothing."""
    subjects = Subjects(todo.changes, paths)
    duration_ms = max(1.0, CHANGE_MS * sum(len(step.changes) for step in todo.steps(Phase.SWITCH)))
    wanted = set(paths.values())
    floating = dict.fromkeys(left(todo.changes))
    found: dict[Path, Impact] = {}
    for change in todo.changes.values():
        why = _why(change)
        if why is None or _leads_to(change.before, floating) or _is_missed_by_nobody(change.before):
            continue
        subject = subjects.of(change)
        if change.op is not Op.DELETE:
            found.setdefault(subject, Impact(subject=subject, effect=Effect.CUT, why=why, duration_ms=duration_ms))
        elif subject in wanted:
            found[subject] = Impact(subject=subject, effect=Effect.LOST, why=why)
        elif isinstance(change.before, Link):
            found[subject] = Impact(subject=subject, effect=Effect.GONE, why=why)
    for change in unfollowed(todo.changes):
        subject = subjects.of(change)
        found.setdefault(subject, Impact(subject=subject, effect=Effect.UNFOLLOWED, why=_BEFORE))
    return (*found.values(), *_moved(floating, wanted))


def _moved(floating: Iterable[str], wanted: Iterable[Path]) -> Iterator[Impact]:
    """Of each floating IP, by its path where it is still wanted."""
    places = {path[3]: path[:4] for path in wanted if path[2:3] == ("floating_ips",)}
    for address in floating:
        if address in places:
            yield Impact(subject=places[address], effect=Effect.MOVED, why="connections by it end")
        else:
            yield Impact(subject=("floating_ips", address), effect=Effect.GONE, why="connections by it end")


def _leads_to(obj: KernelObject | None, floating: Collection[str]) -> bool:
    """Whether it is the host's or a router's route to one of some floating IPs."""
    return isinstance(obj, Route) and obj.dst.partition("/")[0] in floating


def _is_missed_by_nobody(obj: KernelObject | None) -> bool:
    """Whether it is a route to nowhere, or the host's to the one address of the pool that it knew a port or network by:
    what is left of the way out takes up what went by that (see `given_up`), and a link of it that goes says so."""
    if not isinstance(obj, Route):
        return False
    return obj.type != "unicast" or (leads_in(obj) and obj.dst.endswith(("/32", "/128")))


def _move(now: LinkSetting, after: KernelObject | None) -> str:
    """What of a link's moves to the bridge that it joins, or back."""
    if isinstance(after, LinkSetting) and not now.value:
        return f"{readable(after.value)} come back to {now.ifname}"
    return f"{readable(now.value)} of {now.ifname} move" if now.value else f"the addresses of {now.ifname} come back"


def _is_detour(obj: Link | Address | Route) -> bool:
    """Whether it is an ifb of quality of service: without it packets take the direct way."""
    mark = Mark.parse(obj.alias) if isinstance(obj, Ifb) else None
    return mark is not None and (mark.object.endswith(f"/{QOS}") or mark.object.startswith(f"{WAYS_IN}/"))


def _why(change: Change) -> str | None:
    obj = change.before
    if isinstance(obj, LinkSetting) and obj.attribute == ADDRESSES:
        return _move(obj, change.after)
    if isinstance(obj, LinkSetting) and obj.attribute in (MASTER, UP, BOND):
        return f"{obj.attribute} of {link_key(obj.netns, obj.ifname)} changes"
    if not isinstance(obj, (Link, Address, Route)) or _is_detour(obj):
        return None
    if change.op is Op.DELETE:
        return f"{change.key} is deleted"
    if change.op is Op.REPLACE:
        return f"{change.key} is replaced"
    if change.op is Op.UPDATE and change.after is not None:
        noticed = INTERRUPTING.intersection(differing_fields(obj, change.after))
        return f"{', '.join(sorted(noticed))} of {change.key} changes" if noticed else None
    return None
