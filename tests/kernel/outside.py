"""A host with an uplink to `outside`, a namespace that plays the rest of the internet: it knows the host's own
addresses and nothing of what is behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.world import World

OUTSIDE = """
set -e
ip netns add outside
ip link add up0 type veth peer name up1 netns outside
ip addr add 192.0.2.1/24 dev up0; ip -6 addr add 2001:db8::1/64 dev up0 nodad
ip link set up0 up
ip -n outside addr add 192.0.2.254/24 dev up1; ip -n outside -6 addr add 2001:db8::fe/64 dev up1 nodad
ip -n outside link set up1 up; ip -n outside link set lo up
ip route add default via 192.0.2.254; ip -6 route add default via 2001:db8::fe
"""


@pytest.fixture
def host(world: World) -> Iterator[World]:
    """A world with an uplink."""
    world.run("sh", "-c", OUTSIDE)
    yield world
