"""A host with two ways to the world: its own by `up0`, where it has addresses and a default route, and `ext0`, behind
which lies an external network with a gateway, `world`, that knows no way back to anything but that network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kernel.outside import OUTSIDE
from tests.world import World

BEYOND4, BEYOND6 = "198.51.100.1", "2001:db8:ffff::1"
"""What lies behind the gateway."""

EXTERNAL = """
set -e
ip netns add world
ip link add ext0 type veth peer name ext1 netns world
ip link set ext0 up
ip -n world addr add 203.0.113.1/24 dev ext1; ip -n world -6 addr add 2001:db8:1::ffff/64 dev ext1 nodad
ip -n world link set ext1 up; ip -n world link set lo up
ip -n world addr add 198.51.100.1/32 dev lo; ip -n world addr add 2001:db8:ffff::1/128 dev lo nodad
"""


def give_external(world: World) -> None:
    world.run("sh", "-c", OUTSIDE)
    world.run("sh", "-c", EXTERNAL)


@pytest.fixture
def host(world: World) -> Iterator[World]:
    """A world with both."""
    give_external(world)
    yield world
