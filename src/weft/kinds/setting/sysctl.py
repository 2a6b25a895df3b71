"""A sysctl of one namespace. Source: sysctl(8), Documentation/networking/ip-sysctl.rst."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.command import within
from weft.kinds.netns import ground
from weft.records import dataclass
from weft.state import Change, Key, Keyed, link_key

ALGORITHM, ALLOWED_ALGORITHMS = "net/ipv4/tcp_congestion_control", "net/ipv4/tcp_allowed_congestion_control"
FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
LINK_FORWARDING = {4: "net/ipv4/conf/{}/forwarding", 6: "net/ipv6/conf/{}/forwarding"}
RP_FILTER = "net/ipv4/conf/{}/rp_filter"
BRIDGE_CALLS = {4: "net/bridge/bridge-nf-call-iptables", 6: "net/bridge/bridge-nf-call-ip6tables"}
"""Whether bridges hand what they carry to the hooks of each family."""
_EVERY_LINK = frozenset({"all", "default", "lo"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sysctl(Keyed):
    """`name` as under /proc/sys with `/` for the separator ("net/ipv4/ip_forward"), so that a dotted interface name
    is no riddle. `value` as read, white space folded to single blanks. A setting always exists: to create one is to
    change it and to note the former value in the ledger, to delete it is to put the former value back."""

    netns: str
    name: str
    value: str

    def identify(self) -> Key:
        return Key("sysctl", self.netns, self.name)

    @property
    def lives_on(self) -> tuple[Key, ...]:
        """A link's own setting comes and goes with the link."""
        match self.name.split("/"):
            case ["net", "ipv4" | "ipv6", "conf" | "neigh", ifname, _] if ifname not in _EVERY_LINK:
                return (*ground(self.netns), link_key(self.netns, ifname))
        return ground(self.netns)


def requests(change: Change, names: Names) -> Iterable[Request]:
    """(name, text) to write, text None for the former value, which the backend knows from the ledger."""
    held = _sysctl(change)
    return [Request(held.netns, (held.name, None if change.after is None else held.value))]


def script(change: Change) -> Iterable[str]:
    """Nothing for the end of a setting: what value it goes back to, the kernel does not know."""
    held = _sysctl(change)
    if change.after is None:
        return []
    setting = quote(f"{held.name}={held.value}")
    return [f"{within(held.netns)}sysctl -q -w {setting}"]


def parse(netns: str, name: str, text: str) -> Sysctl:
    """`text` as read from /proc/sys."""
    return Sysctl(netns=netns, name=name, value=folded(text))


def folded(text: str) -> str:
    """White space folded to single blanks: the kernel prints tabs between numbers, people write blanks."""
    return " ".join(text.split())


def is_safe(name: str) -> bool:
    """Whether the name stays below /proc/sys."""
    return bool(name) and not name.startswith("/") and ".." not in name.split("/")


def _sysctl(change: Change) -> Sysctl:
    assert isinstance(change.object, Sysctl)
    return change.object


ROW = Kind(
    name="sysctl",
    cls=Sysctl,
    backend="setting",
    owner=Owner.LEDGER,
    in_place=frozenset({"value"}),
    requests=requests,
    script=script,
    parse=parse,
)
