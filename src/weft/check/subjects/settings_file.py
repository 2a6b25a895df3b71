"""Files of sections and settings, as systemd and NetworkManager have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Sections = Mapping[str, Mapping[str, str]]
"""By section, then by name; of a setting given twice the later counts."""


def read(text: str) -> Sections:
    """What no setting is, is left out: such files are others' to judge."""
    sections: dict[str, dict[str, str]] = {}
    now: dict[str, str] = {}
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            now = sections.setdefault(line[1:-1], {})
        elif "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            now[name.strip()] = value.strip()
    return sections


def merged(texts: Iterable[str]) -> Sections:
    """Several files, of which the later count; `name+=` adds to a list."""
    sections: dict[str, dict[str, str]] = {}
    for text in texts:
        for section, settings in read(text).items():
            known = sections.setdefault(section, {})
            for name, value in settings.items():
                former = known.get(name.removesuffix("+"), "") if name.endswith("+") else ""
                known[name.removesuffix("+")] = f"{former};{value}" if former else value
    return sections
