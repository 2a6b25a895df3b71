"""One attribute of a link, somebody else's or tuned: its former value is noted before it changes, and comes back."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from zlib import decompress

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link.common import Link
from weft.kinds.setting import belongings, port
from weft.kinds.setting.belongings import ADDRESSES
from weft.kinds.setting.port import PORT
from weft.kinds.verbs import SetFeatures
from weft.records import dataclass
from weft.state import Change, Key, Keyed, link_key
from weft.wire.codec import u32
from weft.wire.link import (
    IFLA_GRO_MAX_SIZE,
    IFLA_GSO_MAX_SEGS,
    IFLA_GSO_MAX_SIZE,
    IFLA_MASTER,
    IFLA_MTU,
    link_alias,
    set_link,
)
from weft.wire.tc import TC_H_ROOT, delete_qdisc
from weft.wire.tc_tree import Node


class Membership(NamedTuple):
    """The value of the attribute `bond`: the bond that the link is a member of (or the bridge that it was a port of
    before), "" for none, and whether it is up. They are one, for a link joins a bond while it is down, and the bond
    opens it; when it leaves it is closed."""

    bond: str
    up: bool

    def __str__(self) -> str:
        return f"{self.bond or '-'} {'up' if self.up else 'down'}"

    @classmethod
    def parse(cls, text: str) -> Membership:
        bond, up = text.split(" ")
        return cls("" if bond == "-" else bond, up == "up")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSetting(Keyed):
    """`attribute`: mtu, gso_max_size, gso_max_segs, gro_max_size, alias, master, up, bond, addresses, bridge_port, or
    offload/FEATURE with ethtool's name; and qdisc, the root of somebody else's that gives way. `value` as text: a
    number, "on", "off"; an ifname or "" of `master`, "up" or "down" of `up`, of `bond` as Membership, of `addresses` as
    belongings.py, of `bridge_port` as port.py, of `qdisc` as backends/foreign_tree.py has it, "" where there is none.
    Same life as a Sysctl."""

    netns: str
    ifname: str
    attribute: str
    value: str

    def identify(self) -> Key:
        return Key("link-setting", self.netns, f"{self.ifname} {self.attribute}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        link = link_key(self.netns, self.ifname)
        over = self._master()
        return (link, link_key(self.netns, over)) if over else (link,)

    def _master(self) -> str:
        if self.attribute == BOND:
            return Membership.parse(self.value).bond
        return self.value if self.attribute == MASTER else ""


OFFLOAD, MASTER, UP, BOND, ROOT_QDISC = "offload/", "master", "up", "bond", "qdisc"
KEPT, NOT_KEPT = "kept:", "cannot come back: "
"""Before what a tree of qdiscs holds, and before why that is not known."""
NUMBERS = {
    "mtu": IFLA_MTU,
    "gso_max_size": IFLA_GSO_MAX_SIZE,
    "gso_max_segs": IFLA_GSO_MAX_SEGS,
    "gro_max_size": IFLA_GRO_MAX_SIZE,
}


def requests(change: Change, names: Names) -> Iterator[Request]:
    """Only ever a write of the wanted value: the backend knows from the ledger what a deletion puts back, and of
    `addresses` what is there."""
    setting = change.after
    if not isinstance(setting, LinkSetting):
        return
    index = names.ifindex(link_key(setting.netns, setting.ifname))
    if setting.attribute.startswith(OFFLOAD):
        feature = setting.attribute.removeprefix(OFFLOAD)
        yield Request(setting.netns, SetFeatures(index, ((feature, setting.value == "on"),)))
    elif setting.attribute == BOND:
        yield from _move(setting, index, names)
    elif setting.attribute == ADDRESSES:
        now = change.before.value if isinstance(change.before, LinkSetting) else ""
        yield from (Request(setting.netns, one) for one in belongings.messages(now, setting.value, index))
    elif setting.attribute == PORT:
        now = change.before.value if isinstance(change.before, LinkSetting) else ""
        yield from port.requests(setting.netns, setting.ifname, now, setting.value, names)
    elif setting.attribute == ROOT_QDISC:
        yield Request(setting.netns, delete_qdisc(index, TC_H_ROOT))
        yield from (Request(setting.netns, made) for made in _tree(setting.value, index))
    elif setting.attribute == MASTER:
        master = names.ifindex(link_key(setting.netns, setting.value)) if setting.value else 0
        yield Request(setting.netns, set_link(index, u32(IFLA_MASTER, master)))
    elif setting.attribute == UP:
        yield Request(setting.netns, set_link(index, up=setting.value == "up"))
    elif setting.attribute == "alias":
        yield Request(setting.netns, set_link(index, link_alias(setting.value)))
    else:
        yield Request(setting.netns, set_link(index, u32(NUMBERS[setting.attribute], int(setting.value))))


def _tree(value: str, index: int) -> list[bytes]:
    """What makes the tree of somebody else's again."""
    nodes = (
        Node(what, handle, parent, info, kind, bytes.fromhex(body))
        for what, handle, parent, info, kind, body in _rows(value)
    )
    return [node.make(index) for node in nodes]


