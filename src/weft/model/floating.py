"""Floating IPs: addresses of an external network that lead to ports behind a router, whole or by protocol and port.

Rules: the words are Neutron's. Which go together files/floating_checks.py says; whether there is such a port, and a
router on the way, is the compiler's to say. Source: OpenStack Networking API v2.0, floating IPs and port forwardings.
"""

from __future__ import annotations

from weft.model import words as w
from weft.model.security import PortRange, Protocol
from weft.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """What comes to `ports` (inclusive pairs) of a floating IP goes to `port`. `to`: the port's own ports, one or as
    many, None for the same. `fixed_address`: which of the port's addresses, where it has several of the family."""

    protocol: Protocol
    ports: tuple[PortRange, ...]
    port: w.PortName
    to: PortRange | None = None
    fixed_address: w.Address | None = None
    description: w.Alias | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatingIp:
    """`network`: an external network. `port` gets all that comes to the address, and speaks as it; or `forward` says
    which ports get what. With neither the address is kept for later. `fixed_address` as in Forward."""

    network: w.Name
    port: w.PortName | None = None
    fixed_address: w.Address | None = None
    forward: tuple[Forward, ...] = ()
    description: w.Alias | None = None
