"""The way of one packet through a State: from namespace to namespace, until it arrives or is stopped.

Rules: every step says why. Translations made on the way are noted, so that the answer can be walked back by them
(`Walk.translations`), as connection tracking does. A namespace whose forwarding the State does not set, and a next hop
that is a guest's, make the outcome UNKNOWN.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import pairwise

from weft.compiler.tap import STITCH_PREFIX
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import Link
from weft.kinds.link.tunnel import Tunnel
from weft.kinds.netns import Namespace
from weft.kinds.setting.sysctl import Sysctl
from weft.model.security import PROTOCOLS
from weft.reach.bridge_filter import Filter
from weft.reach.crossing import Crossing, Talk
from weft.reach.fabric import Fabric, Passed
from weft.reach.routing import Tables, hops, number_of
from weft.reach.translation import MASQUERADE, Flow, Translator
from weft.records import dataclass
from weft.state import HOST, KernelObject, Key, State, link_key

MAX_HOPS = 32
FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}


class Verdict(StrEnum):
    ARRIVES = "arrives"
    STOPS = "stops"
    UNKNOWN = "unknown"


Translations = Mapping[tuple[str, str, str], tuple[str, str, int]]
"""(namespace, source and target of an answer that comes there) to the answer's source, target and port after it; the
port 0 where it is not translated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """`netns`: where it ended. `why`: one sentence. `passed`: every object that it needed, in order. `places`: the
    namespaces that routed it, first and last included. `mtu`: the least of its links, in bytes. `source`, `target`,
    `port`: as seen at the end, the port 0 where it is not translated. `crossings`: of bridges, where a filter may stop
    it."""

    verdict: Verdict
    netns: str
    why: str
    passed: tuple[Key, ...]
    places: tuple[str, ...]
    mtu: int | None
    source: str
    target: str
    port: int
    translations: Translations
    crossings: tuple[Crossing, ...] = ()


@dataclass(slots=True)
class _Packet:
    """On its way. `came_by`: the link it came in by, "" where it was sent. `protocol`, `port`: of the question, where
    known; `translated`: the port it has been given, 0 for none."""

    netns: str
    source: str
    target: str
    came_by: str = ""
    protocol: str = ""
    port: int = 0
    translated: int = 0

    @property
    def family(self) -> int:
        return 6 if ":" in self.target else 4


class World:
    """A State, ready to be walked through."""

    def __init__(self, state: State) -> None:
        self.fabric = Fabric(state, self._carry)
        objects: dict[str, list[KernelObject]] = defaultdict(list)
        for obj in state.values():
            objects[obj.name if isinstance(obj, Namespace) else obj.key.netns].append(obj)
        self._tables = {netns: Tables(netns, held) for netns, held in objects.items()}
        self._translators = {netns: Translator.of(held) for netns, held in objects.items()}
        self._filters = {netns: Filter.of(held) for netns, held in objects.items()}
        self._settings = {obj.key: obj.value for obj in state.values() if isinstance(obj, Sysctl)}
        self._empty = Tables(HOST, ())
        self._owners: dict[tuple[int, int], list[Key]] = defaultdict(list)
        for tables in self._tables.values():
            for number, ifname in tables.addresses():
                self._owners[number].append(link_key(tables.netns, ifname))

    def owners(self, address: str) -> list[Key]:
        """The links that have the address."""
        return self._owners.get(number_of(address), [])

    def tables(self, netns: str) -> Tables:
        return self._tables.get(netns, self._empty)

    def translator(self, netns: str) -> Translator:
        return self._translators.get(netns) or Translator()

    def filter(self, netns: str) -> Filter:
        return self._filters.get(netns) or Filter()

    def forwards(self, netns: str, family: int) -> bool | None:
        """None where the State does not say."""
        value = self._settings.get(Key("sysctl", netns, FORWARDING[family]))
        return None if value is None else value != "0"

    def walk(self, netns: str, source: str, target: str, talk: Talk | None = None) -> Walk:
        """Send a packet. `talk`: what is asked, where only that leads on."""
        packet = _Packet(netns, source, target)
        if talk is not None:
            packet.protocol, packet.port = talk.protocol, talk.port
        return _Walker(self, packet, None).walk()

    def answer(self, question: Walk) -> Walk:
        """Send the answer to what has arrived: it undoes the translations that were made for that."""
        packet = _Packet(question.netns, question.target, question.source, translated=question.port)
        return _Walker(self, packet, question.translations).walk()

    def _carry(self, netns: str, source: str, target: str) -> tuple[str, Passed] | None:
        """As a tunnel's underlay."""
        walk = self.walk(netns, source, target)
        return (walk.netns, walk.passed) if walk.verdict is Verdict.ARRIVES else None


