"""The kernel's version, what an earlier weft left half done, and where namespaces get their names."""

from __future__ import annotations

from collections.abc import Iterator

from weft.check.finding import Finding, ok
from weft.check.symptoms import Symptoms

FLOOR = (6, 1)


def find(symptoms: Symptoms) -> Iterator[Finding]:
    yield from _journals(symptoms)
    yield _version(symptoms)
    if symptoms.netns_shared is False:
        yield Finding(
            level="warning",
            what="/run/netns is a private mount",
            why="namespaces made here are not seen by services and containers in mount namespaces of their own",
            mend="make it a shared one",
            command="mount --make-shared /run/netns",
        )


def _journals(symptoms: Symptoms) -> Iterator[Finding]:
    for name, is_committed in symptoms.journals.items():
        way = "on to what was wanted" if is_committed else "back to what was before"
        yield Finding(
            level="error",
            what=f"an apply of {name} was cut short",
            why=f"part of its changes are in the kernel; recovery leads {way}",
            mend="lead it to its end",
            command="weft recover",
        )


def _version(symptoms: Symptoms) -> Finding:
    version = ".".join(map(str, symptoms.release))
    if symptoms.release >= FLOOR:
        return ok(f"kernel {version}")
    return Finding(
        level="error",
        what=f"kernel {version}",
        why="weft is tried on 6.1 and later; earlier ones lack protocol numbers of addresses, among others",
        mend="a newer kernel",
    )
