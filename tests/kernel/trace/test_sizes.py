"""Large packets: where they are split, where the sender is told, and where they are lost; ping agrees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kernel.trace.lab import Lab
from tests.world import World

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]

FILE = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {subnets: [10.0.0.0/24, "fd00::/64"]}
      back: {subnets: [10.1.0.0/24, "fd01::/64"], mtu: 1400}
    routers: {edge: {interfaces: [front, back]}}
    security_groups:
      web: {ingress: [{protocol: icmp}, {protocol: icmpv6}, {protocol: udp, ports: [53]}]}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"], security_groups: [web]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20, "fd00::20"], security_groups: [web]}
      small: {network: front, attach: {netns: small}, addresses: [10.0.0.30, "fd00::30"], mtu: 1300}
      db: {network: back, attach: {netns: db}, addresses: [10.1.0.10, "fd01::10"], security_groups: [web]}
"""
HEADERS_BYTES = {4: 28, 6: 48}


class SizesLab(Lab):
    def of(self, target: str, family: int, size: int, *more: str, code: int = 0) -> dict[str, Any]:
        """As traced from `web`, and live."""
        found = self.live("web", target, "icmp", f"-{family}", "--size", str(size), *more, code=code)
        assert found["live"]["differs"] == "", found["live"]
        return found

    def ping(self, address: str, size: int, how: str) -> str:
        """What ping says of packets of a size from `web`, the path's MTU forgotten."""
        for family in ("-4", "-6"):
            self.world.run("ip", family, "route", "flush", "cache", netns="web", check=False)
        body = str(size - HEADERS_BYTES[6 if ":" in address else 4])
        words = ("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-M", how, "-s", body, address)
        done = self.world.run(*words, netns="web", check=False)
        return done.stdout + done.stderr


def of_size(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(hop["place"], hop["said"]) for hop in found["question"]["hops"] if hop["sort"] == "mtu"]


def test_where_a_large_packet_ends(world: World, tmp_path: Path) -> None:
    lab = SizesLab(world, tmp_path / "weft.yaml")
    lab.put(FILE)
    assert all(world.ping(to, netns="web") for to in ("10.1.0.10", "fd01::10", "10.0.0.20", "10.0.0.30"))
    told = "takes packets of 1400 bytes at most: router shop/edge tells who sent it, which then sends smaller ones"
    for family, target, words in ((4, "10.1.0.10", "mtu"), (6, "fd01::10", "too big")):
        lab.of("db", family, 1400)
        assert " 0% packet loss" in lab.ping(target, 1400, "do")
        assert lab.of("db", family, 1401, code=3)["why"].endswith(told)
        assert words in lab.ping(target, 1401, "do").lower()
    assert lab.of("ask", 4, 1501, code=3)["why"] == (
        "shop/web takes packets of 1500 bytes at most: it is not even sent"
    )  # fmt: skip
    assert "message too long" in lab.ping("10.0.0.20", 1501, "do").lower()
    lost = "shop/small takes packets of 1300 bytes at most: nobody is told that it is dropped"
    assert lab.of("small", 4, 1305, code=3)["why"] == lost
    said = lab.ping("10.0.0.30", 1305, "do")
    assert "100% packet loss" in said and "too long" not in said and "rag" not in said
    assert of_size(lab.of("db", 4, 2000, "--fragment")) == [
        ("port shop/web", "goes by shop/web in 2 pieces of at most 1500 bytes"),
        ("router shop/edge", "goes by back of router shop/edge in 2 pieces of at most 1400 bytes"),
    ]
    assert " 0% packet loss" in lab.ping("10.1.0.10", 2000, "dont")
    assert of_size(lab.of("ask", 6, 2000, "--fragment")) == [
        ("port shop/web", "goes by shop/web in 2 pieces of at most 1500 bytes")
    ]
    assert lab.of("db", 6, 2000, "--fragment", code=3)["why"].endswith(told)
    assert lab.of("small", 4, 2000, "--fragment", code=3)["why"] == lost
    assert "100% packet loss" in lab.ping("10.0.0.30", 2000, "dont")
