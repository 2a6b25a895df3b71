"""Two ports on a bridge, made by ip as an expert would: the ground on which others shape what weft shapes itself.

Rules: names are those that weft's file gives, so what measures need not know who made it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import fresh_world
from tests.world import World

PORT, PEER, TENANT = "p", "q", "t"
ADDRESS = {PORT: "10.77.0.10", PEER: "10.77.0.11"}
BRIDGE_END = "v{}"
"""Of a port, in the tenant's namespace."""

_PLAIN = f"""
ip netns add {TENANT}
ip -n {TENANT} link set lo up
ip -n {TENANT} link add br0 type bridge forward_delay 0
ip -n {TENANT} link set br0 up
"""
_PLAIN_PORT = """
ip netns add {name}
ip -n {name} link set lo up
ip link add {name} netns {name} type veth peer name v{name} netns {tenant}
ip -n {name} addr add {address}/24 dev {name}
ip -n {name} link set {name} up
ip -n {tenant} link set v{name} master br0 up
"""


@dataclass(frozen=True, slots=True)
class Lab:
    """A world with ports in it, and a folder for files. `remarks`: what is to be known of how it was made."""

    world: World
    folder: Path
    remarks: list[str] = field(default_factory=list)

    def remarks_of(self, side: str) -> dict[str, str]:
        return {side: "; ".join(self.remarks)} if self.remarks else {}

    def sh(self, script: str, netns: str | None = None) -> str:
        return self.world.run("sh", "-ec", script, netns=netns).stdout


@contextmanager
def plain(folder: Path) -> Iterator[Lab]:
    """The two ports, and nothing that shapes."""
    with fresh_world() as world:
        lab = Lab(world, folder)
        ports = (_PLAIN_PORT.format(name=name, tenant=TENANT, address=at) for name, at in ADDRESS.items())
        lab.sh(_PLAIN + "".join(ports))
        yield lab


@contextmanager
def empty(folder: Path) -> Iterator[Lab]:
    """A host with nothing, for weft."""
    with fresh_world() as world:
        yield Lab(world, folder)
