"""Who asks and who is asked, by the words for them: a port, an address, or `external`, somebody outside.

Rules: a port goes by its first address of a family. An address means whoever has it: a port, the host, a router; one
that nobody has is outside's. A name that fits several is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from types import MappingProxyType

from weft.compiler.groups.layout import MACS
from weft.compiler.tap import STITCH_PREFIX
from weft.errors import IntentInvalid, Problem
from weft.kinds.link.veth import Veth
from weft.kinds.nft.element import NftElement
from weft.model.intent import Intent, Path
from weft.model.words import closest
from weft.reach import FAMILIES, Endpoint, World
from weft.state import HOST, KernelObject, Key, State
from weft.trace.records import End

EXTERNAL = "external"
SOMEBODY = MappingProxyType({4: "198.51.100.1", 6: "3fff::1"})
"""Who asks from outside, or is asked there, where nobody says. Source: RFC 5737, RFC 9637."""


class Ends:
    """The ports of an intent, and whoever else has an address in a world."""

    def __init__(
        self, intent: Intent, found: Sequence[Endpoint], state: State, paths: Mapping[Key, Path], world: World
    ) -> None:
        self._world = world
        self._ports = {end.name: end for end in found}
        self._guests = _guests(state, paths, [end for end in found if end.is_guest])
        self._known = {address for tenant in intent.tenants.values() for address in tenant.floating_ips}
        self._floating = {
            address: self._ports[f"{name}/{held.port}"]
            for name, tenant in intent.tenants.items()
            for address, held in tenant.floating_ips.items()
            if f"{name}/{held.port}" in self._ports
        }

    def pair(self, source: str, target: str, family: int | None) -> tuple[End, End, int]:
        """Both ends, and the family they speak: the given one, else what an address says, else the first that both
        have. Raises: IntentInvalid."""
        said = {word: ip_address(word).version for word in (source, target) if _is_address(word)}
        wanted = set(said.values()) | ({family} if family else set())
        if len(wanted) > 1:
            what = f"IPv{min(wanted)} and IPv{max(wanted)} do not meet"
            raise _wrong(f"{source} {target}", what, "say two of one family")
        able = [one for one in (wanted or FAMILIES) if all(self._has(word, one) for word in (source, target))]
        if not able:
            lacking = next(word for word in (source, target) if not any(self._has(word, f) for f in wanted or FAMILIES))
            kind = f"IPv{min(wanted)} address" if wanted else "address"
            raise _wrong(lacking, f"the port has no {kind}", "ask in the other family, or give it one")
        return self._end(source, able[0]), self._end(target, able[0]), able[0]

    def _has(self, word: str, family: int) -> bool:
        return word == EXTERNAL or _is_address(word) or bool(self._port(word).address(family))

    def _end(self, word: str, family: int) -> End:
        if word == EXTERNAL:
            return End(name=EXTERNAL, address=SOMEBODY[family], netns=None, is_outside=True)
        return self._by_address(word) if _is_address(word) else self._of(self._port(word), family)

    def _port(self, word: str) -> Endpoint:
        """Raises: IntentInvalid where it is none, or several ports bear it."""
        fit = [end for name, end in self._ports.items() if word in (name, end.path[-1])]
        if len(fit) == 1:
            end = fit[0]
            return self._guests.get(end.name, (end,))[0]
        if fit:
            raise _wrong(word, f"several ports have that name: {', '.join(end.name for end in fit)}", "say TENANT/PORT")
        meant = closest(word, [*self._ports, *(end.path[-1] for end in self._ports.values()), EXTERNAL])
        fix = f"did you mean {meant}?" if meant else "a port, an address or `external`; `weft show` lists the ports"
        raise _wrong(word, "no port has that name", fix)

    def _by_address(self, word: str) -> End:
        address = str(ip_address(word))
        led = self._floating.get(address)
        if led is not None:
            return replace(self._of(led, 6 if ":" in address else 4), name=address, address=address)
        ports = [end for end in self._ports.values() if address in (end.ipv4, end.ipv6)]
        ports += [end for end, *_ in self._guests.values() if address in (end.ipv4, end.ipv6)]
        if len(ports) > 1:
            raise _wrong(word, f"several have it: {', '.join(end.name for end in ports)}", "say which: TENANT/PORT")
        if ports:
            return self._of(ports[0], 6 if ":" in address else 4)
        owners = self._world.owners(address)
        if not owners and address not in self._known:
            return End(name=address, address=address, netns=None, is_outside=True)
        at = owners[0] if owners else None
        return End(name=address, address=address, netns=at and at.netns, ifname=at.name if at else "")

    def _of(self, end: Endpoint, family: int) -> End:
        made = End(name=end.name, address=end.address(family), netns=end.netns, ifname=end.ifname, path=end.path)
        _, stitch, mac = self._guests.get(end.name, (end, None, ""))
        return replace(made, stitch=stitch, mac=mac) if stitch is not None else made


def _guests(state: State, paths: Mapping[Key, Path], ends: Iterable[Endpoint]) -> dict[str, tuple[Endpoint, Key, str]]:
    """Of each tap's port its reserved addresses, its stitch on the host, and its guest's MAC."""
    wanted = {end.path: end for end in ends}
    made: dict[Path, list[KernelObject]] = {path: [] for path in wanted}
    for key, obj in state.items() if wanted else ():
        if (path := paths.get(key, ())) in made:
            made[path].append(obj)
    found = {}
    for path, objects in made.items():
        stitch = next((obj for obj in objects if isinstance(obj, Veth) and _is_stitch(obj)), None)
        if stitch is not None:
            reserved = (stitch.alias or "").split()[1:]
            first = {f: next((a for a in reserved if (":" in a) == (f == 6)), "") for f in FAMILIES}
            end = replace(wanted[path], ipv4=first[4], ipv6=first[6])
            found[end.name] = end, stitch.key, _mac(objects)
    return found


def _is_stitch(link: Veth) -> bool:
    return link.netns == HOST and link.ifname.startswith(STITCH_PREFIX)


def _mac(objects: Iterable[KernelObject]) -> str:
    """The one that anti-spoofing lets its port speak as."""
    held = (obj for obj in objects if isinstance(obj, NftElement) and obj.set == MACS)
    return next((obj.element.rpartition(" . ")[2] for obj in held), "")


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True


def _wrong(where: str, what: str, fix: str) -> IntentInvalid:
    return IntentInvalid([Problem(where=where, what=what, fix=fix)])