class _Walker:
    def __init__(self, world: World, packet: _Packet, answers: Translations | None) -> None:
        self._world, self._packet, self._answers = world, packet, answers
        self._passed: dict[Key, None] = {}
        self._places = [packet.netns]
        self._mtu: int | None = None
        self._made: dict[tuple[str, str, str], tuple[str, str, int]] = {}
        self._came = (packet.source, packet.target, 0)
        self._crossings: list[Crossing] = []

    def walk(self) -> Walk:
        for _ in range(MAX_HOPS):
            ended = self._step()
            if ended:
                return self._end(*ended)
        return self._end(Verdict.STOPS, f"it goes round in circles by {_place(self._packet.netns)}")

    def _end(self, verdict: Verdict, why: str) -> Walk:
        return Walk(
            verdict=verdict,
            netns=self._packet.netns,
            why=why,
            passed=tuple(self._passed),
            places=tuple(self._places),
            mtu=self._mtu,
            source=self._packet.source,
            target=self._packet.target,
            port=self._packet.translated,
            translations=self._made,
            crossings=tuple(self._crossings),
        )

    def _step(self) -> tuple[Verdict, str] | None:
        """Through one namespace; what ends the walk, if anything does."""
        packet = self._packet
        tables = self._world.tables(packet.netns)
        self._came = (packet.source, packet.target, packet.translated)
        if self._answers is not None:
            self._return(self._answers)
        elif packet.came_by:
            self._redirect()
        if tables.is_local(packet.target, packet.source, packet.came_by):
            self._note()
            return Verdict.ARRIVES, f"{packet.target} is in {_place(packet.netns)}"
        return self._may_forward() or self._send(tables)

    def _may_forward(self) -> tuple[Verdict, str] | None:
        packet = self._packet
        if not packet.came_by:
            return None
        forwards = self._world.forwards(packet.netns, packet.family)
        if forwards is None:
            return Verdict.UNKNOWN, f"the file does not say whether {_place(packet.netns)} forwards"
        self._pass(Key("sysctl", packet.netns, FORWARDING[packet.family]))
        return None if forwards else (Verdict.STOPS, f"{_place(packet.netns)} does not forward")

    def _send(self, tables: Tables) -> tuple[Verdict, str] | None:
        packet = self._packet
        route = tables.route(packet.target, packet.source, packet.came_by)
        if route is None:
            return Verdict.STOPS, f"{_place(packet.netns)} has no route to {packet.target}"
        self._pass(route.key)
        if route.type != "unicast":
            return Verdict.STOPS, f"{_place(packet.netns)} has a route of type {route.type} to {packet.target}"
        way = hops(route)[0]
        if self._answers is None:
            self._translate(tables, way.ifname)
            self._note()
        return self._cross(link_key(packet.netns, way.ifname), way.via or packet.target)

    def _return(self, answers: Translations) -> None:
        """As an answer, by what was done to the question here."""
        packet = self._packet
        before = answers.get((packet.netns, packet.source, packet.target))
        if before is not None:
            packet.source, packet.target, packet.translated = before

    def _redirect(self) -> None:
        """To another destination, before it is routed."""
        packet = self._packet
        found = self._world.translator(packet.netns).destination(self._flow())
        if found is not None:
            packet.target = found.address
            packet.translated = found.port or packet.translated
            self._pass(*found.passed)

    def _translate(self, tables: Tables, oif: str) -> None:
        """Give it another source, when it is about to leave."""
        packet = self._packet
        found = self._world.translator(packet.netns).source(self._flow(oif))
        if found is None:
            return
        new = tables.first_address(packet.family, oif) if found.address == MASQUERADE else found.address
        if new:
            packet.source = new
            self._pass(*found.passed)

    def _flow(self, oif: str = "") -> Flow:
        packet = self._packet
        return Flow(
            source=packet.source,
            target=packet.target,
            iif=packet.came_by,
            oif=oif,
            redirected=packet.target != self._came[1],
            protocol=PROTOCOLS.get(packet.protocol, 0),
            port=packet.translated or packet.port,
        )

    def _note(self) -> None:
        """How an answer is led back: by all that was done here."""
        packet, (source, target, port) = self._packet, self._came
        if (packet.source, packet.target, packet.translated) != self._came:
            self._made[packet.netns, packet.target, packet.source] = (target, source, port)

    def _cross(self, out: Key, next_hop: str) -> tuple[Verdict, str] | None:
        """Over the wires to whoever has the next hop's address."""
        heard = self._world.fabric.heard(out)
        at = self._holder(heard, next_hop)
        if at is None:
            self._pass(out)
            return self._unheard(out, heard, next_hop)
        self._pass(*heard[at])
        self._narrow(heard[at])
        self._bridge(out, heard[at])
        packet = self._packet
        packet.netns, packet.came_by = at.netns, at.name
        self._places.append(at.netns)
        return None

    def _holder(self, heard: Mapping[Key, Passed], address: str) -> Key | None:
        """The link that answers for an address: the one that has it, else in IPv4 any of its namespace."""
        owners = self._world.owners(address)
        exact = next((key for key in owners if key in heard), None)
        if exact is not None or ":" in address:
            return exact
        places = {key.netns for key in owners}
        return next((key for key in heard if key.netns in places), None) if places else None

    def _unheard(self, out: Key, heard: Mapping[Key, Passed], next_hop: str) -> tuple[Verdict, str]:
        if any(next_hop in self._reserved(key) for key in heard):
            return Verdict.UNKNOWN, f"{next_hop} is a guest's behind a tap"
        if self._world.fabric.link(out) is None:
            return Verdict.STOPS, f"it leaves by {out}, which is not weft's"
        return Verdict.STOPS, f"nobody has {next_hop} on the network of {out}"

    def _reserved(self, stitch: Key) -> list[str]:
        """The addresses that are a guest's where the link leads on to a tap: they follow its mark."""
        link = self._world.fabric.link(stitch)
        is_stitch = stitch.netns == HOST and stitch.name.startswith(STITCH_PREFIX)
        return (link.alias or "").split()[1:] if link is not None and is_stitch else []

    def _bridge(self, out: Key, passed: Passed) -> None:
        """Note each bridge that is crossed: its ports follow each other in what was passed."""
        links = [link for link in map(self._world.fabric.link, passed) if link is not None]
        sender, packet = self._world.fabric.link(out), self._packet
        for near, far in pairwise(_outside_of_tunnels(links)):
            if near.master and (near.netns, near.master) == (far.netns, far.master):
                crossing = Crossing(
                    filter=self._world.filter(near.netns),
                    iifname=near.ifname,
                    oifname=far.ifname,
                    mac=(sender.mac if sender is not None else None) or "",
                    source=packet.source,
                    target=packet.target,
                    port=packet.translated,
                )
                self._crossings.append(crossing)

    def _narrow(self, passed: Passed) -> None:
        mtus = [link.mtu for link in map(self._world.fabric.link, passed) if isinstance(link, Link) and link.mtu]
        self._mtu = min([*mtus, *([self._mtu] if self._mtu else [])], default=None)

    def _pass(self, *keys: Key) -> None:
        self._passed.update(dict.fromkeys(keys))


def _outside_of_tunnels(links: Iterable[Link]) -> Iterator[Link]:
    """The links, bridges aside, by which the frame goes itself, not the packets of a tunnel that carry it."""
    carried = False
    for link in links:
        if isinstance(link, Tunnel):
            carried = not carried
            yield link
        elif not carried and not isinstance(link, Bridge):
            yield link


def _place(netns: str) -> str:
    return netns or "the host"
