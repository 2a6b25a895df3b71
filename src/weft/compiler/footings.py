"""What networks stand on outside of their tenants: links of the host's, VLANs of them, VXLANs.

Rules: a bridge of the host's is joined by a pair of links. Any other link, or its VLAN, becomes a port of a bridge that
weft makes beside it, one for all networks of the scope that stand there; a link with addresses of the host's only if
that bridge may have them (take_addresses.py). With `mode:` the ports stand on the link themselves. VLANs and VXLANs
are made from the host's namespace, so a VLAN of a link and a VNI of an underlay are there once. Nothing of it has a
link-local address of its own, unless it carries the host's. All is found before the first network is made, for its MTU
follows from it.
"""

from __future__ import annotations

from dataclasses import replace

from weft.compiler.draft import Draft
from weft.compiler.findings import Cause, dotted
from weft.compiler.footing import Footing, Outlet
from weft.compiler.links.ahead import MtuAhead
from weft.compiler.links.declared import Declaration, Declared, Stacking
from weft.compiler.links.place import NO_FRAMES, LinkPlace
from weft.compiler.links.tunnel import added_by
from weft.compiler.links.upon import make_ipvlan, make_macvlan
from weft.compiler.links.ways import Ways
from weft.compiler.naming import altnames, identity, mac, role_of, short_id
from weft.compiler.network import ETHERNET_MTU, network_id
from weft.compiler.take_addresses import can_give, giving_links, mac_of, move_addresses
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import ChildLink
from weft.kinds.link.vlan import Vlan
from weft.model.intent import Intent, Path
from weft.model.links import BridgeLink, HostLink, VxlanLink
from weft.model.segment import SegmentSpec
from weft.model.sharing import NetworkKey
from weft.model.stacked import IpvlanLink, MacvlanLink
from weft.records import dataclass
from weft.state import HOST, Key, link_key

