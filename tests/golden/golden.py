"""Golden cases: a folder is a case; what its intent and facts come to is compared with the texts beside them.

Rules: `intent.yaml` is what a user writes, `facts.yaml` a machine, `observed.yaml` the intent that it holds from before
(none: nothing). Every other file that `OUTPUTS` knows is compared; a case has at least one. To add a kind of output,
add its function there. `python -m tests.golden [CASE...]` writes the texts anew, to be read before they are committed;
a new case starts as a folder with empty ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from weft.compiler import Compiled, CompileError, Finding, compile
from weft.facts import FEATURES, Facts, ForeignLink, ForwardDrop, KeyFile, Line
from weft.files import Loaded, load_text
from weft.kinds import KINDS
from weft.kinds.nft.chain import NftChain
from weft.lint import lint
from weft.plan import Phase, Plan, Step, plan
from weft.plan.render import describe, script, text
from weft.state import KernelObject, Key, State

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One folder."""

    folder: Path

    @cached_property
    def loaded(self) -> Loaded:
        return load_text("intent.yaml", (self.folder / "intent.yaml").read_text())

    @cached_property
    def facts(self) -> Facts:
        return read_facts((self.folder / "facts.yaml").read_text())

    @cached_property
    def compiled(self) -> Compiled:
        return compile(self.loaded.intent, self.facts)

    @cached_property
    def observed(self) -> State:
        """What the kernel holds: the State of what was applied before."""
        before = self.folder / "observed.yaml"
        if not before.exists():
            return State()
        return compile(load_text("observed.yaml", before.read_text()).intent, self.facts).state

    @cached_property
    def plan(self) -> Plan:
        return plan(self.observed, self.compiled.state)

    def outputs(self) -> list[str]:
        return [name for name in OUTPUTS if (self.folder / name).exists()]


def cases() -> list[Case]:
    return [Case(path.parent) for path in sorted(HERE.glob("*/intent.yaml"))]


def state_text(case: Case) -> str:
    """The desired State, a paragraph a namespace, a line an object."""
    return render(case.compiled.state)


def findings_text(case: Case) -> str:
    """Errors and warnings of meaning, as the user would read them."""
    try:
        findings: Iterable[Finding] = case.compiled.warnings
    except CompileError as error:
        findings = error.findings
    at = case.loaded.origins.at
    return "".join(f"{f.severity}: {f.at(at(f.path))}\n" for f in findings)


def lint_text(case: Case) -> str:
    """What is legal and does harm."""
    at = case.loaded.origins.at
    return "".join(f"{f.severity}: {f.at(at(f.path))}\n" for f in lint(case.loaded.intent, case.facts))


def plan_text(case: Case) -> str:
    """What `weft plan --all` says, and then each step in the order of execution."""
    at = case.loaded.origins.at
    told = text(case.plan, case.compiled.paths, lambda path: at(path) if path in case.compiled.paths.values() else "")
    return told + "".join(f"\n{phase.name.lower()}\n" + _steps(case.plan.steps(phase)) for phase in Phase)


def _steps(steps: Iterable[Step]) -> str:
    return "".join(f"  {change.op.value} {describe(change)}\n" for step in steps for change in step.changes)


def script_text(case: Case) -> str:
    """What `weft plan --format script` prints."""
    return script(case.plan)


OUTPUTS: Mapping[str, Callable[[Case], str]] = {
    "state.txt": state_text,
    "findings.txt": findings_text,
    "lint.txt": lint_text,
    "plan.txt": plan_text,
    "script.txt": script_text,
}


# State as text


def render(state: State) -> str:
    paragraphs: dict[str, list[str]] = {}
    for key in sorted(state, key=lambda key: (key.netns, key.table != "netns", key)):
        paragraphs.setdefault(key.netns, []).extend(_lines(state[key]))
    return "\n".join(f"{netns or 'host'}\n" + "".join(lines) for netns, lines in paragraphs.items())


def _lines(obj: KernelObject) -> list[str]:
    said = [f"{field}={_word(value)}" for field, value in _said(obj)]
    lines = [f"  {KINDS.of(obj).name} {obj.key.name}{': ' if said else ''}{' '.join(said)}\n"]
    if isinstance(obj, NftChain):
        lines += [f"    {rule}\n" for rule in obj.rules]
    return lines


def _said(obj: KernelObject) -> Iterable[tuple[str, Any]]:
    """Fields that are managed, differ from their default, and are not in the key's own text."""
    named = obj.key.name.split(" ")
    for field in fields(obj):  # type: ignore[arg-type]
        value = getattr(obj, field.name)
        if field.name in ("netns", "rules") or value in (None, "", (), field.default):
            continue
        if not (isinstance(value, str) and value in named):
            yield field.name, value


def _word(value: object) -> str:
    if isinstance(value, Key):
        return f"{value.name}@{value.netns}" if value.netns else value.name
    if isinstance(value, tuple):
        return ",".join(map(_word, value))
    return f"'{value}'" if isinstance(value, str) and " " in value else str(value)


# Facts from text


def read_facts(text: str) -> Facts:
    """`features: all`, or a list; `without:` takes some away. Keys of `held`, `pool_held`, `transit_held` are written
    with `/`."""
    given: dict[str, Any] = yaml.safe_load(text) or {}
    features = given.pop("features", "all")
    features = frozenset(FEATURES if features == "all" else features) - set(given.pop("without", ()))
    links = {name: ForeignLink(ifname=name, **_tuples(link)) for name, link in given.pop("links", {}).items()}
    drops = tuple(ForwardDrop(**_tuples(drop)) for drop in given.pop("forward_drops", ()))
    key_files = {path: KeyFile(**found) for path, found in given.pop("key_files", {}).items()}
    held = {_pair(port): tuple(addresses) for port, addresses in given.pop("held", {}).items()}
    pool_held = {_triple(network): address for network, address in given.pop("pool_held", {}).items()}
    transit_held = {_words(port): address for port, address in given.pop("transit_held", {}).items()}
    lines = {name: Line(**line) for name, line in given.pop("lines", {}).items()}
    neighbours = tuple(map(tuple, given.pop("host_neighbours", ())))
    rules = {
        "rules_held": {_iif(rule): priority for rule, priority in given.pop("rules_held", {}).items()},
        "rules_taken": frozenset(map(tuple, given.pop("rules_taken", ()))),
        "tables_taken": frozenset(given.pop("tables_taken", ())),
    }
    frozen = {name: frozenset(given.pop(name, ())) for name in ("namespaces", "pool_taken", "strict_links", "cgroups")}
    return Facts(
        host_id=given.pop("host_id", "h0"),
        features=features,
        links=links,
        forward_drops=drops,
        held=held,
        key_files=key_files,
        pool_held=pool_held,
        transit_held=transit_held,
        lines=lines,
        host_neighbours=neighbours,
        **rules,
        **frozen,
        **_tuples(given),
    )


def _tuples(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def _pair(text: str) -> tuple[str, str]:
    tenant, port = text.split("/")
    return tenant, port


def _words(text: str) -> tuple[str, str, str]:
    tenant, network, address = text.split("/")
    return tenant, network, address


def _iif(text: str) -> tuple[str, int]:
    link, family = text.split("/")
    return link, int(family)


def _triple(text: str) -> tuple[str, str, int]:
    tenant, network, family = text.split("/")
    return tenant, network, int(family)
