"""The cases of `make bench` that stack links: bonds with a VLAN each, and one bridge that filters many VLANs.

Rules: on a kernel that lacks what they need they run in a guest (tests/guest), whole, both sides of each ratio; their
notes say in which. The reference is an `ip -batch`, and a `bridge -batch` where there are VLANs of ports.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from bench import names
from bench.cases import Bench, NotEqual, make_alike
from bench.inside import in_library
from bench.measure import Command, Run, fresh_world
from bench.report import Figure
from tests.guest import kernels
from tests.guest.guest import Guest
from tests.world import World

ROOT = Path(__file__).parents[1]
BONDS = 100
VLANS = 500
SCOPE = "bench"
_GUEST_S = 1200
_NEEDED = (
    ("ip", "link", "add", "one", "type", "bond"),
    ("ip", "link", "add", "link", "one", "name", "two", "type", "vlan", "id", "2"),
    ("ip", "link", "add", "three", "type", "bridge", "vlan_filtering", "1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """`file`: what a user of weft would write; `links`, `ports`: the lines of the batches for ip and bridge."""

    case: str
    file: str
    links: tuple[str, ...]
    ports: tuple[str, ...] = ()


def bonds(bench: Bench) -> list[Figure]:
    """100 bonds of two members with a VLAN each."""
    return _here_or_in_guest(bench, "bonds", _bonds)


def vlans(bench: Bench) -> list[Figure]:
    """500 VLANs on one bridge, each with a port of its own and the bridge itself in it."""
    return _here_or_in_guest(bench, "vlans", _vlans)


def _here_or_in_guest(bench: Bench, name: str, stack: Callable[[], Stack]) -> list[Figure]:
    if _has_what_is_needed():
        note = f"on Linux {platform.release()}"
        return [replace(figure, note=note) for figure in _measure(bench, stack())]
    found = kernels.find()
    if not found:
        why = f"Linux {platform.release()} cannot, and there is no guest's kernel (make guest-kernel)"
        print(f"{name}: NOT RUN: {why}", file=sys.stderr)
        return []
    return _in_guest(bench, name, Guest(found[-1], memory="1G"))


def _has_what_is_needed() -> bool:
    with World() as world:
        return all(world.run(*command, check=False).returncode == 0 for command in _NEEDED)


def _in_guest(bench: Bench, name: str, guest: Guest) -> list[Figure]:
    """The same case there."""
    out = "/hostout/bench.json"
    command: Command = (sys.executable, "-m", "bench", name, "--runs", str(bench.runs), "--out", out)
    with guest:
        done = guest.run(*command, cwd=ROOT, timeout_s=_GUEST_S, check=False)
        if not (guest.out / "bench.json").exists():
            raise RuntimeError(f"{name} in the guest {guest.kernel}: {done.stderr[-2000:]}")
        figures = json.loads((guest.out / "bench.json").read_text())["figures"]
    known = {field.name for field in fields(Figure)}
    told = (Figure(**{word: value for word, value in figure.items() if word in known}) for figure in figures)
    return [replace(figure, note=f"guest, {figure.note.removeprefix('on ')}") for figure in told]


def _measure(bench: Bench, stack: Stack) -> list[Figure]:
    file = bench.folder / "stack.yaml"
    file.write_text(stack.file)
    weft: Command = ("weft", "apply", "--yes", "-f", file)
    reference: Command = ("sh", _script(bench.folder, stack))
    make_alike(weft, reference)
    _have_alike_vlans(weft, reference)
    took = bench.turns(weft=Run(command=weft), reference=Run(command=reference))
    beside, whole = took["reference"].median_s, took["weft"].median_s
    against = "ip -batch, bridge -batch" if stack.ports else "ip -batch"
    return [
        *in_library(bench, file, stack.case, against, beside),
        Figure(case=stack.case, value=whole, against=against, beside=beside),
    ]


def _have_alike_vlans(weft: Command, reference: Command) -> None:
    """Raises: NotEqual unless both commands put the same ports into the same VLANs."""
    found = []
    for command in (weft, reference):
        with fresh_world() as world:
            world.run(*command)
            shown = json.loads(world.run("bridge", "-j", "vlan", "show").stdout)
            found.append(sorted(shown, key=lambda port: str(port["ifname"])))
    if found[0] != found[1]:
        raise NotEqual(f"VLANs of ports: weft has {len(found[0])}, the reference {len(found[1])}, not the same")


def _script(folder: Path, stack: Stack) -> Path:
    """What an expert would type."""
    script, batches = folder / "stack.sh", {"ip": stack.links, "bridge": stack.ports}
    lines = ["set -e"]
    for program, said in batches.items():
        if said:
            (folder / program).write_text("\n".join(said) + "\n")
            lines.append(f"{program} -batch {folder / program}")
    script.write_text("\n".join(lines) + "\n")
    return script


def _bonds() -> Stack:
    numbers = range(1, BONDS + 1)
    entries = (
        *(f'"{side}[1-{BONDS}]": {{kind: dummy}}' for side in "ab"),
        *(f"bo{n}: {{kind: bond, mode: active-backup, members: [a{n}, b{n}]}}" for n in range(1, BONDS + 1)),
        f'"v[1-{BONDS}]": {{kind: vlan, link: "bo{{n}}", vid: "{{n}}"}}',
    )
    links = (line for n in numbers for line in _bond_lines(n))
    return Stack(case=f"apply {BONDS} bonds of two, a VLAN each", file=_file(entries), links=tuple(links))


def _bond_lines(n: int) -> Iterator[str]:
    yield from _made(f"bo{n}", "up", "type bond mode active-backup miimon 100")
    for member in (f"a{n}", f"b{n}"):
        yield from _made(member, "", "type dummy")
        yield f"link set dev {member} master bo{n}"
        yield f"link set dev {member} up"
    yield f"link add link bo{n} name v{n} up type vlan id {n}"  # with the bond's MAC
    yield _marked(f"v{n}")


def _vlans() -> Stack:
    entries = (
        f"br: {{kind: bridge, vlan_filtering: true, vlan_default_pvid: 0, vlans: [1-{VLANS}]}}",
        f'"p[1-{VLANS}]": {{kind: dummy, master: br, bridge_port: {{vlans: ["{{n}} pvid untagged"]}}}}',
    )
    kind = "type bridge vlan_filtering 1 vlan_default_pvid 0 forward_delay 0"
    links = [*_made("br", "up", kind), *(line for n in range(1, VLANS + 1) for line in _port_lines(n))]
    ports = (f"vlan add dev p{n} vid {n} pvid untagged" for n in range(1, VLANS + 1))
    return Stack(
        case=f"apply {VLANS} VLANs on one bridge, a port each",
        file=_file(entries),
        links=tuple(links),
        ports=(f"vlan add dev br vid 1-{VLANS} self", *ports),
    )


def _port_lines(n: int) -> Iterator[str]:
    yield from _made(f"p{n}", "up master br", "type dummy")


def _made(ifname: str, rest: str, kind: str) -> Iterator[str]:
    mac = names.mac(names.identity(SCOPE, _path(ifname)), "link")
    yield f"link add name {ifname} address {mac} {rest} {kind}"
    yield _marked(ifname)


def _marked(ifname: str) -> str:
    return f"link set dev {ifname} alias {names.mark(SCOPE, _path(ifname))}"


def _path(ifname: str) -> str:
    return f"host/links/{ifname}"


def _file(entries: Iterable[str]) -> str:
    return "\n".join(["weft: 1", f"name: {SCOPE}", "host:", "  links:", *(f"    {entry}" for entry in entries)]) + "\n"


STACKED_CASES: dict[str, Callable[[Bench], list[Figure]]] = {"bonds": bonds, "vlans": vlans}
