"""One attribute of a link, somebody else's or tuned: its former value is noted before it changes, and comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link.common import Link
from weft.kinds.setting import belongings, port, root_qdisc
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
    belongings.py, of `bridge_port` as port.py, of `qdisc` as root_qdisc.py. Same life as a
    Sysctl."""

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
    netns, ifname, attribute, value = setting.netns, setting.ifname, setting.attribute, setting.value
    now = change.before.value if isinstance(change.before, LinkSetting) else ""
    index = names.ifindex(link_key(netns, ifname))
    if attribute == BOND:
        yield from _move(setting, index, names)
    elif attribute == ADDRESSES:
        yield from (Request(netns, one) for one in belongings.messages(now, value, index))
    elif attribute == PORT:
        yield from port.requests(netns, ifname, now, value, names)
    elif attribute == ROOT_QDISC:
        yield from root_qdisc.requests(netns, value, index)
    elif attribute.startswith(OFFLOAD):
        yield Request(netns, SetFeatures(index, ((attribute.removeprefix(OFFLOAD), value == "on"),)))
    elif attribute == UP:
        yield Request(netns, set_link(index, up=value == "up"))
    else:
        yield Request(netns, set_link(index, _attribute(setting, names)))


def _attribute(setting: LinkSetting, names: Names) -> bytes:
    """The setting as an attribute of the message that changes a link."""
    if setting.attribute == "alias":
        return link_alias(setting.value)
    if setting.attribute == MASTER:
        return u32(IFLA_MASTER, names.ifindex(link_key(setting.netns, setting.value)) if setting.value else 0)
    return u32(NUMBERS[setting.attribute], int(setting.value))


def cannot_give_way(setting: LinkSetting) -> str:
    """Why what is there would not come back, "" where it would."""
    return root_qdisc.why_not_kept(setting.value) if setting.attribute == ROOT_QDISC else ""


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
    netns, ifname, attribute, value = setting.netns, setting.ifname, setting.attribute, setting.value
    if attribute == ADDRESSES:
        now = change.before.value if isinstance(change.before, LinkSetting) else ""
        yield from belongings.script(netns, ifname, now, value)
    elif attribute == PORT:
        yield from port.script(netns, ifname, "", value)
    elif attribute == ROOT_QDISC:
        yield from root_qdisc.script(netns, ifname, value)
    elif attribute.startswith(OFFLOAD):
        yield f"{command.within(netns)}ethtool -K {ifname} {attribute.removeprefix(OFFLOAD)} {value}"
    else:
        yield from (command.ip(netns, "link", "set", "dev", ifname, *words) for words in _words(attribute, value))


def _words(attribute: str, value: str) -> Iterator[tuple[str, ...]]:
    """What `ip link set` is told, one command after the other."""
    if attribute == BOND:
        wanted = Membership.parse(value)
        yield from [("down",), ("master", wanted.bond)] if wanted.bond else [("nomaster",)]
        yield ("up" if wanted.up else "down",)
    elif attribute == UP:
        yield (value,)
    elif attribute == MASTER and not value:
        yield ("nomaster",)
    else:
        yield attribute, value


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
