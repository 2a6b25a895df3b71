"""One attribute of a link that is not weft's: changed with the former value noted, restored by destroy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.kinds.base import Kind, Names, Owner, Request
from weft.state import Change, Key, link_key


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


def requests(change: Change, names: Names) -> Iterable[Request]:
    raise NotImplementedError


def script(change: Change) -> Iterable[str]:
    raise NotImplementedError


def parse() -> LinkSetting:
    raise NotImplementedError


ROW = Kind(
    name="link-setting",
    cls=LinkSetting,
    backend="rtnl",
    owner=Owner.LEDGER,
    in_place=frozenset({"value"}),
    requests=requests,
    script=script,
    parse=parse,
)
