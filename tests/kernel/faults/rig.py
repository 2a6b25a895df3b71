"""A world between two states that a test leads it to and fro, and what must be true of it whatever happened.

A `Rig` takes the outside dump of both ends once; from then on a command may be killed, stopped or refused anywhere on
the way from one to the other, and `where` says at which of the two ends the world is, or fails with every difference.
Only what iproute2, nft, /proc and the files say counts.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from tests.dump import Dump, differences
from tests.kernel.faults.command import Ran, weft_in
from tests.kernel.faults.intents import TAP
from tests.kernel.faults.points import Act, count
from tests.world import World

SCOPE = "lab"
LATE_S = 5.0
"""How long the world may take to come to an end: the kernel, and a supervisor with nothing to keep that nobody told to
leave, which sees it by itself (doors/supervise/supervisor.py)."""
_FILES = f"""
ls -A /run/netns; echo ---
find /run/weft /var/lib/weft -type f 2>/dev/null; echo ---
cat /var/lib/weft/{SCOPE}/current 2>/dev/null && echo; echo ---
cat /run/weft/*/ledger 2>/dev/null && echo; echo ---
ip -o link show dev {TAP} 2>/dev/null | cut -d: -f1; echo ---
for file in /run/weft/*/processes/*; do case $file in *.pid|*.ready) echo "$file" yes;; *) echo "$file" $(cat "$file");;
esac; done 2>/dev/null | sort; echo ---
for pid in $(cat /run/weft/*/processes/*.pid 2>/dev/null | cut -d' ' -f1); do readlink /proc/$pid/ns/net
tr '\\0' ' ' </proc/$pid/cmdline; echo; done | sed 's/net:.*/running/' | sort
"""
_LASTING = re.compile(
    r"(/processes/[^/]+\.(spec|config|told|pid|ready)|/locks/[^/]+|/ledger|/ledger\.lock|/features\.json|/current|\.taken-back)$"
)
"""Files of weft's own that stay after a command: those of programs, which are compared, locks, former values, the
features found, the kept intent, the word that a trial was taken back."""
_RECORD = re.compile(r"/drops\.[^/]+$")
"""What recorders have kept: it stays, as long as there is an intent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of the way. `words`: the command that leads there."""

    name: str
    words: tuple[str, ...]
    dump: Dump
    files: Files


class Rig:
    """`ends`: a name and the command that leads there, for the two; the world is at the first."""

    def __init__(self, world: World, here: End, there: End) -> None:
        self.world, self.here, self.there = world, here, there

    @classmethod
    def between(cls, world: World, first: tuple[str, ...], second: tuple[str, ...]) -> Rig:
        """Lead the world by the first end to the second and back again, and remember how each looks."""
        _must(weft_in(world, *first))
        there = _arrive(world, second)
        return cls(world, _arrive(world, first), there)

    def go(self, act: Act = count) -> Ran:
        """The command that leads to the other end."""
        return weft_in(self.world, *self.there.words, act=act)

    def turn(self) -> None:
        """The world has come to the other end; from there the way leads back."""
        self.here, self.there = self.there, self.here

    def look(self, what: str) -> End:
        """The end at which the world is. Raises: AssertionError telling all that differs from the nearer of the two."""
        end, left = self._nearest(self.world.dump(), Files.of(self.world))
        until = time.monotonic() + LATE_S
        while left and time.monotonic() < until:
            settled = self.world.dump(settle_s=LATE_S)
            end, left = self._nearest(settled, Files.of(self.world))
        assert not left, "\n".join([what, f"the world is nearest to {end.name!r}, but:", *left])
        return end

    def glance(self, end: End, what: str) -> None:
        """As `look`, where the same was looked at before: only names and files. Raises: AssertionError."""
        until = time.monotonic() + LATE_S
        while (left := Files.of(self.world).differences(end.files)) and time.monotonic() < until:
            time.sleep(0.2)
        assert not left, "\n".join([what, f"this is not as after {end.name!r}:", *left])

    def _nearest(self, now: Dump, files: Files) -> tuple[End, list[str]]:
        """The end that the world resembles most, and what differs."""
        ends = (self.here, self.there)
        left = [differences(end.dump, at_once(now)) + files.differences(end.files) for end in ends]
        return min(zip(ends, left, strict=True), key=lambda found: len(found[1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """`netns`: the names under /run/netns. `remembered`: the kept intent without its time, the ledger without the
    numbers of namespaces. `stray`: files of weft's that no command may leave. `tap`: the ifindex of the open tap.
    `programs`: the files of those that are kept, and what runs."""

    netns: frozenset[str]
    remembered: dict[str, str]
    stray: tuple[str, ...]
    tap: str
    programs: tuple[str, ...] = ()

    @classmethod
    def of(cls, world: World) -> Files:
        names, files, intent, ledger, tap, kept, running = world.run("sh", "-c", _FILES).stdout.split("---\n")
        entries = sorted(json.loads(ledger)["entries"]) if ledger else []
        held = {" ".join(entry[:3]): str(entry[3:-1]) for entry in entries}
        return cls(
            netns=frozenset(names.splitlines()),
            remembered={"intent": str(json.loads(intent)["files"]) if intent else "", **held},
            stray=tuple(
                file for file in files.splitlines() if not (_LASTING.search(file) or (intent and _RECORD.search(file)))
            ),
            tap=tap.strip(),
            programs=(*kept.splitlines(), *running.splitlines()),
        )

    def differences(self, wanted: Files) -> list[str]:
        """From what is wanted, a line each."""
        netns = differences(sorted(wanted.netns), sorted(self.netns), "/run/netns")
        remembered = differences(wanted.remembered, self.remembered, "weft remembers")
        programs = differences(list(wanted.programs), list(self.programs), "programs")
        return [*netns, *remembered, *programs, *(f"left behind: {file}" for file in self.stray)]


def at_once(dump: Dump) -> Dump:
    """Without the IPv6 addresses and routes that the kernel adds by itself some time after a carrier appears, and the
    limit that a bridge takes over from its members and keeps when they are gone."""
    return {
        netns: {
            **sections,
            "link": {name: {**link, "tso_max_size": None} for name, link in sections["link"].items()},
            "addr": {ifname: [a for a in held if not _is_generated(a)] for ifname, held in sections["addr"].items()},
            "route": [route for route in sections["route"] if not _is_late(route)],
        }
        for netns, sections in dump.items()
    }


def _is_generated(address: dict[str, Any]) -> bool:
    return address.get("protocol") == "kernel_ll"


def _is_late(route: dict[str, Any]) -> bool:
    """Local routes come when duplicate address detection is over."""
    made = route.get("protocol") == "kernel" and ":" in str(route.get("dst"))
    return made and (route.get("table") == "local" or str(route["dst"]).startswith("fe80:"))


def _arrive(world: World, words: tuple[str, ...]) -> End:
    _must(weft_in(world, *words))
    return End(name=" ".join(words), words=words, dump=at_once(world.dump(settle_s=5)), files=Files.of(world))


def _must(ran: Ran) -> None:
    assert ran.status == 0, str(ran)
