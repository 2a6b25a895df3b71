"""What the keys of quality of service mean: a part of the table in meaning.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.model import qos

QOS: Mapping[type[Any], tuple[str, Mapping[str, str]]] = {
    qos.QosPolicy: (
        "qos_policies: NAME",
        {
            "egress": "What the port, network, tenant or link sends.",
            "ingress": "What it receives.",
        },
    ),
    qos.QosUse: (
        "qos, and port_qos",
        {
            "policy": "The name of a policy: `qos: NAME` is short for `qos: {policy: NAME}`. Left out: it stands here.",
            "replace": "Of a link: true makes a root qdisc of somebody else's give way; destroy puts it back.",
        },
    ),
    qos.Shape: (
        "qos: what a direction and a class may both say",
        {
            "rate": "What is guaranteed, in bit/s of Ethernet frames. Left out: nothing.",
            "ceil": "The limit. Left out: the rate; where there is none either, that of the whole.",
            "burst": "Bytes that may go at once. Left out: what 1 ms of the rate is, or two frames.",
            "priority": "Who is served first when all want more than their rate: 0 before 7. Left out: 4.",
            "latency": "How long a packet may wait here. Left out: what the queue finds right, at most 50ms.",
            "leaf": "The queue. Left out: the best of fq_codel, sfq and pfifo that the kernel has.",
            "dscp_mark": "The DSCP that packets get, by name or number.",
            "packets_per_second": "More packets than that are dropped.",
            "impairment": "What a bad line does to it.",
        },
    ),
    qos.QosDirection: (
        "qos: egress, and ingress",
        {
            "classes": "Parts of the traffic by name; the first one that matches has a packet.",
            "default": "The class of what none matches. Left out: one of its own, served last.",
            "layer": "What rates count: ethernet (frames), ip (packets without the frame), or atm (cells of frames).",
            "overhead": "Bytes added to each packet before it is counted.",
        },
    ),
    qos.QosClass: (
        "qos: egress: classes: NAME",
        {
            "match": "What belongs to it: one of these. A single one needs no list.",
            "parent": "The class that it is a part of. Left out: the whole.",
        },
    ),
    qos.QosMatch: (
        "qos: egress: classes: NAME: match",
        {
            "source": "Prefixes or addresses of either family. One of them needs no list.",
            "destination": "Likewise.",
            "source_mac": "MAC addresses.",
            "destination_mac": "MAC addresses.",
            "protocol": "By name or number.",
            "ports": "Of the destination, single ones and ranges. They need a protocol that has some.",
            "source_ports": "Of the source.",
            "dscp": "By name or number.",
            "mark": "The packet's mark, or mark and mask: of what this machine sends itself.",
            "cgroup": "The sender's cgroup, on this machine.",
        },
    ),
    qos.Impairment: (
        "qos: impairment",
        {
            "delay": "Added to each packet's way.",
            "jitter": "By so much the delay varies.",
            "loss": "The share of packets that is lost.",
            "duplicate": "The share that comes twice.",
            "corrupt": "The share in which a bit is wrong.",
            "reorder": "The share that is not delayed, and so comes early.",
        },
    ),
}
