"""Bridges."""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.links.place import LinkPlace
from weft.kinds.link.bridge import Bridge
from weft.model.links import BridgeLink
from weft.state import KernelObject


def make_bridge(place: LinkPlace[BridgeLink]) -> Iterator[KernelObject]:
    yield Bridge(netns=place.netns, ifname=place.ifname, stp=False, forward_delay=0)
