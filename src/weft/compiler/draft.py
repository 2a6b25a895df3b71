"""The State in the making: objects, whose intent they come from, and what was found wrong on the way.

Rules: an object is put by one intent, or shared by several that want the very same; anything else is a finding, worded
here once for all kinds. A link's ifname and its altnames are claims on one name space; a claim on a readable name
yields to an earlier one, a claim on an ifname does not. A branch is a draft over another that it cannot change: it is
absorbed when nothing was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from weft.compiler.addressing import host_prefixes
from weft.compiler.findings import Cause, Finding, dotted, some_of
from weft.compiler.naming import MAX_ALIAS, Names, where_words
from weft.compiler.prefixes import Spans
from weft.facts import FEATURES, PROGRAMS, Facts, ForeignLink
from weft.kinds.link.common import IPV6_MIN_MTU, Link
from weft.model.intent import Path
from weft.state import HOST, KernelObject, Key, State, link_key

if TYPE_CHECKING:
    from weft.compiler.qos.planted import Planted


class Space(NamedTuple):
    """A namespace by name: what the file calls it, and whether one that is there becomes weft's."""

    name: str
    adopt: bool = False


Claim = tuple[str, str]
"""(namespace, ifname or altname)."""


class Draft:
    """Collects what one compile makes. `under`: the draft that this one is a branch of. `router_ports`: (tenant, port)
    to the namespace of the router that the port is an interface of. `lenient`: what the host lacks of links, or has
    otherwise, is a warning, and all is made as if they were there; what else it lacks is one too, and of what hangs on
    that nothing is said. `made_links`: those that the file makes on the host."""

    __slots__ = (
        "_altnames", "_host_prefixes", "_known_links", "_lacks", "_misfits", "_supposed", "claims", "facts", "findings",
        "ids", "lacking", "lenient", "made_links", "names", "paths", "planted", "router_ports", "shares", "spaces",
        "state", "under",
    )  # fmt: skip

    def __init__(self, facts: Facts, names: Names, under: Draft | None = None) -> None:
        self.facts = facts
        self.names = names
        self.under = under
        self.state = State()
        self.spaces: Mapping[str, Space] = under.spaces if under else {}
        self.router_ports: Mapping[tuple[str, str], str] = under.router_ports if under else {}
        self.paths: dict[Key, Path] = {}
        self.claims: dict[Claim, Path] = {}
        self.ids: dict[str, Path] = {}
        self.shares: dict[Key, int] = {}
        self.findings: list[Finding] = []
        self.lacking: set[str] = set()
        self.lenient = False
        self.made_links: frozenset[str] = under.made_links if under else frozenset()
        self.planted: list[Planted] | None = None
        self._host_prefixes: Spans | None = None
        self._altnames: dict[str, str] | None = None
        self._known_links: dict[bool, Sequence[str]] = {}
        self._lacks: set[tuple[Path, Key]] = set()
        self._misfits: set[Key] = set()
        self._supposed: dict[str, ForeignLink] | None = None

    def branch(self) -> Draft:
        return Draft(self.facts, self.names, self)

    @property
    def host_prefixes(self) -> Spans:
        """Where the host's own traffic goes."""
        if self._host_prefixes is None:
            self._host_prefixes = self.under.host_prefixes if self.under else Spans(host_prefixes(self.facts))
        return self._host_prefixes

    # what is wrong

    def error(self, path: Path, what: str, fix: str = "", cause: Cause = Cause.INTENT) -> None:
        self.findings.append(Finding(path=path, what=what, fix=fix, cause=cause))

    def warn(self, path: Path, what: str, fix: str = "", cause: Cause = Cause.INTENT) -> None:
        self.findings.append(Finding(path=path, what=what, fix=fix, severity="warning", cause=cause))

    def need(self, feature: str, path: Path, instead: str) -> None:
        """Find the lack of a kernel feature once, at the first intent that needs it; `instead`: what would do."""
        if feature not in self.facts.features and feature not in self.lacking:
            self.lacking.add(feature)
            what = f"this kernel lacks {feature} ({FEATURES[feature]})"
            self.findings.append(Finding(path=path, what=what, fix=instead, cause=Cause.FEATURE, feature=feature))

    def program(self, name: str, path: Path) -> str:
        """Where a program of somebody else's is, "" where it is not: found once, at the first intent that needs it."""
        if name not in self.facts.programs and name not in self.lacking:
            self.lacking.add(name)
            what = f"there is no {name} here ({PROGRAMS[name]})"
            unknown = Key("program", HOST, name)
            self._lack(path, what, f"apt install {name}", program=name, unknown=unknown)
        return self.facts.programs.get(name, "")

    def has_link(self, ifname: str) -> bool:
        """Whether the host has a link that is not the scope's to make."""
        there = self.facts.links.get(ifname)
        return there is not None and not there.absent

    def suppose(self, links: Mapping[str, ForeignLink]) -> None:
        """Think of links of the host's as is said here."""
        if self._supposed is None:
            self._supposed = dict(self.facts.links)
            self.facts = replace(self.facts, links=self._supposed)
        self._supposed.update(links)

    def lack_link(self, path: Path, ifname: str, what: str = "", *, but: str = "", may_be_made: bool = True) -> bool:
        """Find the lack of a link of the host's, once at a path; whether all goes on as if it were there. `but`: the
        one of those that the file makes which cannot be meant; `may_be_made`: any of the others can."""
        missing = link_key(HOST, ifname)
        if (path, missing) in self._lacks:
            return self.lenient
        meant = self._by_altname().get(ifname)
        fix = f"one of its links: {some_of(self._links_known(may_be_made), but)}"
        fix = f"`{meant}`, of which {ifname} is an altname" if meant else fix
        if self.lenient and ifname not in self.facts.links:
            self.suppose({ifname: ForeignLink(ifname=ifname, absent=True)})
        self._lacks.add((path, missing))
        what = what or f"the host has no link {ifname}"
        return self._lack(path, what, fix, missing=missing)

    def _by_altname(self) -> Mapping[str, str]:
        if self._altnames is None:
            there = self.facts.links.values()
            self._altnames = {altname: link.ifname for link in there for altname in link.altnames}
        return self._altnames

    def _links_known(self, with_made: bool) -> Sequence[str]:
        known = self._known_links.get(with_made)
        if known is None:
            there = {*filter(self.has_link, self.facts.links), *(self.made_links if with_made else ())} - {"lo"}
            known = self._known_links[with_made] = sorted(there)
        return known

    def lack_way(self, path: Path, netns: str, towards: str) -> None:
        """Find that no link leads to an address or prefix: the file's to say, unless its link may just be gone."""
        what, fix = f"no link is known that leads to {towards}", "name it: `dev: LINK`"
        if self.lenient and netns == HOST:
            self._lack(path, what, fix, missing=Key("route", netns, towards))
        else:
            self.error(path, what, fix)

    def misfit(self, path: Path, theirs: Key, what: str, fix: str) -> bool:
        """Find that a link, route or address of others' is not as the intent takes it to be; whether all goes on as if
        it were."""
        self._misfits.add(theirs)
        return self._lack(path, what, fix, missing=theirs, unfit=True)

    def is_misfit(self, link: Key) -> bool:
        """Whether a link was found to be otherwise than the intent takes it to be."""
        return link in self._misfits

    def lack(self, path: Path, unknown: Key, what: str, fix: str) -> None:
        """Find that the machine has no such user, group or key: what hangs on it is not known."""
        self._lack(path, what, fix, unknown=unknown)

    def _lack(self, path: Path, what: str, fix: str, **said: Any) -> bool:
        severity: Literal["error", "warning"] = "warning" if self.lenient else "error"
        self.findings.append(Finding(path=path, what=what, fix=fix, severity=severity, cause=Cause.MACHINE, **said))
        return self.lenient

    def silence(self, mtu: int) -> str | None:
        """How a link where only frames pass makes its IPv6 link-local address: not at all. None where one of that MTU
        in bytes has no IPv6 anyway."""
        return "none" if "ipv6" in self.facts.features and mtu >= IPV6_MIN_MTU else None

    # what is made

    def plant(self, planted: Planted) -> None:
        """Note what queues where, if anybody asks for it."""
        if self.planted is not None:
            self.planted.append(planted)

    def put(self, obj: KernelObject, path: Path) -> None:
        """Add an object of this intent's own."""
        key = obj.key
        if key in self.paths or (self.under is not None and key in self.under.paths):
            self._collision(key, path, self.held_by(key) or ())
        else:
            self.state[key], self.paths[key] = obj, path

    def leave_out(self, key: Key, path: Path) -> None:
        """Say nothing of an object but whose it is: what of it is there stays as it is."""
        self.paths.setdefault(key, path)

    def share(self, obj: KernelObject, path: Path) -> None:
        """Add an object that several intents want; equal ones are one."""
        key = obj.key
        same = self._find(key)
        if same is not None and same != obj:
            self._collision(key, path, self.held_by(key) or ())
            return
        self.shares[key] = self.shares.get(key, 0) + 1
        self.state[key] = obj
        self.paths.setdefault(key, path)

    def link(self, link: Link, path: Path) -> bool:
        """Add a link, and claim its names; whether its ifname was free."""
        other = self.claim(link.netns, link.ifname, path)
        if other is not None:
            self._collision(link.key, path, other)
            return False
        if link.altnames:
            free = tuple(
                name for name in link.altnames if name != link.ifname and not self.claim(link.netns, name, path)
            )
            link = link if free == link.altnames else replace(link, altnames=free)
        if link.alias and len(link.alias) > MAX_ALIAS // 4 and len(link.alias.encode()) > MAX_ALIAS:
            self.error(path, f"its mark and alias need more than the kernel's {MAX_ALIAS} bytes", "shorten the names")
        self.put(link, path)
        return True

    def claim(self, netns: str, name: str, path: Path) -> Path | None:
        """Claim a name among the links of a namespace; the path of whoever has it already, else None."""
        claim = (netns, name)
        if self.under is not None and claim in self.under.claims:
            return self.under.claims[claim]
        other = self.claims.setdefault(claim, path)
        return None if other is path else other

    def identify(self, identity: str, path: Path) -> bool:
        """Note an object's id; whether it is new."""
        other = self.under.ids.get(identity) if self.under else None
        other = other or self.ids.setdefault(identity, path)
        if other is path:
            return True
        self.error(
            path, f"{dotted(other)} has the same id", "`was:` names what is no longer there; an id is one thing's"
        )
        return False

    def held_by(self, key: Key) -> Path | None:
        """The intent that has put `key`, if any."""
        found = self.paths.get(key)
        if found is None and self.under is not None:
            return self.under.paths.get(key)
        return found

    # branches

    def absorb(self, branch: Draft) -> None:
        """Take over all that a branch has made."""
        self.state.update(branch.state)
        first = {key: self.paths[key] for key in branch.shares if key in self.paths}
        self.paths.update(branch.paths)
        self.paths.update(first)
        self.claims.update(branch.claims)
        self.ids.update(branch.ids)
        for key, count in branch.shares.items():
            self.shares[key] = self.shares.get(key, 0) + count

    def expel(self, branch: Draft) -> None:
        """Give up all that `branch` names, save what others share. The branch is left holding just what went, so that
        absorbing it undoes this."""
        branch.claims = {claim: path for claim, path in branch.claims.items() if self.claims.get(claim) == path}
        branch.ids = {identity: path for identity, path in branch.ids.items() if self.ids.get(identity) == path}
        for claim in branch.claims:
            del self.claims[claim]
        for identity in branch.ids:
            del self.ids[identity]
        for key in branch.state:
            branch.state[key] = self.state[key]
            left = self.shares.get(key, 0) - branch.shares.get(key, 0)
            if left > 0:
                self.shares[key] = left
            else:
                self.shares.pop(key, None)
                del self.state[key], self.paths[key]

    # inside

    def _find(self, key: Key) -> KernelObject | None:
        found = self.state.get(key)
        if found is None and self.under is not None:
            return self.under.state.get(key)
        return found

    def _collision(self, key: Key, path: Path, other: Path) -> None:
        table = "default" if key.table == "route" and key.name.startswith(("0.0.0.0/0 ", "::/0 ")) else key.table
        what, fix = _COLLISIONS.get(table, _ANY) if other != path else _TWICE
        self.error(path, what.format(name=key.name, where=where_words(key.netns), other=dotted(other)), fix)


_ANY = ("{name} on {where} is made by {other} too", "leave one of them out")
_TWICE = ("{name} on {where} is said twice here", "leave one of them out")
_COLLISIONS = {
    "link": (
        "a link {name} on {where} is made by {other} too",
        "give one of them another name (`ifname:`, or `tap: {name: ...}`)",
    ),
    "route": (
        "{other} has a route {name} on {where} too",
        "lead one of them to another prefix, or by another metric",
    ),
    "default": (
        "{other} has a route {name} on {where} too",
        "give one a route to default of its own with another metric, or its subnet `gateway: none`",
    ),
    "rule": ("{other} has the rule {name} on {where} too", "give every rule a priority of its own"),
    "sysctl": ("{other} wants another value of {name} on {where}", "leave one of them out, or make them equal"),
    "fdb": ("{other} has the entry {name} on {where} too", "leave one of them out"),
    "netns": ("the namespace {name} is made by {other} too", "rename one of them"),
}