SEGMENTS = "host/segments/"
"""Before the name of a link, or of its VLAN, in the marks of what is made for it on the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Site:
    """A network that stands on something. `bridge`: its own, in `netns`."""

    spec: SegmentSpec
    path: Path
    netns: str
    bridge: str
    id: str


class Footings:
    """`declared`: all links that the file speaks of, and those that networks need beside them."""

    def __init__(self, draft: Draft, declared: Declared, intent: Intent) -> None:
        self._draft = draft
        self._links: dict[Key, Declaration] = dict(declared)
        self._shared: dict[Key, Declaration] = {}
        self._joined: dict[NetworkKey, Footing] = {}
        self._giving = giving_links(intent)
        self._outlets = self._find_outlets()
        self._look_around()
        self._sites = {(site.path[1], site.path[3]): site for site in _sites(draft, intent)}
        for key, site in self._sites.items():
            self._lay(key, site)
        self._all: Declared = {**self._links, **self._shared}
        self._stacking = Stacking(self._all)

    @property
    def declared(self) -> Declared:
        return self._links

    def of(self, tenant: str, network: str) -> Footing | None:
        """What a network stands on; None for one that stands alone, or on what is wrong."""
        footing = self._joined.get((tenant, network))
        site = self._sites.get((tenant, network))
        if footing is None or site is None or not site.spec.mode:
            return footing
        return replace(footing, shared=self._template(site))

    def _look_around(self) -> None:
        """Anew whenever the host's addresses have moved."""
        self._ways = Ways(self._draft, self._links)
        self._mtu = MtuAhead(self._draft, self._links, self._ways)

    # what there is to stand on

    def _lay(self, key: NetworkKey, site: _Site) -> None:
        if site.spec.vni is not None:
            self._joined[key] = self._vxlan(site, site.spec.vni)
        elif site.spec.link is not None and self._can_carry(site, link_key(HOST, site.spec.link)):
            self._joined[key] = self._link(site, link_key(HOST, site.spec.link))

    def _link(self, site: _Site, link: Key) -> Footing:
        spec = site.spec
        found = Footing(below=link.name, below_mtu=self._mtu.of(link))
        if spec.vlan and not spec.mode and self._filters(link):
            return replace(found, joined=link, vlan=spec.vlan, outlets=self._outlets.get(link.name, ()))
        if self._is_bridge(link) and not spec.vlan and not spec.mode:
            self._warn_of_lender(link, (*site.path, "link"))
            return replace(found, joined=link, outlets=self._outlets.get(link.name, ()))
        if not self._is_bridge(link):
            self._raise(link, (*site.path, "link"))
        if spec.mode:
            stem = self._vlan(site, link, found, "") if spec.vlan else link
            self._shared[_shared_key(site)] = Declaration(_mode_of(spec, stem), site.path)
            return found
        joined = self._bridge_over(site, link, found)
        port = self._vlan_key(site).name if spec.vlan else link.name
        return replace(found, joined=joined, outlets=(Outlet(link=link.name, port=port, vid=spec.vlan or 0),))

    def _find_outlets(self) -> dict[str, tuple[Outlet, ...]]:
        """By bridge, the ports that the file says the capacity of: the others, for all it knows, lead to guests."""
        found: dict[str, tuple[Outlet, ...]] = {}
        for key, entry in self._links.items():
            if key.netns == HOST and entry.spec.capacity is not None and (master := self._master(key)):
                found[master] = (*found.get(master, ()), Outlet(link=key.name, port=key.name))
        return found

    def _master(self, link: Key) -> str:
        """What a link of the host's is a port of, by the file or else now."""
        entry, there = self._links.get(link), self._draft.facts.links.get(link.name)
        return (entry.spec.master if entry else None) or (there.master if there else "")

    def _bridge_over(self, site: _Site, link: Key, found: Footing) -> Key:
        """The host's bridge above a link or its VLAN, made once."""
        name, own_id = self._stem(site.spec)
        bridge = link_key(HOST, f"wh{short_id(own_id)}")
        if bridge in self._draft.state:
            return bridge
        if site.spec.vlan:
            self._vlan(site, link, found, bridge.name)
        else:
            entry = self._links[link]
            self._links[link] = Declaration(replace(entry.spec, master=bridge.name), entry.path)
        mtu = found.below_mtu or ETHERNET_MTU
        is_hosts = not site.spec.vlan and link.name in self._giving
        self._draft.need("bridge", site.path, "load the kernel's bridge module")
        self._draft.link(
            Bridge(
                netns=HOST,
                ifname=bridge.name,
                alias=self._draft.names.mark(f"{SEGMENTS}{name}"),
                mac=mac_of(self._draft, link) if is_hosts else mac(own_id, "bridge"),
                mtu=mtu,
                up=True,
                addr_gen_mode=None if is_hosts else self._draft.silence(mtu),
                altnames=altnames(f"{self._draft.names.scope}.{name}"),
                stp=False,
                forward_delay=0,
            ),
            site.path,
        )
        if is_hosts:
            move_addresses(self._draft, link, bridge, site.path)
            self._look_around()
        return bridge

    def _vlan(self, site: _Site, link: Key, found: Footing, master: str) -> Key:
        """The VLAN of a link, made once."""
        name, _ = self._stem(site.spec)
        key = self._vlan_key(site)
        if key in self._draft.state:
            return key
        self._draft.need("vlan", (*site.path, "vlan"), "load the kernel's 8021q module")
        other = self._draft.claim(HOST, f"{link.name} 802.1q {site.spec.vlan}", site.path)
        if other is not None:
            what = f"VLAN {site.spec.vlan} of {link.name} is {dotted(other)} already"
            self._draft.error((*site.path, "vlan"), what, "the same `mode` for both, or another VLAN")
        self._draft.link(
            Vlan(
                netns=HOST,
                ifname=key.name,
                alias=self._draft.names.mark(f"{SEGMENTS}{name}"),
                mtu=found.below_mtu,
                up=True,
                master=master,
                addr_gen_mode=self._draft.silence(found.below_mtu or ETHERNET_MTU),
                altnames=altnames(f"{self._draft.names.scope}.{name}.vlan"),
                parent=link,
                vid=site.spec.vlan or 0,
            ),
            site.path,
        )
        return key

    def _vlan_key(self, site: _Site) -> Key:
        return link_key(HOST, f"wv{short_id(self._stem(site.spec)[1])}")

    def _vxlan(self, site: _Site, vni: int) -> Footing:
        """The VXLAN, a port of the network's own bridge. It is left to the maker of links, who knows all about it."""
        spec = site.spec
        key = link_key(site.netns, f"wx{short_id(site.id)}")
        link = VxlanLink(
            vni=vni,
            link=spec.link,
            link_netns="host",
            local=spec.local,
            remotes=spec.remotes,
            group=spec.group,
            port=spec.port,
            learning=not spec.fdb,
            fdb=spec.fdb,
            master=site.bridge,
            mac=mac(site.id, "segment"),
            altnames=(f"segment-{site.path[3]}",),
        )
        self._links[key] = Declaration(link, site.path)
        below = self._ways.below(key, link)
        most = self._mtu.of(below) if below else None
        return Footing(
            below=below.name if below else "the underlay", below_mtu=most or ETHERNET_MTU, added=added_by(link)
        )

    def _raise(self, link: Key, path: Path) -> None:
        """A link below is up, whoever made it."""
        entry = self._links.setdefault(link, Declaration(HostLink(existing=True), path))
        if not entry.spec.kind and entry.spec.up is None:
            self._links[link] = Declaration(replace(entry.spec, up=True), entry.path)

    def _stem(self, spec: SegmentSpec) -> tuple[str, str]:
        """Name and id of a link, or a VLAN of it, that networks stand on."""
        name = f"{spec.link}.{spec.vlan}" if spec.vlan else f"{spec.link}"
        return name, identity(self._draft.names.scope, f"{SEGMENTS}{name}")

    # ports on the link itself

    def _template(self, site: _Site) -> ChildLink | None:
        """What each port of a network with `mode:` is, checked as a link that the file gives would be."""
        key = _shared_key(site)
        place = LinkPlace(
            draft=self._draft,
            declared=self._all,
            stacking=self._stacking,
            ways=self._ways,
            key=key,
            spec=self._shared[key].spec,
            path=site.path,
        )
        self._draft.need(site.spec.mode or "", (*site.path, "mode"), "a segment without `mode`: a bridge")
        made = make_macvlan(place) if isinstance(place.spec, MacvlanLink) else make_ipvlan(place)  # type: ignore[arg-type]
        return next((link for link in made if isinstance(link, ChildLink)), None)

    # what cannot be stood on

    def _can_carry(self, site: _Site, link: Key) -> bool:
        path, entry = (*site.path, "link"), self._links.get(link)
        if entry is None and not self._draft.has_link(link.name) and not self._draft.lack_link(path, link.name):
            return False
        there, said = self._draft.facts.links.get(link.name), entry.spec.kind if entry else ""
        kind = said or (there.link_kind if there else "")
        what = f"{link.name} carries packets, and a network needs frames"
        if said in NO_FRAMES or link.name == "lo":
            self._draft.error(path, what, "another link")
            return False
        if kind in NO_FRAMES and not self._draft.misfit(path, link, what, "another link"):
            return False
        is_lent = not site.spec.vlan and not site.spec.mode and not self._is_bridge(link)
        return not is_lent or (self._is_free(site, link, path) and self._is_bare(link, path))

    def _is_free(self, site: _Site, link: Key, path: Path) -> bool:
        """Whether it is nobody else's port."""
        own, master = f"wh{short_id(self._stem(site.spec)[1])}", self._master(link)
        if master in ("", own):
            return True
        entry, what = self._links.get(link), f"{link.name} is a port of {master}"
        fix = _BOTH if _is_another_scopes(master) else f"`link: {master}`"
        if entry is None or entry.spec.master is None:
            return self._draft.misfit(path, link, what, fix)
        self._draft.error(path, what, fix, Cause.MACHINE)
        return False

    def _warn_of_lender(self, link: Key, path: Path) -> None:
        """Say that another scope's bridge goes with that scope's networks, whoever else is on it."""
        if link not in self._links and _is_another_scopes(link.name):
            what = f"{link.name} is what weft made for networks of another name: when those go it goes too"
            self._draft.warn(path, what, _BOTH)

    def _is_bare(self, link: Key, path: Path) -> bool:
        """Whether it has no addresses, which a bridge's port could not use, or none that stay there."""
        entry, there = self._links.get(link), self._draft.facts.links.get(link.name)
        moves = link.name in self._giving
        said = entry.spec.addresses if entry else ()
        held = [*said, *(there.addresses if there and not moves else ())]
        addresses = sorted({cidr for cidr in held if not cidr.lower().startswith("fe80:")})
        if moves and not can_give(self._draft, link, path):
            return False
        if not addresses:
            return True
        what = f"{link.name} carries addresses of the host's: {', '.join(addresses)}; a bridge's port has none"
        fix = "`take_addresses: true`, `vlan: NUMBER`, `mode: macvlan`, or a bridge of yours that has the addresses"
        if not said:
            return self._draft.misfit(path, link, what, fix)
        self._draft.error(path, what, f"take them out of `links: {link.name}`" if moves else fix, Cause.MACHINE)
        return False

    def _is_bridge(self, link: Key) -> bool:
        entry, there = self._links.get(link), self._draft.facts.links.get(link.name)
        if entry is not None and entry.spec.kind:
            return isinstance(entry.spec, BridgeLink)
        return there is not None and there.link_kind == BridgeLink.kind

    def _filters(self, link: Key) -> bool:
        """Whether it is a bridge of the file's that keeps VLANs apart itself."""
        entry = self._links.get(link)
        return entry is not None and isinstance(entry.spec, BridgeLink) and entry.spec.vlan_filtering


