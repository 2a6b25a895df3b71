"""What the kernel tells of how a link sends, which decides what a qdisc at its root is good for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from weft.netlink.kept import Place
from weft.wire.ethtool import get_speed, read_speed
from weft.wire.link import get_link, read_sending
from weft.wire.reply import Reply


class Carrier(NamedTuple):
    """`mac`: its own. `qdisc`: the kind of its root. `queues`: its own. `speed_bps` 0: the kernel does not know."""

    mac: str
    qdisc: str
    queues: int
    speed_bps: int


def carriers(place: Place, ifnames: Sequence[str]) -> dict[str, Carrier]:
    """By name, of the links that are there."""
    answers = place.rtnl.ask([get_link(ifname=name) for name in ifnames], read_sending)
    found = {name: answer for name, answer in zip(ifnames, answers, strict=True) if not isinstance(answer, Reply)}
    connection, family = place.ethtool()
    questions = [get_speed(family, sending.ifindex) for sending in found.values()] if family else []
    told = [answer for answer in connection.ask(questions, read_speed) if not isinstance(answer, Reply)]
    speeds = dict(told)
    return {
        name: Carrier(sending.mac, sending.qdisc, sending.queues, speeds.get(sending.ifindex, 0))
        for name, sending in found.items()
    }
