"""A plan as text for people, as JSON for programs, as a script of the commands that do the same.

Rules: pure, no colours (a door adds them); the same plan always reads the same. One line an object of the intent; the
kernel objects stand behind it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any

from weft.diff import NEVER_COMPARED, differing_fields
from weft.kinds import KINDS
from weft.kinds.link.common import OtherLink
from weft.kinds.link.veth import Veth
from weft.kinds.process import PROCESS, Process
from weft.kinds.setting import port
from weft.kinds.setting.belongings import ADDRESSES, readable
from weft.kinds.setting.link import LinkSetting
from weft.kinds.setting.port import PORT
from weft.kinds.tc.other import OtherQdisc
from weft.model.intent import Path
from weft.plan.impact import Impact, impacts
from weft.plan.phases import Plan
from weft.plan.subject import Subjects
from weft.plan.unfiltered import Unfiltered, unfiltered
from weft.plan.worded import say, word, worth_telling
from weft.state import Change, KernelObject, Key, Op

SIGNS = {Op.CREATE: "+", Op.UPDATE: "~", Op.REPLACE: "!", Op.DELETE: "-"}
WORDS = {Op.CREATE: "create", Op.UPDATE: "change", Op.REPLACE: "replace", Op.DELETE: "delete"}

Where = Callable[[Path], str]
"""file:line of a path of the intent, "" where none is known."""

SHOWN = 40
"""So many objects of the intent are listed; the rest is counted."""

FEW = 20
"""Up to so many kernel objects are listed one by one; in a longer plan those that are new or go are only counted."""


def text(
    todo: Plan, paths: Mapping[Key, Path], where: Where, shown: int | None = SHOWN, *, is_refused: bool = False
) -> str:
    """For people. `shown`: how many objects of the intent are listed; None lists everything, kernel objects too.
    `is_refused`: it befalls nobody, for it cannot be applied."""
    if is_refused:
        return "\n".join([*_listing(todo, paths, where, shown), "", _summary(todo), _REFUSED]) + "\n"
    if not todo:
        return "Nothing to do: the machine is as the file says.\n"
    lines = list(_listing(todo, paths, where, shown))
    lines += ["", _summary(todo)]
    losses = impacts(todo, paths)
    lines += [f"  {impact}" for impact in losses[:shown]] or ["No port loses connectivity."]
    if shown is not None and len(losses) > shown:
        lines.append(f"  and {len(losses) - shown} more")
    lines += [f"  {open_}" for open_ in unfiltered(todo, paths)]
    return "\n".join(lines) + "\n"


_REFUSED = "It cannot be applied: what is in its way is not weft's to change."


def document(todo: Plan, paths: Mapping[Key, Path], where: Where) -> dict[str, Any]:
    """For programs: changes, counts, impact, as plain data."""
    subjects = Subjects(todo.changes, paths)
    return {
        "changes": [_change(c, subjects, where) for c in todo.changes.values()],
        "counts": counts(todo),
        "impact": [_impact(i) for i in impacts(todo, paths)],
        "unfiltered": [_unfiltered(open_) for open_ in unfiltered(todo, paths)],
    }


def script(todo: Plan) -> str:
    """A shell script of ip, nft and sysctl commands, in the plan's own order."""
    lines = ["#!/bin/sh", *_caveats(todo), "set -e"]
    for step in todo.steps():
        for change in step.changes:
            lines.extend(KINDS.of(change.object).script(change))
    for change in todo.changes.values():
        lines.extend(KINDS.of(change.object).closing(change))
    return "\n".join(lines) + "\n"


def _caveats(todo: Plan) -> Iterator[str]:
    """What weft would know afterwards, and does not when the script has run."""
    made = [change.object for change in todo.changes.values() if change.op is not Op.DELETE]
    if any(key.table == PROCESS for key in todo.changes):
        yield "# Programs that weft keeps running are neither started nor ended by this script: weft apply does."
    if any(obj.key.table in ("sysctl", "link-setting") for obj in made):
        yield "# Former values of settings are noted nowhere: a later destroy leaves what this script sets."
    if any(obj.key.table == "address" and obj.lives_on[0] not in todo.changes for obj in made):
        yield "# Addresses on links that are not weft's bear no sign of it: weft apply will find them in its way."


def counts(todo: Plan) -> dict[str, int]:
    """How many kernel objects are created, changed, replaced, deleted."""
    found = Counter(change.op for change in todo.changes.values())
    return {WORDS[op]: found[op] for op in Op}


def objects(number: int) -> str:
    """`1 kernel object`, `2 kernel objects`."""
    return f"{number} kernel object{'s' * (number != 1)}"


def _summary(todo: Plan) -> str:
    return "Kernel objects: " + ", ".join(f"{n} to {word}" for word, n in counts(todo).items()) + "."


def _listing(todo: Plan, paths: Mapping[Key, Path], where: Where, shown: int | None) -> Iterator[str]:
    subjects = Subjects(todo.changes, paths)
    groups: dict[Path, list[Change]] = defaultdict(list)
    for change in todo.changes.values():
        groups[subjects.of(change)].append(change)
    for number, (subject, changes) in enumerate(groups.items()):
        if shown is not None and number == shown:
            yield f"  and {len(groups) - shown} more objects of the intent"
            return
        listed = changes if shown is None or len(todo.changes) <= FEW else list(filter(_stands_out, changes))
        counted = "" if len(listed) == len(changes) else f": {objects(len(changes))}"
        line = where(subject)
        yield f"{_sign(changes)} {'.'.join(subject)}" + (f"  ({line})" if line else "") + counted
        yield from (f"    {SIGNS[change.op]} {describe(change)}" for change in listed)


