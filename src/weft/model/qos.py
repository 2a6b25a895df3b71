"""Quality of service as people declare it.

Rules: rates are bits of Ethernet frames a second, as HTB counts them, unless `layer` or `overhead` say otherwise; the
forms see to units. Egress is what the carrier of the policy sends (a port, a tenant, a link), ingress what it
receives. `rate` is guaranteed, `ceil` is a limit; where there is no `ceil`, `rate` is one too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any

from weft.model import qos_words as q
from weft.model import words as w
from weft.records import dataclass

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class QosMatch:
    """What belongs to a class: all that is said must hold, and of what has several values one. `ports` are those of
    the destination. `mark`: 0xMARK/0xMASK. `cgroup`: of the sender, where that is on this machine."""

    source: tuple[q.Prefix, ...] = ()
    destination: tuple[q.Prefix, ...] = ()
    source_mac: tuple[w.FdbMac, ...] = ()
    destination_mac: tuple[w.FdbMac, ...] = ()
    protocol: q.Protocol | None = None
    ports: tuple[q.Ports, ...] = ()
    source_ports: tuple[q.Ports, ...] = ()
    dscp: tuple[q.Dscp, ...] = ()
    mark: q.MarkMask | None = None
    cgroup: q.CgroupPath | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairment:
    """What a bad line does. Times in microseconds, shares in millionths. Source: tc-netem(8)."""

    delay: q.TimeUs | None = None
    jitter: q.TimeUs | None = None
    loss: q.SharePpm | None = None
    duplicate: q.SharePpm | None = None
    corrupt: q.SharePpm | None = None
    reorder: q.SharePpm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a class and a whole direction may both say. Rates in bit/s, `burst` in bytes, `latency` in microseconds:
    how long a packet may wait here under load. `leaf` None: the best that the kernel has."""

    rate: q.RateBps | None = None
    ceil: q.RateBps | None = None
    burst: q.SizeBytes | None = None
    priority: q.Priority | None = None
    latency: q.TimeUs | None = None
    leaf: q.LeafWord | None = None
    dscp_mark: q.Dscp | None = None
    packets_per_second: q.PacketsPerSecond | None = None
    impairment: Impairment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QosClass(Shape):
    """`match`: the first class that matches has a packet. `parent`: the class that it is part of; None: the whole."""

    match: tuple[QosMatch, ...] = ()
    parent: w.Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QosDirection(Shape):
    """`default`: the class of what none matches; None: one of its own, of the lowest priority. `layer`: what rates
    count: frames, IP packets, or ATM cells; `overhead`: bytes added to each packet."""

    classes: Mapping[w.Name, QosClass] = field(default_factory=lambda: _NONE)
    default: w.Name | None = None
    layer: q.Layer = "ethernet"
    overhead: q.OverheadBytes = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QosPolicy:
    """A policy by name, or in place."""

    egress: QosDirection | None = None
    ingress: QosDirection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QosUse(QosPolicy):
    """Where a policy is asked for: `policy` is its name among `qos_policies`, else it stands here itself. `replace`,
    of a link: a root qdisc of somebody else's gives way, and comes back."""

    policy: w.Name | None = None
    replace: bool = False
