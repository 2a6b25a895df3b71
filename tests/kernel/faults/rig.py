"""A world between two states that a test leads it to and fro, and what must be true of it whatever happened.

A `Rig` takes the outside dump of both ends once; from then on a command may be killed, stopped or refused anywhere on
the way from one to the other, and `where` says at which of the two ends the world is, or fails with every difference.
Only what iproute2, nft, /proc and the files say counts.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
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
_OWN = ("run/weft", "var/lib/weft")
_KEPT = re.compile(r"^/run/weft/[^/]+/processes/[^/.][^/]*$")
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
        """Read in this process, through the door that /proc has to the world's mounts; the tap is asked for there."""
        root = Path(f"/proc/{world.pid}/root")
        files = {f"/{path.relative_to(root)}": path for path in _files(root)}
        intent = _read(root / f"var/lib/weft/{SCOPE}/current")
        ledgers = [json.loads(text) for path in root.glob("run/weft/*/ledger") if (text := _read(path))]
        held = {" ".join(entry[:3]): str(entry[3:-1]) for ledger in ledgers for entry in sorted(ledger["entries"])}
        return cls(
            netns=frozenset(os.listdir(root / "run/netns")),
            remembered={"intent": str(json.loads(intent)["files"]) if intent else "", **held},
            stray=tuple(name for name, path in files.items() if path.is_file() and not _stays(name, bool(intent))),
            tap=world.away(_index_of_tap),
            programs=tuple(_programs(files)),
        )

    def differences(self, wanted: Files) -> list[str]:
        """From what is wanted, a line each."""
        netns = differences(sorted(wanted.netns), sorted(self.netns), "/run/netns")
        remembered = differences(wanted.remembered, self.remembered, "weft remembers")
        programs = differences(list(wanted.programs), list(self.programs), "programs")
        return [*netns, *remembered, *programs, *(f"left behind: {file}" for file in self.stray)]


def _files(root: Path) -> list[Path]:
    """Those of weft's own."""
    found = (entry for folder in _OWN for entry in os.walk(root / folder))
    return sorted(Path(folder, name) for folder, _, names in found for name in names)


def _read(path: Path) -> str:
    """'' of a socket, and without such a file or process: it may go at any time."""
    try:
        return path.read_text()
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESRCH, errno.ENXIO):
            return ""
        raise


def _stays(name: str, has_intent: bool) -> bool:
    return _LASTING.search(name) is not None or (has_intent and _RECORD.search(name) is not None)


def _index_of_tap() -> str:
    try:
        return str(socket.if_nametoindex(TAP))
    except OSError:
        return ""


def _programs(files: Mapping[str, Path]) -> Iterator[str]:
    """The files of those that are kept, without the numbers of processes, and what runs of them."""
    kept = {name: _read(path) for name, path in files.items() if _KEPT.search(name)}
    for name, told in kept.items():
        yield f"{name} {'yes' if name.endswith(('.pid', '.ready')) else ' '.join(told.split())}"
    pids = [told.split()[0] for name, told in kept.items() if name.endswith(".pid") and told.strip()]
    commands = [_read(Path(f"/proc/{pid}/cmdline")).replace("\0", " ") for pid in pids]
    yield from sorted(filter(None, commands))


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
