"""The file for what a machine has now, and what applying it would change beside its marks.

Rules: the file is tried before it is shown: it is read and planned as any other, and every change but a mark is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import yaml

from weft.decompile import DEFAULTS, decompile
from weft.diff import differing_fields
from weft.errors import IntentInvalid, Problem, Refused
from weft.files import loads_stored
from weft.kinds.link.common import Link
from weft.kinds.setting.sysctl import Sysctl
from weft.ownership import why_not
from weft.plan.render import describe
from weft.records import dataclass
from weft.service.prepared import Prepared
from weft.service.service import Service
from weft.state import HOST, Change, Mark, Op

FILE = "imported.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """`text`: the whole file. `changes`: what applying it would do beside marking, a line each. `refused`: why it
    cannot be applied as it is; None where it can."""

    text: str
    changes: tuple[str, ...] = ()
    refused: IntentInvalid | Refused | None = None


def import_host(service: Service, name: str, namespaces: Sequence[str]) -> Imported:
    """What the host and the given namespaces have, as a file of that name. Raises: DumpInterrupted, NotPermitted,
    IntentInvalid where there is no such namespace."""
    _demand_there(service, namespaces)
    settings = (Sysctl(netns=netns, name=name, value="").key for netns in (HOST, *namespaces) for name in DEFAULTS)
    machine = service.machine(name)
    state = machine.observe(namespaces, settings, bridging=True)
    held = {key: scope for key, scope in machine.ledger.scopes(name).items() if scope != name}
    document: dict[str, Any] = {}
    unsaid: list[str] = []
    for netns, said in decompile(state, (HOST, *namespaces), held).items():
        if said.config and netns == HOST:
            document["host"] = said.config
        elif said.config:
            document.setdefault("namespaces", {})[netns] = said.config
        unsaid += (f"{netns or 'host'}: {line}" for line in said.unsaid)
    text = yaml.safe_dump({"weft": 1, "name": name}, sort_keys=False)
    text += yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=120) if document else ""
    try:
        changes = tuple(_beside_marks(service.prepare(loads_stored({FILE: text}))))
    except (IntentInvalid, Refused) as refused:
        if not refused.problems:
            raise
        return Imported(text=text + "".join(_comments(unsaid, (), refused.problems)), refused=refused)
    return Imported(text=text + "".join(_comments(unsaid, changes)), changes=changes)


def _demand_there(service: Service, names: Sequence[str]) -> None:
    fix = "one of those that `ip netns` lists"
    gone = [name for name in names if service.namespaces.identity(name) is None]
    if gone:
        raise IntentInvalid([Problem(where="--netns", what=f"there is no namespace {name}", fix=fix) for name in gone])


def _beside_marks(prepared: Prepared) -> Iterator[str]:
    for key in prepared.foreign:
        why = why_not(prepared.foreign[key], prepared.desired[key]) if key.table == "link" else "it is its owner's"
        yield f"{key} would be in the way: {why}"
    for change in prepared.plan.changes.values():
        if change.key not in prepared.foreign and not _only_marks(change):
            yield f"{change.op.value} {describe(change)}"


def _only_marks(change: Change) -> bool:
    before, after = change.before, change.after
    if change.op is not Op.UPDATE or not isinstance(before, Link) or not isinstance(after, Link):
        return False
    return Mark.parse(after.alias) is not None and not differing_fields(replace(before, alias=after.alias), after)


def _comments(unsaid: Sequence[str], changes: Sequence[str], refusals: Sequence[Problem] = ()) -> Iterator[str]:
    if unsaid:
        yield "\n# Not in this file, and not touched by it:\n"
        yield from (f"#   {line}\n" for line in unsaid)
    if changes:
        yield "\n# Applying this file would also change:\n"
        yield from (f"#   {line}\n" for line in changes)
    if refusals:
        yield "\n# weft refuses this file as it is:\n"
        yield from (f"#   {problem}\n" for problem in refusals)
