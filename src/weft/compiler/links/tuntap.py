"""Taps and tuns that are not ports: for a virtual machine or a VPN that the host itself speaks to."""

from __future__ import annotations

from collections.abc import Iterator

from weft.compiler.accounts import openers
from weft.compiler.links.place import LinkPlace
from weft.kinds.link.tap import Tap, Tun
from weft.model.stacked import TapLink, TunLink
from weft.state import KernelObject


def make_tap(place: LinkPlace[TapLink]) -> Iterator[KernelObject]:
    yield _made(place, Tap)


def make_tun(place: LinkPlace[TunLink]) -> Iterator[KernelObject]:
    if place.spec.mac:
        place.error("a tun carries packets and has no MAC", "leave it out, or `kind: tap`", "mac")
    if place.spec.master:
        place.error("a tun carries packets: it is no port of anything", "`kind: tap`", "master")
    yield _made(place, Tun)


def _made(place: LinkPlace[TapLink], cls: type[Tap]) -> Tap:
    spec = place.spec
    owner, group = openers(place.draft, place.path, spec.owner, spec.group, adopt=spec.adopt)
    return cls(
        netns=place.netns,
        ifname=place.ifname,
        owner=owner,
        group=group,
        multi_queue=spec.queues > 1,
        vnet_hdr=spec.vnet_hdr,
    )
