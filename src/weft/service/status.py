"""How far the machine is from what was asked: what is missing, what was changed, what somebody added."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.link.common import Link
from weft.model.intent import Path
from weft.ownership import ground_scope
from weft.plan.render import describe
from weft.plan.subject import Subjects
from weft.records import dataclass
from weft.service.absent import whole_of
from weft.service.places import label_of
from weft.service.prepared import Prepared
from weft.state import HOST, KernelObject, Key, Mark, Op, netns_key
from weft.store.ledger import Ledger


class Drift(Enum):
    MISSING = "missing"
    CHANGED = "changed"
    EXTRA = "extra"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`extra`: weft's own mark, but the file no longer wants it. `foreign`: somebody else's, on weft's ground or in its
    way. `where` the user's line or ""."""

    drift: Drift
    key: Key
    subject: Path
    told: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """`objects`: how many kernel objects are wanted. `unconfirmed_s`: seconds until all is taken back, None where
    nothing is on trial. `adopted`: links and namespaces that are weft's and were there before, which it gives up."""

    scope: str
    objects: int
    differences: tuple[Difference, ...]
    unfinished: bool
    unconfirmed_s: float | None = None
    adopted: tuple[Key, ...] = ()

    @property
    def clean(self) -> bool:
        return not self.unfinished and not self.differences


_DRIFT = {Op.CREATE: Drift.MISSING, Op.UPDATE: Drift.CHANGED, Op.REPLACE: Drift.CHANGED, Op.DELETE: Drift.EXTRA}


def status_of(prepared: Prepared, unfinished: bool, unconfirmed_s: float | None = None) -> Status:
    """Compare, and list everything that differs, the file's own objects first."""
    return Status(
        scope=prepared.scope,
        objects=len(prepared.desired),
        differences=(*left_out(prepared), *_own(prepared), *_foreign(prepared)),
        unfinished=unfinished,
        unconfirmed_s=unconfirmed_s,
        adopted=adopted(prepared.machine.ledger, prepared.scope),
    )


def adopted(ledger: Ledger, scope: str) -> tuple[Key, ...]:
    """The links and namespaces that a scope has taken over."""
    held = ledger.scopes(scope).items()
    return tuple(sorted(key for key, whose in held if whose == scope and key.table in ("link", "netns")))


def left_out(prepared: Prepared) -> Iterator[Difference]:
    """The links that are not there, or in other use, the users, groups, programs and keys that are not there, the ports
    that end in a process which does not run, and the classes of cgroups which are not there."""
    if prepared.loaded is None:
        return
    origins = prepared.loaded.origins
    for finding in prepared.left_out:
        path, where = finding.path, origins.at(finding.path)
        if finding.missing is not None:
            drift = Drift.FOREIGN if finding.unfit else Drift.MISSING
            yield Difference(drift=drift, key=finding.missing, subject=whole_of(path), told=finding.what, where=where)
        elif (key := finding.unknown) is not None:
            yield Difference(drift=Drift.MISSING, key=key, subject=whole_of(path), told=finding.what, where=where)
        elif path[-1] == "cgroup":
            key = Key("cgroup", HOST, path[path.index("classes") + 1])
            yield Difference(drift=Drift.MISSING, key=key, subject=path, told=finding.what, where=where)
        elif "attach" in path:
            _, tenant, _, port = subject = path[: path.index("attach")]
            key = netns_key(label_of(prepared.loaded.intent.tenants[tenant].ports[port].attach))
            yield Difference(drift=Drift.MISSING, key=key, subject=subject, told=finding.what, where=where)


def _own(prepared: Prepared) -> Iterator[Difference]:
    subjects = Subjects(prepared.plan.changes, prepared.paths)
    told = prepared.told.changes
    for change in prepared.plan.changes.values():
        if change.key in prepared.foreign:
            continue
        subject = subjects.of(change)
        yield Difference(
            drift=_DRIFT[change.op],
            key=change.key,
            subject=subject,
            told=describe(told[change.key]),
            where=prepared.where(subject),
        )


def _foreign(prepared: Prepared) -> Iterator[Difference]:
    for key in prepared.foreign:
        path = prepared.paths[key]
        told = f"{key} is somebody else's and stands in the way"
        yield Difference(drift=Drift.FOREIGN, key=key, subject=path, told=told, where=prepared.where(path))
    held = prepared.machine.ledger.entries().keys()  # by other scopes: they have a right to be there
    for key, obj in prepared.observed.items():
        if key in prepared.ours or key in prepared.desired or key in held:
            continue
        ground = _our_ground(obj, prepared)
        if ground is not None and not getattr(prepared.desired.get(ground), "adopt", False):
            told = f"{key} is not weft's, but stands on {ground}"
            subject = prepared.paths.get(ground, ())
            yield Difference(drift=Drift.FOREIGN, key=key, subject=subject, told=told, where=prepared.where(subject))


def _our_ground(obj: KernelObject, prepared: Prepared) -> Key | None:
    """The link or namespace of this scope that a foreign object stands on."""
    if isinstance(obj, (Address, Route)):
        scope = ground_scope(obj, prepared.observed, prepared.machine.host_id)
        return obj.lives_on[0] if scope == prepared.scope and obj.lives_on else None
    if isinstance(obj, Link) and obj.netns != HOST:
        space = prepared.ours.get(netns_key(obj.netns))
        if space is not None and Mark.parse(obj.alias) is None:
            return space.key
    return None
