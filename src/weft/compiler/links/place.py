"""A link that weft makes outside any tenant, as the maker of its kind sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Generic, TypeVar

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause, some_of
from weft.compiler.links.declared import Declared, Stacking, stands_on
from weft.compiler.links.ways import Ways
from weft.compiler.naming import altnames, identity, mac, where_words
from weft.compiler.network import ETHERNET_MTU
from weft.kinds.link.common import ChildLink, Link
from weft.model.intent import Path
from weft.model.links import HostLink
from weft.model.stacked import BondLink, VrfLink
from weft.records import dataclass
from weft.state import HOST, Key, link_key, netns_key

NO_FRAMES = frozenset({"tun", "ipip", "sit", "gre", "ip6gre", "ip6tnl", "vrf", "wireguard", "loopback"})
"""Kinds of links that carry packets, not frames."""

S_co = TypeVar("S_co", bound=HostLink, covariant=True)
AnyLink = TypeVar("AnyLink", bound=Link)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlace(Generic[S_co]):
    """`spec`: what the file says of it, of one kind. `declared`: all links that the file speaks of; `stacking`: how
    those stand on each other; `ways`: by which of them a tunnel's packets leave."""

    draft: Draft
    declared: Declared
    stacking: Stacking
    ways: Ways
    key: Key
    spec: S_co
    path: Path

    @property
    def netns(self) -> str:
        return self.key.netns

    @property
    def ifname(self) -> str:
        return self.key.name

    def error(self, what: str, fix: str, *at: str, cause: Cause = Cause.INTENT) -> None:
        """Find something wrong at the link, or at a key of it."""
        self.draft.error((*self.path, *at), what, fix, cause)

    def is_there(self, link: Key) -> bool:
        """Whether another link will be there, as far as can be known: of a namespace that is somebody else's, and of
        what else is in it, nothing is."""
        entry = self.declared.get(link)
        if entry is not None or link in self.draft.state:
            return True
        if link.netns == HOST:
            return self.draft.has_link(link.name)
        return netns_key(link.netns) not in self.draft.state

    def parent(self) -> Key | None:
        """The link that this one stands on; None, and a finding, where it is missing."""
        parent = stands_on(self.key, self.spec)
        if parent is None or self.is_there(parent):
            return parent
        what = f"there is no link {parent.name} on {where_words(parent.netns)} to stand on"
        own = self.ifname if parent.netns == self.netns else ""
        if parent.netns == HOST:
            return parent if self.draft.lack_link((*self.path, "link"), parent.name, what, but=own) else None
        known = some_of(self.stacking.names(parent.netns), own)
        self.error(what, f"one of its links: {known}", "link", cause=Cause.MACHINE)
        return None

    def below(self) -> Key | None:
        """The link that this one stands on, or by which its packets leave; None where nobody knows."""
        return self.ways.below(self.key, self.spec)

    def mtu_of(self, link: Key) -> int | None:
        """The MTU in bytes that another link will have; None where nobody knows."""
        entry, made = self.declared.get(link), self.draft.state.get(link)
        if isinstance(made, Link):
            return made.mtu
        if entry is not None and entry.spec.mtu:
            return entry.spec.mtu
        there = self.draft.facts.links.get(link.name) if link.netns == HOST else None
        return there.mtu if there else None

    def mtu_within(self, parent: Key) -> int | None:
        """The MTU of a link whose frames travel in its parent's: at most the parent's, and that if none is given."""
        bonds = self._bonds_mtu()
        given, most = bonds or self.spec.mtu, self.mtu_of(parent)
        if given and most and given > most:
            whose = f"the {given} of its bond {self.spec.master}" if bonds else str(given)
            what = f"an MTU of {whose} is above the {most} bytes of {parent.name}, in whose frames it travels"
            self.error(what, f"at most {most}, or a larger MTU on {parent.name}", "mtu")
        return given or most

    def is_bonded(self) -> bool:
        """Whether its master is a bond."""
        master = link_key(self.netns, self.spec.master or "")
        entry = self.declared.get(master)
        if entry and entry.spec.kind:
            return isinstance(entry.spec, BondLink)
        return self.kind_of_others(master) == BondLink.kind

    def kind_of_others(self, link: Key) -> str:
        """The kernel's word for the kind of a link that weft does not make; "" for hardware, and where nobody knows."""
        entry = self.declared.get(link)
        if link.netns != HOST or (entry is not None and entry.spec.kind):
            return ""
        there = self.draft.facts.links.get(link.name)
        return there.link_kind if there else ""

    def is_made(self, link: str) -> bool:
        """Whether a link of the same namespace is weft's to make."""
        entry = self.declared.get(link_key(self.netns, link))
        return bool(entry and entry.spec.kind) or link_key(self.netns, link) in self.draft.state

    def _is_in_vrf(self) -> bool:
        entry = self.declared.get(link_key(self.netns, self.spec.master or ""))
        return entry is not None and isinstance(entry.spec, VrfLink)

    def _bonds_mtu(self) -> int | None:
        """Of a bond's member: it has the bond's."""
        entry = self.declared.get(link_key(self.netns, self.spec.master or ""))
        bond = entry.spec if entry else None
        return (bond.mtu or ETHERNET_MTU) if isinstance(bond, BondLink) else None

    def dressed(self, bare: AnyLink, *, own_mac: bool = True) -> AnyLink:
        """A link that the kind's maker made, with all that links have in common. What else the maker has made, the far
        end of a pair, has only what follows from this one. `own_mac`: whether the kind has a MAC of its own."""
        place = "/".join(self.path)
        mark, whole = self.draft.names.mark(place), identity(self.draft.names.scope, self._former_place())
        beside = (*self.spec.altnames, *((self.path[-1],) if self.spec.was else ()))
        default = None if isinstance(bare, ChildLink) else ETHERNET_MTU  # of an unknown parent: as the kernel has it
        mtu = self._bonds_mtu() or bare.mtu or self.spec.mtu or default
        if self.spec.adopt:
            return self._adopting(bare, mark, beside)
        if bare.key != self.key:
            return replace(bare, alias=mark, mac=mac(whole, "link-peer"), mtu=mtu, up=True, altnames=())
        spec = self.spec
        return replace(
            bare,
            alias=f"{mark} {spec.alias}" if spec.alias else mark,
            mac=spec.mac or (mac(whole, "link") if own_mac else None),
            mtu=mtu,
            up=spec.up is not False,
            master=spec.master or "",
            in_vrf=self._is_in_vrf(),
            altnames=altnames(*beside),
        )

    def _former_place(self) -> str:
        """The place in the file that it was made by."""
        return "/".join(
            ("host", "links", self.ifname) if self.netns == HOST else ("namespaces", self.netns, "links", self.ifname)
        )

    def _adopting(self, bare: AnyLink, mark: str, beside: tuple[str, ...]) -> AnyLink:
        """What is there may stay as it is wherever the file says nothing."""
        spec = self.spec
        if bare.key != self.key:
            return replace(bare, alias=mark, mtu=None, adopt=True)
        return replace(
            bare,
            alias=f"{mark} {spec.alias}" if spec.alias else mark,
            mac=spec.mac,
            mtu=spec.mtu,
            up=spec.up,
            master=spec.master,
            in_vrf=self._is_in_vrf(),
            altnames=altnames(*beside) if beside else None,
            adopt=True,
        )
