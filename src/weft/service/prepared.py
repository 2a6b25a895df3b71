"""The first half of the road: from an intent to its plan. Takes no lock and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import field, replace
from functools import cache
from pathlib import Path

from weft.backends.base import Selection
from weft.backends.former import to_put_back
from weft.compiler import Cause, Compiled, CompileError, Finding, compile
from weft.diff import standing
from weft.errors import ForeignObject, IntentInvalid, KernelRefused, Problem, RolledBack
from weft.facts import Facts
from weft.files import Loaded
from weft.kinds.link.common import Link
from weft.kinds.link.macsec import with_sources
from weft.kinds.netns import Namespace
from weft.kinds.setting.link import LinkSetting
from weft.kinds.setting.sysctl import Sysctl
from weft.lint import lint
from weft.model.intent import Intent
from weft.observe import Machine
from weft.ownership import inhabited
from weft.plan import Plan, plan
from weft.plan.renamed import renamed
from weft.plan.rivals import may_have_rivals, rivals
from weft.plan.told import as_told
from weft.probe import gather
from weft.records import dataclass
from weft.service.absent import absences, absent_links, left_as_it_is, without_links
from weft.service.adoption import given_up
from weft.service.digest import digest_of
from weft.service.down import lacking, over_down_links
from weft.service.former import Former
from weft.service.guesses import as_guessed, without_guesses
from weft.service.in_the_way import in_the_way
from weft.service.losses import losses, no_longer_forwarding
from weft.service.places import namespaces_of
from weft.state import HOST, Key, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An intent thought through, with all that led to its plan. `ours`: what of the observed is the scope's to change;
    `foreign`: what stands at a wanted key and is not. `loaded` None: nothing is wanted (destroy). `warn`: finds what is
    to be said of it, when first called: most commands say nothing. `left_out`: what the machine lacks for parts of the
    intent of which nothing is made; among the warnings too. `fallen`: where objects are spoken of that are not wanted
    for that. `rivals`: by the key of what is to be made, what the kernel would not let it stand beside. `told`: the
    plan to be read. `adopted`: which of `ours` nobody has claimed yet."""

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
    warn: Callable[[], tuple[Problem, ...]] = tuple
    adopted: frozenset[Key] = frozenset()
    left_out: tuple[Finding, ...] = ()
    fallen: frozenset[tuple[str, ...]] = frozenset()
    rivals: Mapping[Key, Link] = field(default_factory=dict)
    _spoken_of: set[tuple[str, ...]] = field(default_factory=set, init=False, repr=False, compare=False)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return self.warn()

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

    def grounds(self, key: Key) -> Iterator[Key]:
        """What an object stands on, as it is and as it should be."""
        for state in (self.observed, self.desired):
            if key in state:
                yield from state[key].lives_on

    @property
    def digest(self) -> str:
        """Of all that decided the plan: a saved plan is good as long as this is the same."""
        return digest_of(self.facts, self.plan)

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
            raise ForeignObject.of(in_the_way(self))

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


def prepare(machine: Machine, loaded: Loaded, run: Path, former: Former, *, lenient: bool = False) -> Prepared:
    """Observe, compile, diff, plan. `run`: where the features found are remembered. `lenient`: what stands on links
    that are not there, or otherwise than it takes them to be, is left out; what of it is there stays as it is.

    Raises: IntentInvalid, NotPermitted, FeatureMissing, DumpInterrupted, Refused for a link that is not there.
    """
    intent = loaded.intent
    observed = machine.observe(namespaces_of(intent).union(former.namespaces), bridging=_adopts(intent))
    facts = gather(machine, intent, observed, run)
    compiled = _compile(machine, loaded, facts, observed, lenient)
    observed.update(machine.read_singly(compiled.state, observed))
    parts = machine.split(observed, compiled.state)
    wanted = State(left_as_it_is(compiled, parts.ours) | compiled.state)
    desired, kept = _with_what_stays(machine, observed, parts.ours, wanted)
    known = {**former.key_files, **facts.key_files}
    ours = with_sources(parts.ours, {found.key_id: file for file, found in known.items() if not found.problem})
    todo = plan(ours, desired)
    shown = as_read(machine, todo)

    @cache
    def warn() -> tuple[Problem, ...]:
        lost = _lost(todo, shown, observed, parts.ours, _places(loaded, compiled, todo))
        found = (*_warnings(loaded, compiled, facts), *kept, *lost, *_renamings(loaded, todo))
        return tuple(dict.fromkeys(found))  # a range's are the same, in one place

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
        warn=warn,
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
    return State(machine.rtnl.observe(Selection(namespaces=others, further=True)) | observed) if others else observed