def _sites(draft: Draft, intent: Intent) -> list[_Site]:
    found = []
    for name, tenant in intent.tenants.items():
        for network, held in tenant.networks.items():
            if held.segment is None:
                continue
            own_id = network_id(draft.names.scope, tenant.was or name, network, held)
            found.append(
                _Site(
                    spec=held.segment,
                    path=("tenants", name, "networks", network, "segment"),
                    netns=draft.names.tenant_netns(tenant.was or name),
                    bridge=f"wb{short_id(own_id)}",
                    id=own_id,
                )
            )
    return found


def _shared_key(site: _Site) -> Key:
    """Under which all ports of a network with `mode:` are one link."""
    return link_key(site.netns, f"network {site.path[3]}")


def _mode_of(spec: SegmentSpec, stem: Key) -> HostLink:
    if spec.mode == "macvlan":
        return MacvlanLink(link=stem.name, link_netns="host", mode=spec.submode or "bridge")
    return IpvlanLink(link=stem.name, link_netns="host", mode=spec.submode or "l2")


_BOTH = "both networks in one file, or a bridge of the host's own (`existing: true`) that both join"


def _is_another_scopes(ifname: str) -> bool:
    """Whether it is a bridge over a link that another scope made, by its name. The scope's own are no facts."""
    return role_of(ifname) == "wh"