def _stands_out(change: Change) -> bool:
    """What is changed in place, and what is put among somebody else's rules, is always worth a line."""
    return change.op in (Op.UPDATE, Op.REPLACE) or change.key.table == "nft-foreign-rule"


def _sign(changes: list[Change]) -> str:
    ops = {change.op for change in changes}
    return SIGNS[ops.pop()] if len(ops) == 1 else SIGNS[Op.UPDATE]


def describe(change: Change) -> str:
    """One change in a line: `veth web@red: mtu 1500 -> 9000`."""
    kind = KINDS.of(change.object).name
    name = f"{kind} {str(change.key).split(' ', 1)[1]}"
    if change.op is Op.CREATE:
        told = ", ".join(f"{field} {value}" for field, value in _told(change))
        return f"{name}: {told}" if told else name
    differing = [f"{word(field)} {say(field, old)} -> {say(field, new)}" for field, old, new in differences(change)]
    if not differing and change.op is not Op.DELETE:
        return f"{name}: said again, for what it belongs to changes"
    return f"{name}: {', '.join(differing)}" if differing else name


def differences(change: Change) -> Iterator[tuple[str, Any, Any]]:
    """(field, former, wanted) of an update or a replacement."""
    before, after = change.before, change.after
    if before is None or after is None:
        return
    if type(before) is not type(after):
        yield _of_kinds(before, after)
        return
    if isinstance(before, Process) and isinstance(after, Process):
        yield from _of_program(before, after)
        return
    for name in differing_fields(before, after):
        yield name, _readable(before, name), _readable(after, name)


def _of_kinds(before: KernelObject, after: KernelObject) -> tuple[str, Any, Any]:
    """A veth is known by both of its ends; of one whose other end nobody sees only that it is a veth."""
    wanted = _kind(after)
    if not isinstance(before, OtherLink):
        return "kind", _kind(before), wanted
    if isinstance(after, Veth) and before.link_kind == wanted:
        return "peer", "in a namespace that has no name", after.peer_ifname
    return "kind", before.link_kind or "hardware", wanted


def _kind(obj: KernelObject) -> str:
    return obj.qdisc_kind if isinstance(obj, OtherQdisc) else KINDS.of(obj).name


def _of_program(before: Process, after: Process) -> Iterator[tuple[str, Any, Any]]:
    """Of its text only the lines that differ."""
    for name in differing_fields(before, after):
        old, new = getattr(before, name), getattr(after, name)
        if name == "running":
            yield name, f"no, it {before.died}" if before.died else "no", "yes"
        elif name == "config":
            have, want = (old or "").splitlines(), new.splitlines()
            gone, come = _less(have, want), _less(want, have)
            yield name, gone or ("what it was not told" if old is None else ""), come
        else:
            yield name, old, new


def _less(lines: list[str], others: list[str]) -> str:
    return "; ".join(line.strip() for line in lines if line not in others)


def _readable(obj: KernelObject, name: str) -> Any:
    value = getattr(obj, name)
    if not isinstance(obj, LinkSetting) or name != "value":
        return value
    return readable(value) if obj.attribute == ADDRESSES else port.readable(value) if obj.attribute == PORT else value


def _told(change: Change) -> Iterator[tuple[str, str]]:
    """What is worth saying of a new object: what is set and not already in its name."""
    name = change.key.name
    for field in fields(change.after):  # type: ignore[arg-type]
        value = getattr(change.after, field.name)
        if worth_telling(field.name, value) and str(value) not in name.split():
            yield (
                word(field.name),
                _lines(value) if isinstance(value, str) and "\n" in value else say(field.name, value),
            )


def _lines(text: str) -> str:
    return f"of {text.count(chr(10))} lines"


def _change(change: Change, subjects: Subjects, where: Where) -> dict[str, Any]:
    subject = subjects.of(change)
    return {
        "op": WORDS[change.op],
        "kind": KINDS.of(change.object).name,
        "netns": change.key.netns,
        "name": change.key.name,
        "subject": ".".join(subject),
        "where": where(subject),
        "wanted": _wanted(change),
        "differs": {name: [_plain(old), _plain(new)] for name, old, new in differences(change)},
    }


def _wanted(change: Change) -> dict[str, Any]:
    """What the object shall be: every field that is managed."""
    if change.after is None:
        return {}
    values = ((field.name, getattr(change.after, field.name)) for field in fields(change.after))  # type: ignore[arg-type]
    return {name: _plain(value) for name, value in values if value is not None and name not in NEVER_COMPARED}


def _plain(value: Any) -> Any:
    """Records within a value as mappings, for JSON."""
    if isinstance(value, tuple) and not isinstance(value, Key):
        return [_plain(part) for part in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def _unfiltered(open_: Unfiltered) -> dict[str, Any]:
    ports = [".".join(path) for path in open_.ports]
    return {"netns": open_.netns, "chains": list(open_.chains), "ports": ports}


def _impact(impact: Impact) -> dict[str, Any]:
    return {
        "subject": ".".join(impact.subject),
        "effect": impact.effect.value,
        "why": impact.why,
        "duration_ms": impact.duration_ms,
    }
