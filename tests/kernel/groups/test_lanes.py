"""What is let in by one lookup before all else is what the guard lets in: frames of TCP and UDP, made by hand."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.kernel.groups import frames as f
from tests.kernel.groups.lab import Lab
from tests.kernel.groups.test_spoofing import EAR, IP4, IP6, LAST, LOCAL, OWN, TEXT, heard, own4

pytestmark = [pytest.mark.kernel, pytest.mark.needs("nft_bridge")]


def tcp4(said: str, source: str = IP4, mac: str = OWN) -> bytes:
    return f.ipv4(mac, source, "10.0.0.255", f.tcp_syn(source, "10.0.0.255", 80, said), f.TCP)


def tcp6(said: str, source: str = IP6, mac: str = OWN, before: bytes = b"") -> bytes:
    """`before`: one more header, of options."""
    bare = f.tcp_syn("10.0.0.1", "10.0.0.2", 80, said)  # its checksum is nobody's: no bridge asks
    if before:
        return f.ipv6(mac, source, "ff02::1", before + bare, f.OPTIONS)
    return f.ipv6(mac, source, "ff02::1", bare, f.TCP)


def udp6(said: str, source: str = IP6, mac: str = OWN) -> bytes:
    return f.ipv6(mac, source, "ff02::1", f.udp6(source, "ff02::1", 9, said), f.UDP)


def allowed() -> Mapping[str, bytes]:
    return {
        "tcp": tcp4("tcp"),
        "udp": own4("udp"),
        "tcp6": tcp6("tcp6"),
        "tcp6-local": tcp6("tcp6-local", source=LOCAL),
        "tcp6-options": tcp6("tcp6-options", before=f.with_options(f.TCP, b"")),
        "udp6": udp6("udp6"),
    }


def forged() -> Mapping[str, bytes]:
    """By its word, each frame that is one of those above but for one thing."""
    return {
        "tcp-ip": tcp4("tcp-ip", source="10.0.0.20"),
        "tcp-mac": tcp4("tcp-mac", mac=EAR),
        "tcp-both": tcp4("tcp-both", source="10.0.0.20", mac=EAR),
        "udp-both": own4("udp-both", source="10.0.0.20", mac=EAR),
        "tcp6-ip": tcp6("tcp6-ip", source="fd00::20"),
        "tcp6-mac": tcp6("tcp6-mac", mac=EAR),
        "tcp6-both": tcp6("tcp6-both", source="fd00::20", mac=EAR),
        "udp6-ip": udp6("udp6-ip", source="fd00::20"),
        "udp6-mac": udp6("udp6-mac", mac=EAR),
        "served": own4("served", sport=67, dport=68),
        "tagged-tcp": f.tagged(tcp4("tagged-tcp"), 7),
        "tagged-udp": f.tagged(own4("tagged-udp"), 7),
        "tagged-tcp6": f.tagged(tcp6("tagged-tcp6"), 7),
        "priority-tagged": f.tagged(tcp4("priority-tagged"), 0),
        "tagged-twice": f.tagged(f.tagged(tcp4("tagged-twice"), 7), 8),
    }


def test_the_lanes_know_each_port(lab: Lab) -> None:
    lab.apply(TEXT.format(more=""))
    assert heard(lab, "bad", "ear", {**forged(), **allowed()}.values(), own4(LAST)) == allowed().keys()
