"""`include:`: many files that are one.

Rules: patterns are relative to the file that includes. Sections grow together; a thing that two files both give is an
error that names both places. A file that would include itself, on whatever way, is refused with the way. What was read
is kept, so that the same files can be read again when they are gone from the disk.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import field
from fnmatch import fnmatchcase
from glob import glob, has_magic
from io import StringIO
from pathlib import Path as DiskPath
from typing import Protocol

from weft.errors import IntentInvalid, Problem
from weft.files.nodes import Entries, Entry, Items, Node, Place, Scalar, is_null
from weft.files.parse import parse
from weft.records import dataclass

_DEEPEST_SECTION = (
    ("tenants", "*", "networks"),
    ("tenants", "*", "ports"),
    ("tenants", "*", "defaults"),
    ("defaults",),
    ("host", "sysctls"),
    ("host", "links"),
    ("namespaces", "*", "sysctls"),
    ("namespaces", "*", "links"),
)
"""Mappings that several files may add to, with all above them."""


MOST_BYTES = 64 << 20
"""Of one file; what has no end (/dev/zero) must not be read to it."""

_FIRST = "weft init writes a first one"


class Unreadable(Exception):
    """A file that gives no text: why, what would help, and `:line:column` where there is one."""

    def __init__(self, what: str, fix: str, at: str = "") -> None:
        self.what, self.fix, self.at = what, fix, at
        super().__init__(what)


class Source(Protocol):
    """Where texts come from: the disk, or what was kept of it."""

    def read(self, file: str) -> str:
        """Raises: Unreadable."""

    def matching(self, pattern: str) -> list[str]:
        """Names of files that fit, sorted."""


class Disk:
    def read(self, file: str) -> str:
        try:
            with DiskPath(file).open("rb") as opened:
                held = opened.read(MOST_BYTES + 1)
            if len(held) <= MOST_BYTES:
                return StringIO(held.decode("utf-8-sig"), newline=None).read()
            what, fix = f"more than {MOST_BYTES >> 20} MiB", "node[1-2000] stands for two thousand entries"
        except UnicodeDecodeError as wrong:
            lines = wrong.object[: wrong.start].decode().split("\n")
            at = f":{len(lines)}:{len(lines[-1]) + 1}"
            raise Unreadable(f"not UTF-8 (byte {wrong.start})", "save it as UTF-8", at) from None
        except FileNotFoundError:
            what, fix = "no such file", _FIRST
        except OSError as wrong:
            what, fix = wrong.strerror or str(wrong), ""
        except ValueError:
            what, fix = "not a name that a file can have", ""
        raise Unreadable(what, fix)

    def matching(self, pattern: str) -> list[str]:
        return sorted(glob(pattern))


@dataclass(frozen=True, slots=True)
class Kept:
    """Texts by the names they were read under."""

    texts: Mapping[str, str]

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Kept:
        return cls({posixpath.normpath(name): text for name, text in texts.items()})

    def read(self, file: str) -> str:
        if file not in self.texts:
            raise Unreadable("no such file among those kept", "")
        return self.texts[file]

    def matching(self, pattern: str) -> list[str]:
        wanted = pattern.split("/")
        return sorted(name for name in self.texts if _fits(name.split("/"), wanted))


def _fits(parts: list[str], wanted: list[str]) -> bool:
    """As the shell does: a wildcard does not cross `/` and does not find hidden files."""
    return len(parts) == len(wanted) and all(
        fnmatchcase(part, want) and (want.startswith(".") or not part.startswith(".") or part == want)
        for part, want in zip(parts, wanted, strict=True)
    )


@dataclass(slots=True)
class Gathering:
    """One reading of a file and all that it includes."""

    source: Source
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def gather(self, file: str) -> Node | None:
        """The file's nodes with those of its includes; None where none of it could be read."""
        try:
            return self._gather(posixpath.normpath(file), ())
        except Unreadable as wrong:
            self.problems.append(Problem(where=f"{file}{wrong.at}", what=wrong.what, fix=wrong.fix))
            return None

    def _gather(self, file: str, way: tuple[str, ...]) -> Node | None:
        """Raises: Unreadable for the file itself; what it includes is reported where it is included."""
        text = self.texts[file] = self.source.read(file)
        try:
            root = parse(file, text, self.problems)
        except IntentInvalid as wrong:
            self.problems.extend(wrong.problems)
            return None
        if not isinstance(root, Entries):
            self._problem(root.place, "a file is a mapping", "begin with `weft: 1` and `name: NAME`")
            return None
        return self._with_includes(root, file, (*way, file))

    def _with_includes(self, root: Entries, file: str, way: tuple[str, ...]) -> Entries:
        given = root.entries.get("include")
        self._check_version(root, first=len(way) == 1)
        merged = Entries(root.place, {k: e for k, e in root.entries.items() if k not in ("include", "weft")})
        for place, pattern in self._patterns(given):
            for included in self._files(place, posixpath.join(posixpath.dirname(file), pattern), way):
                found = self._included(included, place, way)
                if isinstance(found, Entries):
                    merged = self._merged(merged, found, ())
        return merged

    def _included(self, file: str, place: Place, way: tuple[str, ...]) -> Node | None:
        try:
            return self._gather(file, way)
        except Unreadable as wrong:
            self._problem(place, f"{file}{wrong.at}: {wrong.what}", wrong.fix if wrong.fix != _FIRST else "")
            return None

    def _check_version(self, root: Entries, *, first: bool) -> None:
        given = root.entries.get("weft")
        if given is None:
            if first:
                self._problem(root.place, "weft is missing: the version of the format", "begin with `weft: 1`")
        elif not isinstance(given.value, Scalar) or given.value.text != "1":
            self._problem(given.value.place, "this weft reads version 1 of the format", "write `weft: 1`")

    def _patterns(self, given: Entry | None) -> list[tuple[Place, str]]:
        if given is None or is_null(given.value):
            return []
        items = given.value.items if isinstance(given.value, Items) else [given.value]
        found = [(item.place, item.text) for item in items if isinstance(item, Scalar) and item.text]
        if len(found) != len(items):
            self._problem(given.value.place, "include is a list of files", "for example include: [tenants/*.yaml]")
        return found

    def _files(self, place: Place, pattern: str, way: tuple[str, ...]) -> list[str]:
        pattern = posixpath.normpath(pattern)
        found = self.source.matching(pattern) if has_magic(pattern) else [pattern]
        if not found:
            self.warnings.append(Problem(where=str(place), what=f"no file fits {pattern}", severity="warning"))
        for file in found:
            if file in way:
                round_trip = " includes ".join([*way[way.index(file) :], file])
                self._problem(place, f"a file cannot include itself: {round_trip}", "take one of them out")
            elif file in self.texts:
                self._problem(place, f"{file} is included twice", "once is enough")
        return [file for file in found if file not in self.texts]

    def _merged(self, into: Entries, other: Entries, path: tuple[str, ...]) -> Entries:
        entries = dict(into.entries)
        for key, entry in other.entries.items():
            before, here = entries.get(key), (*path, key)
            empty = len(here) == 1 or _is_section(here)  # an empty section says nothing, an empty network is one
            if before is None or (empty and is_null(before.value)):
                entries[key] = entry
            elif empty and is_null(entry.value):
                continue
            elif isinstance(before.value, Entries) and isinstance(entry.value, Entries) and _is_section(here):
                entries[key] = Entry(before.place, self._merged(before.value, entry.value, here))
            else:
                self._problem(entry.place, f"{key} is given twice, first at {before.place}", "keep one of the two")
        return Entries(into.place, entries, into.weight + other.weight)

    def _problem(self, place: Place, what: str, fix: str) -> None:
        self.problems.append(Problem(where=str(place), what=what, fix=fix))


def _is_section(path: tuple[str, ...]) -> bool:
    return any(
        len(path) <= len(section) and all(want in ("*", part) for part, want in zip(path, section, strict=False))
        for section in _DEEPEST_SECTION
    )
