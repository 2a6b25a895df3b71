"""A thousand classes on one link: what they cost traffic, and what making and changing them takes.

Rules: the reference is what weft itself says that it would do, as commands: `tc -batch` and `nft -f` of `weft plan -o
script`. Both begin where the ports stand already.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.measure import Sentinel, timed
from bench.qos.lab import ADDRESS, PEER, PORT, Lab, empty
from bench.qos.traffic import ROOT, Stream, send
from bench.rows import WEFT, Row

MANY, FEW = 1000, 10
FIRST_PORT = 10_000
SECONDS = 4
REFERENCE = "tc -batch, nft -f"
AT_LEAST, TIMES, CHANGE_MS = 95, 1.3, 10
TENANT_NETNS = "weft.bench.t"

_HEAD = """
weft: 1
name: bench
tenants:
  t:
    networks: {{net: {{subnets: [10.77.0.0/24]}}}}
    ports:
      q: {{network: net, attach: {{netns: q}}, addresses: [{q}]}}
      p:
        network: net
        attach: {{netns: p}}
        addresses: [{p}]
"""
_TREE = """
        qos:
          ingress:
            ceil: 10gbit
            classes:
"""
_CLASS = "              c{n}: {{match: {{protocol: tcp, ports: [{port}]}}, rate: 1mbit, ceil: 10gbit}}\n"


def thousand(folder: Path, runs: int) -> list[Row]:
    """1,000 classes on one link: throughput, making them, changing one."""
    files = {count: _file(folder, count) for count in (0, FEW, MANY)}
    return [*_throughput(folder, files, runs), *_making(folder, files, runs), _changing(folder, files, runs)]


def _file(folder: Path, count: int) -> Path:
    classes = "".join(_CLASS.format(n=n, port=FIRST_PORT + n) for n in range(count))
    file = folder / f"thousand-{count}.yaml"
    file.write_text(_HEAD.format(**ADDRESS) + (_TREE + classes if count else ""))
    return file


def _throughput(folder: Path, files: dict[int, Path], runs: int) -> Iterator[Row]:
    """In turns, to a class in the middle."""
    seen: dict[int, list[float]] = {FEW: [], MANY: []}
    for _ in range(runs):
        for count, taken in seen.items():
            with _standing(folder, files[count]) as lab:
                port = FIRST_PORT + count // 2
                stream = Stream(sender=PEER, receiver=PORT, device=PORT, target=ADDRESS[PORT], port=port)
                taken.append(send(lab.world, [stream], SECONDS)[0].between_bps(1, SECONDS) / 10**6)
    few, many = median(seen[FEW]), median(seen[MANY])
    percent = 100 * many / few
    yield Row(case=f"{FEW} classes, throughput", unit="mbit/s", sides={WEFT: few})
    yield Row(case=f"{MANY:,} classes, throughput", unit="mbit/s", sides={WEFT: many})
    bound = f"at least {AT_LEAST} %"
    yield Row(case="  of that with 10", unit="%", sides={WEFT: percent}, bound=bound, kept=percent >= AT_LEAST)


def _making(folder: Path, files: dict[int, Path], runs: int) -> Iterator[Row]:
    script = _reference(folder, files)
    taken: dict[str, list[float]] = {"call": [], "again": [], "plan in hand": [], "weft apply": [], "reference": []}
    for _ in range(runs):
        with _standing(folder, files[0]) as lab:
            for part, took in _inside(lab, "apply", files[MANY], files[0]).items():
                taken[part].append(took)
        taken["weft apply"].append(_seconds(folder, files, "weft", "apply", "-y", "-f", files[MANY]))
        taken["reference"].append(_seconds(folder, files, "sh", script))
    middle = {part: 1000 * median(held) for part, held in taken.items()}
    reference = middle["reference"]
    case = f"{MANY:,} classes made"
    for part, told in (
        ("call", "library, from the call"),
        ("again", "library, from the call, in a service that has done it before"),
        ("plan in hand", "library, plan in hand"),
    ):
        sides: dict[str, float | str] = {WEFT: middle[part], REFERENCE: reference}
        yield Row(case=f"{case}, {told}", unit="ms", sides=sides)
    yield Row(case=f"{case}, whole process", unit="ms", sides={WEFT: middle["weft apply"], REFERENCE: reference})
    times = middle["call"] / reference
    yield Row(
        case=f"{case}, the call's of {REFERENCE}",
        unit="times",
        sides={WEFT: times},
        bound=f"at most {TIMES:g}",
        kept=times <= TIMES,
    )


def _changing(folder: Path, files: dict[int, Path], runs: int) -> Row:
    took = []
    for _ in range(runs):
        with _standing(folder, files[0]) as lab:
            took.append(1000 * _inside(lab, "change", files[MANY])["change"])
    held = median(took)
    case = f"one of {MANY:,} classes changed, library"
    return Row(case=case, unit="ms", sides={WEFT: held}, bound=f"under {CHANGE_MS} ms", kept=held < CHANGE_MS)


@contextmanager
def _standing(folder: Path, file: Path) -> Iterator[Lab]:
    """A world in which a file is applied; afterwards the kernel has taken it down."""
    with empty(folder) as lab:
        lab.world.run("weft", "apply", "-y", "-f", file)
        yield lab
    with Sentinel() as sentinel:
        sentinel.wait()


def _seconds(folder: Path, files: dict[int, Path], *command: str | Path) -> float:
    """What a command takes where the ports stand."""
    with _standing(folder, files[0]) as lab:
        return timed(lambda: lab.world.run(*command))


def _inside(lab: Lab, what: str, *files: Path) -> dict[str, float]:
    words = (sys.executable, "-m", "bench.qos.inside", what, *files)
    return dict(json.loads(lab.world.run(*words, cwd=ROOT).stdout))


def _reference(folder: Path, files: dict[int, Path]) -> Path:
    """A script of the same commands, in one process of tc and one of nft."""
    with _standing(folder, files[0]) as lab:
        said = lab.world.run("weft", "plan", "-f", files[MANY], "-o", "script", check=False).stdout
    tc, nft = [], []
    for line in said.splitlines():
        words = shlex.split(line, comments=True)
        if words[:3] == ["tc", "-n", TENANT_NETNS]:
            tc.append(" ".join(words[3:]))
        elif words[:1] == ["ip"] and "nft" in words:
            nft.append(words[-1])
    (folder / "tc.batch").write_text("\n".join(tc) + "\n")
    (folder / "nft.rules").write_text("\n".join(nft) + "\n")
    script = folder / "reference.sh"
    enter = f"nsenter --net=/run/netns/{TENANT_NETNS} --"
    script.write_text(f"set -e\n{enter} tc -batch {folder}/tc.batch\n{enter} nft -f {folder}/nft.rules\n")
    return script
