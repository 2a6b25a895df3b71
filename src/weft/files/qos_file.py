"""The file that `weft qos set` keeps for a link: its first text, and each change to it.

Rules: pure, text to text. A class is known by its name, and without one by what it matches, so that the same words mean
the same class again. What is new stands last, for the first class that matches has a packet, and nobody's is moved; of
a cgroup it stands behind those of cgroups, which are before all others. Values stay as they were written; what they
mean the loader says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from hashlib import sha256
from typing import Any, Literal

from weft.errors import IntentInvalid, Problem
from weft.files import edit
from weft.model import qos_words as q
from weft.model import words as w
from weft.model.intent import Path
from weft.model.words import Form, among, closest
from weft.records import dataclass

Direction = Literal["egress", "ingress"]
DIRECTIONS: tuple[Direction, ...] = ("egress", "ingress")
PREFIX = "qos-"


def _form(annotated: Any) -> Form:
    (form,) = annotated.__metadata__
    assert isinstance(form, Form)
    return form


FIGURES: Mapping[str, tuple[Path, Form]] = {
    "rate": (("rate",), _form(q.RateBps)),
    "ceil": (("ceil",), _form(q.RateBps)),
    "priority": (("priority",), _form(q.Priority)),
    "latency": (("latency",), _form(q.TimeUs)),
    "dscp-mark": (("dscp_mark",), _form(q.Dscp)),
    "delay": (("impairment", "delay"), _form(q.TimeUs)),
    "jitter": (("impairment", "jitter"), _form(q.TimeUs)),
    "loss": (("impairment", "loss"), _form(q.SharePpm)),
}
"""By flag: where a figure stands in a class or a direction, and its form."""

MATCHES: Mapping[str, Form] = {
    "source": _form(q.Prefix),
    "destination": _form(q.Prefix),
    "source_mac": _form(w.FdbMac),
    "destination_mac": _form(w.FdbMac),
    "protocol": _form(q.Protocol),
    "ports": _form(q.Ports),
    "source_ports": _form(q.Ports),
    "dscp": _form(q.Dscp),
    "mark": _form(q.MarkMask),
    "cgroup": _form(q.CgroupPath),
}
SINGLE = frozenset({"protocol", "mark", "cgroup"})
"""What a packet has one of, and a match too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be changed. `match`: key to its values; none and no `name`: the whole direction. `figures`: flag to
    what was written, in a form that FIGURES reads."""

    ifname: str
    direction: Direction = "egress"
    match: Mapping[str, Sequence[str]] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    capacity: str | None = None
    replace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The new text. `name`: of the class, None for the whole direction. `flags`: path in the file to the flag that
    says what stands there, the most precise first."""

    text: str
    name: str | None
    flags: Mapping[Path, str]


def scope_of(ifname: str) -> str:
    """The scope of a link's file: `qos-eth0`. What a scope's name cannot hold is told apart by a hash."""
    plain = re.sub(r"[^a-z0-9]+", "-", ifname.lower()).strip("-")
    tail = "" if plain == ifname else f"-{sha256(ifname.encode()).hexdigest()[:4]}"
    return f"{PREFIX}{plain}{tail}"


def changed(file: str, text: str | None, wish: Wish) -> Changed:
    """`text`: the file as it is, None where there is none. Raises: IntentInvalid where it cannot be edited, or a
    class is new and nothing belongs to it."""
    now = text or _TEXT.format(ifname=wish.ifname, file=file, scope=scope_of(wish.ifname))
    link: Path = ("host", "links", wish.ifname)
    data = edit.read(file, now)
    _demand_in_place(file, edit.at(data, (*link, "qos")), wish.ifname)
    place: Path = (*link, "qos", wish.direction)
    classes = edit.at(data, (*place, "classes")) or {}
    name = _class_of(classes, wish)
    if name and name not in classes and not wish.match:
        fix = "say what belongs to it: --match KEY=VALUE"
        raise IntentInvalid([Problem(where="--class", what=f"{wish.ifname} has no class {name} yet", fix=fix)])
    at = (*place, "classes", name) if name else place
    flags: dict[Path, str] = {}
    behind = _last_of_cgroups(classes) if "cgroup" in wish.match else None
    for path, value, flag in _puts(wish, link, at):
        now = edit.put(file, now, path, value, behind if path == (*at, "match") else None)
        flags[path] = flag
    if name:
        flags[at] = "--class" if wish.name else "--match"
    if wish.match:
        flags |= {(*at, "match", "0", *key): "--match" for key in ((), *((key,) for key in wish.match))}
    return Changed(text=now, name=name, flags=flags)


def _last_of_cgroups(classes: Mapping[str, Any]) -> str:
    """Of those that stand before all others; "" where there are none."""
    last = ""
    for name, held in classes.items():
        matches = _matches(held.get("match")) if isinstance(held, dict) else []
        if not matches or not all("cgroup" in match for match in matches):
            break
        last = str(name)
    return last


