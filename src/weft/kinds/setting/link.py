"""One attribute of a link, somebody else's or tuned: changed with its former value noted, which comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from weft.kinds import command
from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.link.common import Link
from weft.kinds.verbs import SetFeatures
from weft.state import Change, Key, link_key
from weft.wire.codec import u32
from weft.wire.link import (
    IFLA_GRO_MAX_SIZE,
    IFLA_GSO_MAX_SEGS,
    IFLA_GSO_MAX_SIZE,
    IFLA_MTU,
    link_alias,
    set_link,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSetting:
    """`attribute`: mtu, gso_max_size, gso_max_segs, gro_max_size, alias, or offload/FEATURE with ethtool's name.
    `value` as text: a number, "on", "off". Same life as a Sysctl."""

    netns: str
    ifname: str
    attribute: str
    value: str

    @property
    def key(self) -> Key:
        return Key("link-setting", self.netns, f"{self.ifname} {self.attribute}")

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (link_key(self.netns, self.ifname),)


OFFLOAD = "offload/"
NUMBERS = {
    "mtu": IFLA_MTU,
    "gso_max_size": IFLA_GSO_MAX_SIZE,
    "gso_max_segs": IFLA_GSO_MAX_SEGS,
    "gro_max_size": IFLA_GRO_MAX_SIZE,
}


def requests(change: Change, names: Names) -> Iterator[Request]:
    """Only ever a write of the wanted value: the backend knows from the ledger what a deletion puts back."""
    setting = change.after
    if not isinstance(setting, LinkSetting):
        return
    index = names.ifindex(link_key(setting.netns, setting.ifname))
    if setting.attribute.startswith(OFFLOAD):
        feature = setting.attribute.removeprefix(OFFLOAD)
        yield Request(setting.netns, SetFeatures(index, ((feature, setting.value == "on"),)))
    elif setting.attribute == "alias":
        yield Request(setting.netns, set_link(index, link_alias(setting.value)))
    else:
        yield Request(setting.netns, set_link(index, u32(NUMBERS[setting.attribute], int(setting.value))))


def script(change: Change) -> Iterable[str]:
    setting = change.after
    if not isinstance(setting, LinkSetting):
        return
    if setting.attribute.startswith(OFFLOAD):
        feature = setting.attribute.removeprefix(OFFLOAD)
        yield f"{command.within(setting.netns)}ethtool -K {setting.ifname} {feature} {setting.value}"
    else:
        yield command.ip(setting.netns, "link", "set", "dev", setting.ifname, setting.attribute, setting.value)


def parse(link: Link, attribute: str) -> LinkSetting | None:
    """One attribute of a link as it was read; None where the kernel does not tell it."""
    if attribute.startswith(OFFLOAD):
        on = dict(link.offloads or ()).get(attribute.removeprefix(OFFLOAD))
        value = None if on is None else "on" if on else "off"
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
