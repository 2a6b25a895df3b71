"""The case of `make bench` that makes overlay segments: VXLANs, each with entries in its forwarding table.

Rules: the reference is two batches, `ip -batch` for the links and `bridge -batch` for the entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bench import names
from bench.cases import Bench, NotEqual, make_alike
from bench.inside import in_library
from bench.measure import Command, Run, fresh_world
from bench.report import Figure

SEGMENTS = 500
MACHINES = tuple(f"192.0.2.{number}" for number in range(2, 6))
MACS = tuple(f"02:00:00:00:00:{number:02x}" for number in range(1, 7))
"""With an entry of each machine for what has none of its own, and of each MAC, ten a segment."""

SCOPE = "bench"


def segments(bench: Bench) -> list[Figure]:
    """500 VXLANs without learning, each with 10 forwarding entries."""
    file = bench.folder / "segments.yaml"
    file.write_text(_file())
    weft: Command = ("weft", "apply", "--yes", "-f", file)
    reference: Command = ("sh", _script(bench.folder))
    make_alike(weft, reference)
    _have_alike_entries(weft, reference)
    again = Run(prepare=(weft,), command=weft)
    took = bench.turns(weft=Run(command=weft), reference=Run(command=reference), again=again)
    beside = took["reference"].median_s
    case, against = f"apply {SEGMENTS} VXLANs, 10 FDB entries each", "ip -batch, bridge -batch"
    return [
        *in_library(bench, file, case, against, beside),
        Figure(case=case, value=took["weft"].median_s, against=against, beside=beside),
        Figure(case="the same, nothing to do", value=took["again"].median_s),
    ]


def _have_alike_entries(weft: Command, reference: Command) -> None:
    """Raises: NotEqual unless both commands make the same forwarding entries."""
    found = []
    for command in (weft, reference):
        with fresh_world() as world:
            world.run(*command)
            found.append(sorted(world.run("bridge", "fdb", "show").stdout.splitlines()))
    if found[0] != found[1] or len(found[0]) < 10 * SEGMENTS:
        raise NotEqual(f"forwarding entries: weft has {len(found[0])}, the reference {len(found[1])}, not the same")


def _file() -> str:
    """As a user of weft would write it: a range."""
    fdb = ", ".join(f"{{mac: {mac}, remote: {remote}}}" for mac, remote in _entries())
    said = "kind: vxlan, vni: '{n}', local: 192.0.2.1, learning: false"
    entry = f"{{{said}, remotes: [{', '.join(MACHINES)}], fdb: [{fdb}]}}"
    return f'weft: 1\nname: {SCOPE}\nhost: {{links: {{"vx[1-{SEGMENTS}]": {entry}}}}}\n'


def _entries() -> Iterator[tuple[str, str]]:
    return ((mac, MACHINES[at % len(MACHINES)]) for at, mac in enumerate(MACS))


def _vnis() -> range:
    return range(1, SEGMENTS + 1)


def _ifname(vni: int) -> str:
    return f"vx{vni}"


def _script(folder: Path) -> Path:
    """What an expert would type."""
    (folder / "links").write_text("".join(line + "\n" for vni in _vnis() for line in _link_lines(vni)))
    (folder / "fdb").write_text("".join(line + "\n" for vni in _vnis() for line in _fdb_lines(vni)))
    script = folder / "segments.sh"
    script.write_text(f"set -e\nip -batch {folder}/links\nbridge -batch {folder}/fdb\n")
    return script


def _link_lines(vni: int) -> Iterator[str]:
    ifname, path = _ifname(vni), f"host/links/{_ifname(vni)}"
    mac = names.mac(names.identity(SCOPE, path), "link")
    kind = f"type vxlan id {vni} local 192.0.2.1 dstport 4789 nolearning"
    yield f"link add {ifname} address {mac} mtu 1450 up {kind}"
    yield f"link set {ifname} alias {names.mark(SCOPE, path)}"


def _fdb_lines(vni: int) -> Iterator[str]:
    for machine in MACHINES:
        yield f"fdb append 00:00:00:00:00:00 dev {_ifname(vni)} dst {machine} self permanent"
    for mac, remote in _entries():
        yield f"fdb add {mac} dev {_ifname(vni)} dst {remote} self permanent"


SEGMENT_CASES: dict[str, Callable[[Bench], list[Figure]]] = {"segments": segments}