def prepare_nothing(
    machine: Machine, namespaces: Collection[str] = (), newborn: frozenset[Key] = frozenset()
) -> Prepared:
    """The plan that takes away all that bears the scope's marks. `namespaces`: where to look beside its own; `newborn`:
    what may have been made and not marked yet.

    Raises: NotPermitted, DumpInterrupted.
    """
    observed = machine.observe(namespaces, machine.noted())
    ours = machine.split(observed, State(), newborn).ours
    desired, kept = _with_what_stays(machine, observed, ours, State())
    todo = plan(ours, desired)
    shown = as_read(machine, todo)
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
        warn=cache(lambda: (*kept, *_lost(todo, shown, observed, ours, {}))),
    )


def as_read(machine: Machine, todo: Plan) -> Plan:
    """A plan as it is to be read while the ledger still knows the former values."""
    entries = machine.ledger.entries()

    def former(setting: Sysctl | LinkSetting) -> str | None:
        entry = entries.get(setting.key)
        if entry is None:
            return None
        return to_put_back(entry, now=setting.value, cookie=entry.cookie, scope=machine.scope)

    return as_told(todo, former)


def _with_what_stays(
    machine: Machine, observed: State, ours: State, wanted: State
) -> tuple[State, tuple[Problem, ...]]:
    """What is wanted, and what is left of what is not: namespaces that somebody else is in, and what was adopted; with
    a warning for each such namespace."""
    desired, kept = _keep_inhabited(observed, ours, wanted)
    return given_up(machine, ours, desired), kept


def _lost(todo: Plan, shown: Plan, observed: State, ours: State, places: Mapping[Key, str]) -> Iterator[Problem]:
    """A warning for all that others lose by the plan. `shown`: the plan as it is read."""
    yield from losses(todo, observed, ours, places)
    yield from no_longer_forwarding(shown, observed, ours)


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


def _adopts(intent: Intent) -> bool:
    """Whether links of somebody else's, of which bridges may keep something, become weft's."""
    configs = (config for config in (intent.host, *intent.namespaces.values()) if config)
    return any(link.adopt for config in configs for link in config.links.values())


def _compile(machine: Machine, loaded: Loaded, facts: Facts, observed: State, lenient: bool) -> Compiled:
    """Raises: as `prepare`."""
    try:
        compiled = compile(loaded.intent, facts, lenient=lenient)
        gone = absent_links(compiled.state, observed)
        # a link may be in a namespace that nothing else is known of, and so was not read
        gone -= machine.rtnl.observe(Selection(keys=gone, further=True)).keys() if gone else set()
        over_down = over_down_links(compiled.state, observed)
        downs = lacking(over_down, compiled, "warning" if lenient else "error")
        found = (*compiled.warnings, *absences(gone, compiled), *downs)
        if (gone or over_down) and not lenient:
            raise CompileError(one for one in found if one.missing in gone or one.severity == "error")
    except CompileError as error:
        raise error.told(loaded.origins.at) from None
    gone |= {finding.missing for finding in found if finding.missing and finding.unfit}
    unknown = gone.union(finding.missing for finding in compiled.warnings if finding.missing)
    if not unknown and not over_down:
        return compiled
    known = without_guesses(compiled, as_guessed(loaded.intent, facts, unknown), observed) if unknown else compiled
    return replace(known, state=without_links(standing(known.state, over_down), observed, gone), warnings=found)


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
