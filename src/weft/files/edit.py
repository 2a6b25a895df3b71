"""Changes of single values in a YAML text, for files that commands keep and people edit: all else stays to the letter.

Rules: only what a value's own lines say is written anew; comments, order and spelling of the rest are the user's. What
cannot be changed so without changing anything else (anchors, say) is refused, never guessed: the result is read again
and compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from types import MappingProxyType
from typing import Any, TypeAlias

import yaml

from weft.errors import IntentInvalid, Problem
from weft.records import dataclass

Steps: TypeAlias = Sequence[str]
_NONE: Mapping[tuple[str, ...], str] = MappingProxyType({})
_INDENT, _WIDTH = 2, 118
_FLAT = frozenset({"match", "impairment"})
"""Mappings that are written on one line."""
_PLAIN = re.compile(r"[A-Za-z0-9_./](?:[A-Za-z0-9_./%:-]*[A-Za-z0-9_./%-])?")


def put(name: str, text: str, steps: Steps, value: Any, behind: str | None = None) -> str:
    """The text with `value` at `steps`, there before or not. `name`: the file's, for errors. `behind`: of what is new
    in a block, which key it is to follow, "" for none; None for the last.

    Raises: IntentInvalid where the text is no YAML, or says it in a way that cannot be edited.
    """
    wanted = _with(read(name, text), steps, value)
    found = _find(name, text, steps)
    if found is None:
        edited = "\n".join(block(wanted)) + "\n"
    elif found.missing and found.can_grow:
        first = found.missing[0]
        lines = block({first: at(wanted, (*found.known, first))}, found.column)
        edited = _after_line(text, _end_of(name, text, found, behind), "\n".join(lines))
    else:
        written = _value(at(wanted, found.known), found.column + _INDENT, found.known[-1] in _FLAT)
        edited = text[: found.colon] + written + text[found.end :]
    return _sure(name, edited, wanted)


def take(name: str, text: str, steps: Steps) -> str:
    """The text without what is at `steps`, without the comments right above it, and without what would then be empty.

    Raises: as `put`.
    """
    data = read(name, text)
    over = at(data, steps[:-1])
    if not isinstance(over, dict) or steps[-1] not in over:
        return text
    left = {key: held for key, held in over.items() if key != steps[-1]}
    if not left and len(steps) > 1:
        return take(name, text, steps[:-1])
    found = _find(name, text, steps)
    if found is None or found.missing:
        return put(name, text, steps[:-1], left)
    above = _without_comments(text[: text.rfind("\n", 0, found.colon) + 1])
    below = text.find("\n", found.end) + 1
    return _sure(name, above + (text[below:] if below else ""), _with(data, steps[:-1], left))


def read(name: str, text: str) -> Any:
    """The text as plain data, every scalar as text. Raises: IntentInvalid where it is no YAML."""
    try:
        return yaml.load(text, Loader=yaml.BaseLoader)  # it makes texts, lists and mappings alone
    except yaml.YAMLError as error:
        raise _no_yaml(name, error) from None


def at(data: Any, steps: Steps) -> Any:
    """What stands at `steps`, None where nothing does."""
    for step in steps:
        data = data.get(step) if isinstance(data, dict) else None
    return data


def block(
    value: Mapping[str, Any], indent: int = 0, why: Mapping[tuple[str, ...], str] = _NONE, at: tuple[str, ...] = ()
) -> Iterator[str]:
    """The lines of a mapping that stands at `at`. `why`: comments to what stands somewhere, on the lines above it."""
    for key, held in value.items():
        path = (*at, key)
        yield from (" " * indent + "# " + line for line in wrap(why.get(path, ""), _WIDTH - indent - 2))
        yield " " * indent + _scalar(key) + ":" + _value(held, indent + _INDENT, key in _FLAT, why, path)


# where something stands


@dataclass(frozen=True, slots=True)
class _Found:
    """The innermost value on the way that stands in a block: at `known`, its key at `column`, from behind the colon to
    `end`. `can_grow`: it is a block that a key may be added to, in `column`."""

    known: tuple[str, ...]
    missing: tuple[str, ...]
    column: int
    colon: int
    end: int
    can_grow: bool


def _find(name: str, text: str, steps: Steps) -> _Found | None:
    """None where the whole text is not a block."""
    node = _composed(name, text)
    if not _is_block(node):
        return None
    key, known = None, 0
    for step in steps:
        entry = next((pair for pair in node.value if pair[0].value == step), None) if _is_block(node) else None
        if entry is None:
            break
        key, node, known = entry[0], entry[1], known + 1
    can_grow = known < len(steps) and _is_block(node)
    column = (node.value[0][0] if can_grow or key is None else key).start_mark.column
    colon = text.index(":", key.end_mark.index) + 1 if key else 0
    return _Found(tuple(steps[:known]), tuple(steps[known:]), column, colon, max(_end(node), colon), can_grow)


def _end_of(name: str, text: str, found: _Found, behind: str | None) -> int:
    """Where what is new in a block is to begin."""
    if behind is None:
        return found.end
    before = _find(name, text, (*found.known, behind)) if behind else None
    return before.end if before is not None else found.colon


def _composed(name: str, text: str) -> Any:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _no_yaml(name, error) from None


def _is_block(node: Any) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style and bool(node.value)


def _end(node: Any) -> int:
    """Behind the last character: a block itself ends for YAML where the next thing begins."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


# what is written


def _value(
    value: Any,
    indent: int,
    is_flat: bool,
    why: Mapping[tuple[str, ...], str] = _NONE,
    at: tuple[str, ...] = (),
) -> str:
    """What stands behind a key's colon."""
    if isinstance(value, Mapping) and value and not is_flat:
        return "\n" + "\n".join(block(value, indent, why, at))
    return " " + _flow(value)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(held)}" for key, held in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """Plain where it is so within a flow too. A number stays one: weft reads by what belongs at a place."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if _PLAIN.fullmatch(text) else str(yaml.safe_dump(text, default_style='"', width=1 << 20)).strip()


def _with(data: Any, steps: Steps, value: Any) -> Any:
    """A copy along the way, for what aliases share must not change elsewhere."""
    if not steps:
        return value
    held = data if isinstance(data, dict) else {}
    return {**held, steps[0]: _with(held.get(steps[0]), steps[1:], value)}


def _after_line(text: str, index: int, line: str) -> str:
    end = text.find("\n", index)
    return f"{text[:end]}\n{line}{text[end:]}" if end >= 0 else f"{text}\n{line}\n"


def _without_comments(text: str) -> str:
    """Without the comments that the text ends with."""
    lines = text.splitlines(keepends=True)
    while lines and lines[-1].lstrip().startswith("#"):
        lines.pop()
    return "".join(lines)


def _sure(name: str, edited: str, wanted: Any) -> str:
    if (read(name, edited) or {}) != _as_text(wanted):
        what = "is written in a way that cannot be changed without changing more"
        raise IntentInvalid([Problem(where=name, what=what, fix="edit it by hand, and apply it with `weft apply -f`")])
    return edited


def _as_text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _as_text(held) for key, held in value.items()}
    return [*map(_as_text, value)] if isinstance(value, (list, tuple)) else str(value)


def _no_yaml(name: str, error: yaml.YAMLError) -> IntentInvalid:
    mark = getattr(error, "problem_mark", None)
    where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    return IntentInvalid([Problem(where=where, what=f"is no YAML: {getattr(error, 'problem', '') or error}")])
