"""The first half of the road: from an intent to its plan. Takes no lock and changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import field, fields, is_dataclass, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

from weft.backends.base import Selection
from weft.backends.former import to_put_back
from weft.compiler import Cause, Compiled, CompileError, Finding, compile
from weft.errors import ForeignObject, IntentInvalid, KernelRefused, Problem, RolledBack
from weft.facts import Facts, KeyFile
from weft.files import Loaded
from weft.kinds import command
from weft.kinds.link.common import Link
from weft.kinds.link.macsec import Macsec, with_sources
from weft.kinds.netns import Namespace
from weft.kinds.setting.link import LinkSetting, cannot_give_way
from weft.kinds.setting.sysctl import Sysctl
from weft.kinds.tc.qdisc import Qdisc
from weft.lint import lint
from weft.model.intent import Intent
from weft.observe import Machine
from weft.ownership import claim_of, ground_scope, inhabited, why_not
from weft.plan import Plan, plan
from weft.plan.renamed import renamed
from weft.plan.rivals import may_have_rivals, rivals
from weft.plan.rivals import told as in_common
from weft.plan.told import as_told
from weft.probe import gather
from weft.records import dataclass
from weft.service.absent import absences, absent_links, without_links
from weft.service.adoption import given_up
from weft.service.losses import losses, no_longer_forwarding
from weft.service.places import label_of
from weft.state import HOST, KernelObject, Key, Mark, State
from weft.store import codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An intent thought through, with all that led to its plan. `ours`: what of the observed is the scope's to change;
    `foreign`: what stands at a wanted key and is not. `loaded` None: nothing is wanted (destroy). `left_out`: what the
    machine lacks for parts of the intent of which nothing is made; among the warnings too. `fallen`: where objects are
    spoken of that are not wanted for that. `rivals`: by the key of what is to be made, what the
    kernel would not let it stand beside. `told`: the plan to be read. `adopted`: which of `ours` nobody has claimed
    yet."""

    scope: str
    machine: Machine
    observed: State
    ours: State
    foreign: State
    desired: State
    paths: Mapping[Key, tuple[str, ...]]
    plan: Plan
    told: Plan
    facts: Facts | None = None
    loaded: Loaded | None = None
    warnings: tuple[Problem, ...] = ()
    adopted: frozenset[Key] = frozenset()
    left_out: tuple[Finding, ...] = ()
    fallen: frozenset[tuple[str, ...]] = frozenset()
    rivals: Mapping[Key, Link] = field(default_factory=dict)
    _spoken_of: set[tuple[str, ...]] = field(default_factory=set, init=False, repr=False, compare=False)

    def where(self, path: tuple[str, ...]) -> str:
        """file:line:column of a path of the intent, "" where no file speaks of it."""
        if not self._spoken_of:
            self._spoken_of.update(self.paths.values())
        return self.loaded.origins.at(path) if self.loaded and path in self._spoken_of else ""

    @property
    def on_this_host(self) -> State:
        """What is wanted, and what others have on the host."""
        others = State((key, obj) for key, obj in self.observed.items() if key.netns == HOST and key not in self.ours)
        return State(others | self.desired)

    @property
    def digest(self) -> str:
        """Of all that decided the plan: a saved plan is good as long as this is the same."""
        before = State((key, _settled_keys(obj)) for key, obj in self.plan.before.items())
        former, goal = (codec.encode(dict(sorted(state.items()))) for state in (before, self.plan.after))
        return sha256(codec.dumps({"facts": _settled(self.facts), "former": former, "goal": goal})).hexdigest()

    @property
    def is_applied(self) -> bool:
        """Whether anything of it is here, if anything of its own is to be."""
        own = ("netns", "link")
        return any(key.table in own for key in self.ours) or not any(key.table in own for key in self.desired)

    def demand_applied(self, fix: str) -> None:
        """Raises: IntentInvalid."""
        if not self.is_applied:
            raise IntentInvalid([Problem(where=self.scope, what="nothing of it is applied here", fix=fix)])

    @property
    def is_refused(self) -> bool:
        """Whether somebody else's is in the way of the plan."""
        return bool(self.foreign or self.rivals)

    def demand_no_foreign(self) -> None:
        """Raises: ForeignObject naming everything in the way, each with the line that wants its place."""
        if self.is_refused:
            alike = (self._alike(key, rival) for key, rival in self.rivals.items())
            raise ForeignObject.of([*(self._in_the_way(key) for key in self.foreign), *alike])

    def placed(self, failure: RolledBack) -> RolledBack:
        """The same with the line of the file that wanted what the kernel refused."""
        refused = failure.__cause__
        if not isinstance(refused, KernelRefused) or refused.where:
            return failure
        change = next((one for one in self.plan.changes.values() if str(one) == refused.change), None)
        where = self.where(self.paths.get(change.key, ())) if change else ""
        if not where:
            return failure
        placed = RolledBack(f"{where}: {failure}")
        placed.where = where
        return placed

    def _alike(self, key: Key, rival: Link) -> Problem:
        mark = Mark.parse(rival.alias)
        whose = f"of the scope {mark.scope}" if mark else "not weft's"
        what = f"{key} cannot be made: {rival.key} is {whose} and has the same {in_common(rival)}"
        return Problem(where=self.where(self.paths.get(key, ())), what=what, fix="another one, or remove that")

    def _in_the_way(self, key: Key) -> Problem:
        there, wanted, where = self.foreign[key], self.desired[key], self.where(self.paths[key])
        entry = self.machine.ledger.entries().get(key)
        if entry is not None and isinstance(there, (Sysctl, LinkSetting)):
            what = f"{key} is set to {entry.ours[-1]} by the scope {entry.scopes[0]}"
            return Problem(where=where, what=what, fix="say the same or leave it out")
        if isinstance(wanted, Link) and wanted.adopt and (why := why_not(there, wanted)):
            what = f"{key} cannot be adopted without being made anew: {why}"
            return Problem(where=where, what=what, fix="say it as it is, or delete it first")
        if isinstance(there, LinkSetting):
            what = f"the root qdisc of {there.ifname} cannot give way: {cannot_give_way(there)} would not come back"
            return Problem(where=where, what=what, fix="remove it yourself, and keep what made it")
        if isinstance(there, Qdisc):
            return self._root_in_the_way(there, where)
        fix = "rename yours or remove it"
        if type(there) is type(wanted) and isinstance(there, Link) and isinstance(wanted, Link) and not there.alias:
            mend = command.ip(key.netns, "link", "set", "dev", key.name, "alias", wanted.alias or "")
            fix = f"{fix}; if weft made it and somebody took its mark: {mend}"
        return Problem(where=where, what=f"{key} is there already and is not weft's", fix=fix)

    def _root_in_the_way(self, root: Qdisc, where: str) -> Problem:
        entries = self.machine.ledger.entries()
        entry, link = entries.get(root.key), root.lives_on[0]
        scope = entry.scopes[0] if entry is not None and claim_of(root) in entry.ours else None
        if scope is None and link not in entries:
            scope = ground_scope(root, self.observed, self.machine.host_id)
        what = f"{root.ifname} has a root qdisc already, {claim_of(root)}, and it is"
        if scope is not None:
            return Problem(where=where, what=f"{what} the scope {scope}'s", fix="take one of the two policies out")
        fix = "with `replace: true` it gives way and comes back; or remove it"
        return Problem(where=where, what=f"{what} not weft's", fix=fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """What was applied before speaks of labels of namespaces, and of files of keys."""

    namespaces: frozenset[str] = frozenset()
    key_files: Mapping[str, KeyFile] = field(default_factory=dict)


def prepare(machine: Machine, loaded: Loaded, run: Path, former: Former, *, lenient: bool = False) -> Prepared:
    """Observe, compile, diff, plan. `run`: where the features found are remembered. `lenient`: what stands on links
    that are not there is left out.

    Raises: IntentInvalid, NotPermitted, FeatureMissing, DumpInterrupted, Refused for a link that is not there.
    """
    intent = loaded.intent
    observed = machine.observe(namespaces_of(intent).union(former.namespaces), bridging=_adopts(intent))
    facts = gather(machine, intent, observed, run)
    compiled = _compile(loaded, facts, observed, lenient)
    observed.update(machine.read_singly(compiled.state))
    parts = machine.split(observed, compiled.state)
    desired, kept = _keep_inhabited(observed, parts.ours, compiled.state)
    desired = given_up(machine, parts.ours, desired)
    known = {**former.key_files, **facts.key_files}
    key_files = {found.key_id: file for file, found in known.items() if not found.problem}
    ours = with_sources(parts.ours, key_files)
    todo = plan(ours, desired)
    shown = told(machine, todo)
    lost = losses(todo, observed, parts.ours, _places(loaded, compiled, todo))
    lost = chain(lost, no_longer_forwarding(shown, observed, parts.ours))
    return Prepared(
        scope=intent.name,
        machine=machine,
        observed=observed,
        ours=ours,
        foreign=parts.foreign,
        adopted=parts.adopted,
        desired=desired,
        paths=compiled.paths,
        plan=todo,
        rivals=rivals(todo, _everywhere(machine, todo, observed), ours),
        told=shown,
        facts=facts,
        loaded=loaded,
        # a range's are the same, in one place
        warnings=tuple(dict.fromkeys((*_warnings(loaded, compiled, facts), *kept, *lost, *_renamings(loaded, todo)))),
        left_out=tuple(dict.fromkeys(one for one in compiled.warnings if one.cause is Cause.MACHINE)),
        fallen=frozenset(path for key, path in compiled.paths.items() if key not in compiled.state),
    )


def _everywhere(machine: Machine, todo: Plan, observed: State) -> State:
    """What was observed, and where anything is to be made that nothing else may be like, the links of every other
    namespace that has a name: what is made from the host may stand there."""
    if not may_have_rivals(todo):
        return observed
    read = {HOST, *(key.netns for key in observed)}
    others = tuple(sorted(set(machine.rtnl.namespaces()) - read))
    return State(machine.rtnl.observe(Selection(namespaces=others)) | observed) if others else observed


def prepare_nothing(machine: Machine, former: Collection[str] = (), newborn: frozenset[Key] = frozenset()) -> Prepared:
    """The plan that takes away all that bears the scope's marks. `former`: as for `prepare`; `newborn`: what may have
    been made and not marked yet.

    Raises: NotPermitted, DumpInterrupted.
    """
    observed = machine.observe(former, machine.noted())
    ours = machine.split(observed, State(), newborn).ours
    desired, kept = _keep_inhabited(observed, ours, State())
    desired = given_up(machine, ours, desired)
    todo = plan(ours, desired)
    shown = told(machine, todo)
    lost = (*losses(todo, observed, ours, {}), *no_longer_forwarding(shown, observed, ours))
    return Prepared(
        scope=machine.scope,
        machine=machine,
        observed=observed,
        ours=ours,
        foreign=State(),
        desired=desired,
        paths={},
        plan=todo,
        told=shown,
        warnings=(*kept, *lost),
    )


def told(machine: Machine, todo: Plan) -> Plan:
    """A plan as it is to be read while the ledger still knows the former values."""
    entries = machine.ledger.entries()

    def former(setting: Sysctl | LinkSetting) -> str | None:
        entry = entries.get(setting.key)
        if entry is None:
            return None
        return to_put_back(entry, now=setting.value, cookie=entry.cookie, scope=machine.scope)

    return as_told(todo, former)


def _keep_inhabited(observed: State, ours: State, desired: State) -> tuple[State, tuple[Problem, ...]]:
    """Instead of a namespace that goes with somebody else's link in it, one that stays and bears no mark; and a warning
    for each."""
    kept = {key: link for key, link in inhabited(observed, ours).items() if key not in desired}
    unmarked = {key: Namespace(name=key.name, alias="") for key in kept}
    fix = "delete the link first if the namespace shall go too"
    said = (
        Problem(
            where=str(key), what=f"stays, no longer weft's: {link.key} in it is not weft's", fix=fix, severity="warning"
        )
        for key, link in kept.items()
    )
    return State(desired | unmarked), tuple(said)


def namespaces_of(intent: Intent) -> set[str]:
    """Labels of the namespaces beside the tenants' that an intent speaks of."""
    ports = (port for tenant in intent.tenants.values() for port in tenant.ports.values())
    named = (config.was or name for name, config in intent.namespaces.items())
    return {label_of(port.attach) for port in ports}.union(named) - {HOST}


def _adopts(intent: Intent) -> bool:
    """Whether links of somebody else's, of which bridges may keep something, become weft's."""
    configs = (config for config in (intent.host, *intent.namespaces.values()) if config)
    return any(link.adopt for config in configs for link in config.links.values())


def _compile(loaded: Loaded, facts: Facts, observed: State, lenient: bool) -> Compiled:
    """Raises: as `prepare`."""
    try:
        compiled = compile(loaded.intent, facts, lenient=lenient)
        gone = absent_links(compiled.state, observed)
        if not gone:
            return compiled
        found = (*compiled.warnings, *absences(gone, compiled))
        if not lenient:
            raise CompileError(finding for finding in found if finding.missing in gone)
    except CompileError as error:
        raise error.told(loaded.origins.at) from None
    return replace(compiled, state=without_links(compiled.state, observed, gone), warnings=found)


def _warnings(loaded: Loaded, compiled: Compiled, facts: Facts) -> Iterator[Problem]:
    yield from loaded.warnings
    for finding in (*compiled.warnings, *lint(loaded.intent, facts)):
        yield finding.at(loaded.origins.at(finding.path))


def _places(loaded: Loaded, compiled: Compiled, todo: Plan) -> Mapping[Key, str]:
    settings = (key for key in todo.changes if key.table == "link-setting" and key in compiled.paths)
    return {key: loaded.origins.at(compiled.paths[key]) for key in settings}


def _renamings(loaded: Loaded, todo: Plan) -> Iterator[Problem]:
    """What would keep its names in the kernel if the file still said what it was called."""
    what = "its links come again under other names: the file no longer says what it was called when they were named"
    fix = "put its `was:` or `id:` back, and nothing is made anew"
    for place in renamed(todo):
        yield Problem(where=loaded.origins.at(tuple(place.split("/"))), what=what, fix=fix, severity="warning")


def _settled_keys(obj: KernelObject) -> KernelObject:
    """Without how far each key has counted."""
    return replace(obj, key_sources=()) if isinstance(obj, Macsec) else obj


def _settled(value: Any) -> Any:
    """Plain data in the one order that every process gives it: sets have none of their own."""
    if is_dataclass(value):
        return [_settled(getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Mapping):
        return sorted([str(key), _settled(inner)] for key, inner in value.items())
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    return list(map(_settled, value)) if isinstance(value, (tuple, list)) else value
