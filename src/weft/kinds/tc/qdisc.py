"""What every queueing discipline has. Source: tc(8), net/sched/sch_api.c.

Rules: a qdisc is known by its link and by where it sits there: at the root, or as the leaf of a class (or of another
qdisc that takes one). Numbers are as tc writes them: hexadecimal, major and minor. A field that is None is neither
managed nor compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from weft.state import Key, link_key

ROOT = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Qdisc:
    """`parent`: ROOT, or what it is the leaf of: "77:10". `handle`: "77:"; None where nobody names its classes."""

    netns: str
    ifname: str
    parent: str = ROOT
    handle: str | None = None

    @property
    def key(self) -> Key:
        return qdisc_key(self.netns, self.ifname, self.parent)

    @property
    def lives_on(self) -> tuple[Key, ...]:
        """Its link and, for a leaf, the class: a TBF's only one is TBF's own, so there it is the TBF (see `under`)."""
        link = link_key(self.netns, self.ifname)
        return (link,) if self.parent == ROOT else (link, class_key(self.netns, self.ifname, self.parent))


def qdisc_key(netns: str, ifname: str, parent: str) -> Key:
    return Key("qdisc", netns, f"{ifname} {parent}")


def class_key(netns: str, ifname: str, classid: str) -> Key:
    return Key("class", netns, f"{ifname} {classid}")