def _puts(wish: Wish, link: Path, at: Path) -> Iterator[tuple[Path, Any, str]]:
    """Where, what, by which flag. `at`: the class or direction."""
    if wish.capacity:
        yield (*link, "capacity"), wish.capacity, "--capacity"
    if wish.replace:
        yield (*link, "qos", "replace"), "true", "--replace"
    if wish.match:
        yield (*at, "match"), {key: _one_or_more(key, held) for key, held in wish.match.items()}, "--match"
    for flag, written in wish.figures.items():
        yield (*at, *FIGURES[flag][0]), written, f"--{flag}"


def without(file: str, text: str, ifname: str, name: str | None, direction: Direction | None) -> str | None:
    """The text without a class, or without a whole direction; None where nothing would be left to do. Raises:
    IntentInvalid where there is no such class."""
    qos: Path = ("host", "links", ifname, "qos")
    data = edit.read(file, text)
    _demand_in_place(file, edit.at(data, qos), ifname)
    found = [(*qos, way, *(("classes", name) if name else ())) for way in ([direction] if direction else DIRECTIONS)]
    there = [path for path in found if edit.at(data, path) is not None]
    if not there:
        raise IntentInvalid([_absent(file, data, qos, name, direction)])
    for path in there:
        text = edit.take(file, text, path)
    left = edit.at(edit.read(file, text), qos) or {}
    return text if any(left.get(way) for way in DIRECTIONS) else None


# inside


_TEXT = """\
# Quality of service of {ifname}, as `weft qos set` and `weft qos clear` keep it. It may be edited: what is written here
# stays as it is written, and `weft apply -f {file}` makes it so.
# A class: `rate` is guaranteed, `ceil` never exceeded; the first class that matches has a packet.
weft: 1
name: {scope}
host:
  links:
    {ifname}:
      existing: true
"""


def _demand_in_place(file: str, qos: Any, ifname: str) -> None:
    policy = qos if isinstance(qos, str) else qos.get("policy") if isinstance(qos, dict) else None
    if policy:
        what = f"{ifname} uses the policy {policy}, which stands elsewhere in the file"
        raise IntentInvalid([Problem(where=file, what=what, fix="change it there, and apply it with `weft apply -f`")])


def _class_of(classes: Any, wish: Wish) -> str | None:
    if wish.name or not wish.match:
        return wish.name
    wanted = {key: _canonical(key, held) for key, held in wish.match.items()}
    for name, held in classes.items():
        if isinstance(held, dict) and _matches(held.get("match")) == [wanted]:
            return str(name)
    names = _names(wish.match)
    return next(name for name in names if name not in classes)


def _matches(written: Any) -> list[dict[str, tuple[Any, ...]]]:
    """What a class of the file matches, in canonical form."""
    records = written if isinstance(written, list) else [written]
    return [
        {key: _canonical(key, held if isinstance(held, list) else [held]) for key, held in record.items()}
        for record in records
        if isinstance(record, dict)
    ]


def _canonical(key: str, values: Sequence[str]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(str(MATCHES[key].read(value)) for value in values))
    except (KeyError, ValueError):
        return tuple(values)


_WORDS = {"source": "from", "destination": "to", "source_ports": "from-port", "ports": "port"}


def _names(match: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """`to-192-168-1-100`, `tcp-port-443`; with a number behind it where another class has that name."""
    words = [(key, values) for key, values in sorted(match.items(), key=lambda item: item[0] != "protocol")]
    said = (value if key == "protocol" else "-".join((_WORDS.get(key, key), *value)) for key, value in _spread(words))
    name = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(said)).strip("-")[:58].rstrip("-")
    yield name
    yield from (f"{name}-{number}" for number in range(2, 1 << 20))


def _spread(words: Sequence[tuple[str, Sequence[str]]]) -> Iterator[tuple[str, Any]]:
    for key, values in words:
        yield key, values[0] if key == "protocol" else values


def _one_or_more(key: str, values: Sequence[str]) -> str | list[str]:
    return values[0] if key in SINGLE or len(values) == 1 else list(values)


def _absent(file: str, data: Any, qos: Path, name: str | None, direction: Direction | None) -> Problem:
    where = f"the {direction} of " if direction else ""
    if name is None:
        return Problem(where="--direction", what=f"{file} says nothing of {where}{qos[2]}")
    known = [str(key) for way in DIRECTIONS for key in edit.at(data, (*qos, way, "classes")) or ()]
    meant = closest(name, known)
    fix = f"did you mean {meant}?" if meant else f"its classes: {among(known)}" if known else "it has none"
    return Problem(where="--class", what=f"{where}{qos[2]} has no class {name}", fix=fix)
