"""The bench's own parts: the file and the reference say the same, verdicts follow bounds."""

import pytest

from bench.reference import steps_of
from bench.report import Figure, table
from bench.topology import Topology, host_ports, namespace_ports, with_another_port
from weft.compiler import compile
from weft.facts import FEATURES, Facts
from weft.files import load_text
from weft.kinds.ip.address import Address
from weft.kinds.link.common import Link
from weft.kinds.netns import Namespace
from weft.state import State

TOPOLOGIES = [host_ports(10), namespace_ports(10), namespace_ports(3, bridges=3), with_another_port(host_ports(10))]


def compiled(topology: Topology) -> State:
    facts = Facts(host_id="00000000-4096", features=frozenset(FEATURES))
    return compile(load_text("weft.yaml", topology.file()).intent, facts).state


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda topology: topology.ports[-1].name)
def test_the_reference_makes_what_the_file_says(topology: Topology) -> None:
    steps, state = steps_of(topology), compiled(topology)
    lines = [line for batch in steps.ip.values() for line in batch]
    words = {word for line in lines for word in line.split()}
    objects = list(state.values())
    assert {netns.name for netns in objects if isinstance(netns, Namespace)} == set(steps.netns)
    assert {link.ifname for link in objects if isinstance(link, Link)} <= words
    assert {link.mac for link in objects if isinstance(link, Link)} <= words
    assert {address.cidr for address in objects if isinstance(address, Address)} <= words
    assert sum(line.startswith("addr add") for line in lines) == sum(isinstance(held, Address) for held in objects)


@pytest.mark.parametrize(
    ("value", "beside", "bound", "verdict"),
    [(1.0, 1.0, 1.1, "ok"), (1.2, 1.0, 1.1, "OVER"), (0.02, None, 0.01, "OVER"), (1.0, 2.0, None, "")],
)
def test_verdict(value: float, beside: float | None, bound: float | None, verdict: str) -> None:
    figure = Figure(case="x", value=value, beside=beside, bound=bound)
    assert figure.verdict == verdict
    assert verdict in table([figure])
