"""What is no YAML at all, in words for whoever wrote it: where the mistake is, not where the parser noticed.

Rules: the parser's own sentences are matched as libyaml writes them; one that is not known here is told as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import yaml

from weft.errors import Problem

Told: TypeAlias = tuple[Any, str, str]
"""The mark of the place, what is wrong, what would be right."""

_NO_TABS = "indent with blanks, not tabs"
_CONFLICT = re.compile(r"^(?:<{7}|>{7}) .*$", re.M)
_WORD = re.compile(r"[^\s,\[\]{}]+")


def syntax_problem(file: str, text: str, error: yaml.YAMLError) -> Problem:
    """The one problem of a text that cannot be read on from there."""
    if conflict := _CONFLICT.search(text):
        what = "a conflict of a merge stands in the file"
        return Problem(where=where(file, text, conflict.start()), what=what, fix="keep one side, take the marks out")
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return Problem(where=_unreadable_at(file, text), what="a control character in the text", fix="take it out")
    said, context = getattr(error, "problem", None) or "this is not YAML", getattr(error, "context", None)
    began = getattr(error, "context_mark", None) or mark
    for fits, tell in _KNOWN:
        if fits in said:
            at, what, fix = tell(text, began, mark)
            return Problem(where=_place(file, at), what=what, fix=fix)
    return Problem(where=_place(file, mark), what=f"{said} ({context})" if context else said)


def where(file: str, text: str, index: int) -> str:
    """`file:line:column` of a character."""
    line = text.count("\n", 0, index) + 1
    return f"{file}:{line}:{index - (text.rfind(chr(10), 0, index) + 1) + 1}"


# inside


def _place(file: str, mark: Any) -> str:
    return f"{file}:{mark.line + 1}:{mark.column + 1}"


def _unreadable_at(file: str, text: str) -> str:
    bad = next((at for at, c in enumerate(text) if not (c.isprintable() or c in "\n\r\t")), 0)
    return where(file, text, bad)


def _begins_line(text: str, mark: Any) -> bool:
    return not text[mark.index - mark.column : mark.index].strip()


def _open(opening: str, closing: str) -> Callable[[str, Any, Any], Told]:
    def tell(_: str, began: Any, mark: Any) -> Told:
        since = f"the `{opening}` of line {began.line + 1}, column {began.column + 1} is still open"
        return mark, f"`,` or `{closing}` is missing", since

    return tell


def _no_key(text: str, _: Any, mark: Any) -> Told:
    if text.startswith("- ", mark.index) and _begins_line(text, mark):
        return mark, "an entry of a list stands among keys", "`key: value`, or indent it below its key"
    if _begins_line(text, mark):
        return mark, "it is indented as nothing above is", "begin it in the column of what it belongs beside"
    return mark, "nothing may follow here", "quote the whole value, or take this out"


def _no_entry(_: str, __: Any, mark: Any) -> Told:
    return mark, "it stands among the entries of a list", "begin it with `- `, or indent it as what it belongs beside"


def _no_value(_: str, __: Any, mark: Any) -> Told:
    fix = "quote a value that holds `: `; keys of one thing begin in one column, each ends with `:`"
    return mark, "a `:` cannot stand here", fix


def _no_colon(_: str, began: Any, __: Any) -> Told:
    return began, "a key without its `:`", "write `key: value`"


def _last_colon(text: str, began: Any, __: Any) -> Told:
    found = _WORD.match(text, began.index)
    return began, "YAML takes the last `:` for its own", f'quote it: "{found[0]}"' if found else "quote it"


def _no_end(_: str, began: Any, __: Any) -> Told:
    return began, "the quote that is opened here is never closed", "close it"


def _no_text(text: str, began: Any, _: Any) -> Told:
    first = text[began.index : began.index + 1]
    return (began, "a tab", _NO_TABS) if first == "\t" else (began, f"no text begins with `{first}`", "quote it")


def _a_tab(_: str, __: Any, mark: Any) -> Told:
    return mark, "a tab", _NO_TABS


def _no_list(_: str, __: Any, mark: Any) -> Told:
    return mark, "a list cannot begin behind its key", "begin it in the next line, or write [ONE, TWO]"


def _nothing(_: str, __: Any, mark: Any) -> Told:
    return mark, "a value or a closing bracket is missing", ""


def _no_escape(text: str, _: Any, mark: Any) -> Told:
    return mark, f"`{text[mark.index : mark.index + 2]}` means nothing in double quotes", "write it in single ones"


def _no_more(_: str, __: Any, mark: Any) -> Told:
    return mark, "the file is over before this", "begin all of its keys in one column, or take this out"


_KNOWN: tuple[tuple[str, Callable[[str, Any, Any], Told]], ...] = (
    ("expected ',' or '}'", _open("{", "}")),
    ("expected ',' or ']'", _open("[", "]")),
    ("did not find expected key", _no_key),
    ("expected '-' indicator", _no_entry),
    ("mapping values are not allowed", _no_value),
    ("could not find expected ':'", _no_colon),
    ("found unexpected ':'", _last_colon),
    ("found unexpected end of stream", _no_end),
    ("cannot start any token", _no_text),
    ("expected alphabetic or numeric", _no_text),
    ("found a tab character", _a_tab),
    ("sequence entries are not allowed", _no_list),
    ("expected node content", _nothing),
    ("unknown escape character", _no_escape),
    ("expected <document start>", _no_more),
)