def _rows(value: str) -> list[Any]:
    _, kept, packed = value.partition(KEPT)
    found: list[Any] = json.loads(decompress(b64decode(packed))) if kept else []
    return found


def is_half_made(value: str, whole: str) -> bool:
    """Whether a tree is nothing but the beginning of another one: who was making that was killed."""
    begun, rows = _rows(value), _rows(whole)
    return 0 < len(begun) < len(rows) and all(row in rows for row in begun)


def cannot_give_way(setting: LinkSetting) -> str:
    """Why what is there would not come back, "" where it would."""
    return setting.value.partition(NOT_KEPT)[2] if setting.attribute == ROOT_QDISC else ""


def _move(setting: LinkSetting, index: int, names: Names) -> Iterator[Request]:
    """One that is in already stays in: a bond that its last member leaves forgets its MAC. Source:
    drivers/net/bonding/bond_main.c __bond_release_one."""
    wanted = Membership.parse(setting.value)
    master = names.ifindex(link_key(setting.netns, wanted.bond)) if wanted.bond else 0
    if master:
        yield Request(setting.netns, set_link(index, up=False))
    yield Request(setting.netns, set_link(index, u32(IFLA_MASTER, master)))
    yield Request(setting.netns, set_link(index, up=wanted.up))


def script(change: Change) -> Iterable[str]:
    setting = change.after
    if not isinstance(setting, LinkSetting):
        return
    words: tuple[str, ...] = (setting.attribute, setting.value)
    if setting.attribute == UP:
        words = (setting.value,)
    elif setting.attribute == MASTER and not setting.value:
        words = ("nomaster",)
    if setting.attribute == ADDRESSES:
        now = change.before.value if isinstance(change.before, LinkSetting) else ""
        yield from belongings.script(setting.netns, setting.ifname, now, setting.value)
    elif setting.attribute == PORT:
        yield from port.script(setting.netns, setting.ifname, "", setting.value)
    elif setting.attribute.startswith(OFFLOAD):
        feature = setting.attribute.removeprefix(OFFLOAD)
        yield f"{command.within(setting.netns)}ethtool -K {setting.ifname} {feature} {setting.value}"
    elif setting.attribute == ROOT_QDISC:
        yield command.tc(setting.netns, "qdisc", "del", "dev", setting.ifname, "root")
        if setting.value:
            yield f"# put back by hand what {setting.ifname} had: {setting.value.partition(KEPT)[0]}"
    elif setting.attribute == BOND:
        wanted = Membership.parse(setting.value)
        to = ("link", "set", "dev", setting.ifname)
        if wanted.bond:
            yield command.ip(setting.netns, *to, "down")
            yield command.ip(setting.netns, *to, "master", wanted.bond)
        else:
            yield command.ip(setting.netns, *to, "nomaster")
        yield command.ip(setting.netns, *to, "up" if wanted.up else "down")
    else:
        yield command.ip(setting.netns, "link", "set", "dev", setting.ifname, *words)


def parse(link: Link, attribute: str, held: str | None = None) -> LinkSetting | None:
    """One attribute of a link as it was read; None where the kernel does not tell it. `held`: its addresses, what a
    bridge keeps of it, or the root of somebody else's."""
    value: str | None
    if attribute in (ADDRESSES, PORT, ROOT_QDISC):
        value = held
    elif attribute.startswith(OFFLOAD):
        on = dict(link.offloads or ()).get(attribute.removeprefix(OFFLOAD))
        value = None if on is None else "on" if on else "off"
    elif attribute == BOND:
        value = str(Membership(link.master or "", bool(link.up)))
    elif attribute == UP:
        value = "up" if link.up else "down"
    else:
        value = getattr(link, attribute)
    return (
        None
        if value is None
        else LinkSetting(netns=link.netns, ifname=link.ifname, attribute=attribute, value=str(value))
    )


ROW = Kind(
    name="link-setting",
    cls=LinkSetting,
    backend="link-setting",
    owner=Owner.LEDGER,
    in_place=frozenset({"value"}),
    requests=requests,
    script=script,
    parse=parse,
)
