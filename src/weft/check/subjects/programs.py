"""The programs of others that weft may have to keep running."""

from __future__ import annotations

from collections.abc import Iterator

from weft.check.finding import Finding, ok
from weft.check.symptoms import Symptoms
from weft.facts import PROGRAMS


def find(symptoms: Symptoms) -> Iterator[Finding]:
    for name, use in PROGRAMS.items():
        yield ok(f"program {name}", use) if name in symptoms.programs else _missing(name, use, symptoms)


def _missing(name: str, use: str, symptoms: Symptoms) -> Finding:
    where = tuple(dict.fromkeys(need.where for need in symptoms.needs if need.feature == name))
    return Finding(
        level="error" if where else "note",
        what=f"program {name} is missing",
        why=f"no {use}",
        mend="install it; what needs it is refused until then",
        command=f"apt install {name}",
        where=where,
    )
