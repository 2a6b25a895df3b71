"""Who asks and who is asked, by the words for them: a port, an address, or `external`, somebody outside.

Rules: a port goes by its first address of a family. An address means whoever has it: a port, the host, a router; one
that nobody has is outside's. A name that fits several is refused, never guessed, and so is the address of several that
is to ask; who is asked by it, the way decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from types import MappingProxyType

from weft.compiler.groups.layout import MACS
from weft.compiler.tap import STITCH_PREFIX
from weft.errors import IntentInvalid
from weft.kinds.link.veth import Veth
from weft.kinds.nft.element import NftElement
from weft.model.intent import Intent, Path
from weft.model.words import closest
from weft.reach import FAMILIES, Endpoint, World
from weft.state import HOST, KernelObject, Key, State
from weft.trace.question import wrong
from weft.trace.records import End
from weft.wire.address_text import is_address

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
        said = {word: ip_address(word).version for word in (source, target) if is_address(word)}
        wanted = set(said.values()) | ({family} if family else set())
        if len(wanted) > 1:
            what = f"IPv{min(wanted)} and IPv{max(wanted)} do not meet"
            raise wrong(f"{source} {target}", what, "say two of one family")
        able = [one for one in (wanted or FAMILIES) if all(self._has(word, one) for word in (source, target))]
        if not able:
            raise self._unable(source, target, wanted)
        return self._end(source, able[0], asks=True), self._end(target, able[0], asks=False), able[0]

    def _unable(self, source: str, target: str, wanted: Collection[int]) -> IntentInvalid:
        lacking = [word for word in (source, target) if not any(self._has(word, one) for one in wanted or FAMILIES)]
        if not lacking:
            return wrong(f"{source} {target}", "they have no family in common", "give one of them another address")
        kind = f"IPv{min(wanted)} address" if wanted else "address"
        return wrong(lacking[0], f"the port has no {kind}", "ask in the other family, or give it one")

    def _has(self, word: str, family: int) -> bool:
        return word == EXTERNAL or is_address(word) or bool(self._port(word).address(family))

    def _end(self, word: str, family: int, *, asks: bool) -> End:
        if word == EXTERNAL:
            return End(name=EXTERNAL, address=SOMEBODY[family], netns=None, is_outside=True)
        if not is_address(word):
            return self._of(self._port(word), family)
        return self._asking(str(ip_address(word))) if asks else self._asked(str(ip_address(word)))

    def _port(self, word: str) -> Endpoint:
        """Raises: IntentInvalid where it is none, or several ports bear it."""
        fit = [end for name, end in self._ports.items() if word in (name, end.path[-1])]
        if len(fit) == 1:
            end = fit[0]
            return self._guests.get(end.name, (end,))[0]
        if fit:
            raise wrong(word, f"several ports have that name: {', '.join(end.name for end in fit)}", "say TENANT/PORT")
        meant = closest(word, [*self._ports, *(end.path[-1] for end in self._ports.values()), EXTERNAL])
        fix = f"did you mean {meant}?" if meant else "a port, an address or `external`; `weft show` lists the ports"
        raise wrong(word, "no port has that name", fix)

    def _asking(self, address: str) -> End:
        """Who speaks as the address. Raises: IntentInvalid where that are several, or nobody."""
        ports = [self._floating[address]] if address in self._floating else self._with(address)
        if len(ports) == 1:
            return self._of(ports[0], _family(address))
        owners = self._world.owners(address)
        if len(ports) > 1 or len({key.netns for key in owners}) > 1:
            named = [end.name for end in ports] or [key.netns or "the host" for key in owners]
            raise wrong(address, f"several have it: {', '.join(named)}", "say which: TENANT/PORT")
        if owners:
            return End(name=address, address=address, netns=owners[0].netns, ifname=owners[0].name)
        if address in self._known:
            raise wrong(address, "nobody speaks as it: it leads to ports, none of which has it", "say the port")
        return End(name=address, address=address, netns=None, is_outside=True)

    def _asked(self, address: str) -> End:
        """Whom the address leads to: the one who has it, or whoever the way comes to."""
        if address in self._floating:
            return replace(self._of(self._floating[address], _family(address)), name=address, address=address)
        ports = self._with(address)
        if len(ports) == 1:
            return self._of(ports[0], _family(address))
        is_here = bool(ports or self._world.owners(address)) or address in self._known
        return End(name=address, address=address, netns=None, is_outside=not is_here)

    def _with(self, address: str) -> list[Endpoint]:
        ends = (self._guests.get(end.name, (end,))[0] for end in self._ports.values())
        return [end for end in ends if address in (end.ipv4, end.ipv6)]

    def guest(self, stitch: Key, family: int) -> End:
        """The port behind a tap's stitch."""
        return next(self._of(end, family) for end, key, _ in self._guests.values() if key == stitch)

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


def _family(address: str) -> int:
    return 6 if ":" in address else 4
