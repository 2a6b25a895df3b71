"""The way of one packet through a State: from namespace to namespace, until it arrives or is stopped.

Rules: every step says why. Translations made on the way are noted, so that the answer can be walked back by them
(`Walk.translations`), as connection tracking does. A namespace whose forwarding the State does not set, and a next hop
that is a guest's, make the outcome UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from weft.compiler.tap import STITCH_PREFIX
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import Link
from weft.kinds.link.tunnel import Tunnel
from weft.kinds.setting.sysctl import FORWARDING
from weft.model.security import PROTOCOLS
from weft.reach.crossing import Crossing
from weft.reach.fabric import Passed
from weft.reach.filtering import Tags
from weft.reach.routing import Tables, hops
from weft.reach.steps import Carried, Delivered, Forwarded, Routed, Step, Translated
from weft.reach.translation import MASQUERADE, Flow
from weft.reach.way import Packet, Translations, Verdict, Walk
from weft.state import HOST, Key, link_key

if TYPE_CHECKING:
    from weft.reach.walk import World

MAX_HOPS = 32


class Walker:
    def __init__(self, world: World, packet: Packet, answers: Translations | None) -> None:
        self._world, self._packet, self._answers = world, packet, answers
        self._passed: dict[Key, None] = {}
        self._places = [packet.netns]
        self._mtu: int | None = None
        self._made: dict[tuple[str, str, str], tuple[str, str, int]] = {}
        self._came = (packet.source, packet.target, 0)
        self._crossings: list[Crossing] = []
        self._steps: list[Step] = []
        self._guest: Key | None = None

    def walk_in(self, link: Key, gateway: Key | None = None, tags: Tags = ()) -> Walk:
        """`gateway`: whom somebody there sends to what is not on its network, None for nobody known. `tags`: the VLANs
        in which it comes."""
        heard, packet = self._world.fabric.heard_from_beyond(link, tags), self._packet
        at = link if link in heard else self._holder(heard, packet.target)
        if at is None and gateway in heard:
            at = gateway
        if at is None:
            return self._end(Verdict.STOPS, f"nobody has {packet.target} on the network of {link}")
        if at != link:
            self._carry(link, packet.target, at, heard[at], "")
        packet.netns, packet.came_by = at.netns, at.name
        self._places = [at.netns]
        return self.walk()

    def walk_from(self, out: Key, next_hop: str, mac: str) -> Walk:
        ended = self._cross(out, next_hop, mac)
        return self._end(*ended) if ended else self.walk()

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
            steps=tuple(self._steps),
            guest=self._guest,
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
            self._deliver()
            return Verdict.ARRIVES, f"{packet.target} is in {_place(packet.netns)}"
        return self._may_forward() or self._send(tables)

    def _may_forward(self) -> tuple[Verdict, str] | None:
        packet = self._packet
        if not packet.came_by:
            return None
        forwards = self._world.forwards(packet.netns, packet.family)
        key = Key("sysctl", packet.netns, FORWARDING[packet.family])
        self._steps.append(Forwarded(netns=packet.netns, key=key, allowed=forwards))
        if forwards is None:
            return Verdict.UNKNOWN, f"the file does not say whether {_place(packet.netns)} forwards"
        self._pass(key)
        return None if forwards else (Verdict.STOPS, f"{_place(packet.netns)} does not forward")

    def _send(self, tables: Tables) -> tuple[Verdict, str] | None:
        packet = self._packet
        route = tables.route(packet.target, packet.source, packet.came_by)
        way = hops(route)[0] if route is not None and route.type == "unicast" else None
        self._steps.append(Routed(netns=packet.netns, target=packet.target, route=route, way=way))
        if route is None:
            return Verdict.STOPS, self._no_route(tables)
        self._pass(route.key)
        if way is None:
            return Verdict.STOPS, f"{_place(packet.netns)} has a route of type {route.type} to {packet.target}"
        if self._answers is None:
            self._translate(tables, way.ifname)
            self._note()
        return self._cross(link_key(packet.netns, way.ifname), way.via or packet.target)

    def _deliver(self) -> None:
        packet = self._packet
        owners = self._world.owners(packet.target)
        at = next((key for key in owners if key.netns == packet.netns), None)
        step = Delivered(netns=packet.netns, target=packet.target, key=at, source=packet.source, came_by=packet.came_by)
        self._steps.append(step)

    def _no_route(self, tables: Tables) -> str:
        packet = self._packet
        lost = tables.route(packet.target, packet.source, packet.came_by, even_down=True)
        why = f": {lost.ifname} is down" if lost is not None else ""
        return f"{_place(packet.netns)} has no route to {packet.target}{why}"

    def _return(self, answers: Translations) -> None:
        """As an answer, by what was done to the question here."""
        packet = self._packet
        before = answers.get((packet.netns, packet.source, packet.target))
        if before is None:
            return
        source, target, port = before
        if target != packet.target:
            self._note_translation((), packet.target, target, is_target=True)
        if source != packet.source:
            self._note_translation((), packet.source, source)
        packet.source, packet.target, packet.translated = source, target, port

    def _redirect(self) -> None:
        """To another destination, before it is routed."""
        packet = self._packet
        found = self._world.translator(packet.netns).destination(self._flow())
        if found is not None:
            self._note_translation(found.passed, packet.target, found.address, port=found.port, is_target=True)
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
            self._note_translation(found.passed, packet.source, new)
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

    def _note_translation(
        self, keys: tuple[Key, ...], before: str, after: str, *, port: int = 0, is_target: bool = False
    ) -> None:
        netns = self._packet.netns
        step = Translated(netns=netns, keys=keys, before=before, after=after, port=port, is_target=is_target)
        self._steps.append(step)

    def _cross(self, out: Key, next_hop: str, mac: str = "") -> tuple[Verdict, str] | None:
        """Over the wires to whoever has the next hop's address. `mac`: of the sender, "" for the link's own."""
        heard = self._world.fabric.heard(out)
        at = self._holder(heard, next_hop)
        if at is None:
            return self._unheard(out, heard, next_hop, mac)
        self._carry(out, next_hop, at, heard[at], mac)
        packet = self._packet
        packet.netns, packet.came_by = at.netns, at.name
        self._places.append(at.netns)
        return None

    def _carry(self, out: Key, next_hop: str, at: Key, passed: Passed, mac: str) -> None:
        """Over all that was passed."""
        self._pass(*passed)
        mtu = self._narrow(passed)
        crossings = tuple(self._bridges(out, passed, mac))
        self._crossings += crossings
        self._note_carried(out, next_hop, at, passed, crossings, mtu)

    def _note_carried(
        self,
        out: Key,
        next_hop: str,
        at: Key | None,
        passed: Passed,
        crossings: tuple[Crossing, ...] = (),
        mtu: int | None = None,
        down: tuple[Key, ...] = (),
    ) -> None:
        step = Carried(
            source=self._packet.source,
            target=self._packet.target,
            came_by=self._packet.came_by,
            out=out,
            next_hop=next_hop,
            at=at,
            passed=passed,
            crossings=crossings,
            mtu=mtu,
            down=down,
        )
        self._steps.append(step)

    def _holder(self, heard: Mapping[Key, Passed], address: str) -> Key | None:
        """The link that answers for an address: the one that has it, else in IPv4 any of its namespace."""
        owners = self._world.owners(address)
        exact = next((key for key in owners if key in heard), None)
        if exact is not None or ":" in address:
            return exact
        places = {key.netns for key in owners}
        return next((key for key in heard if key.netns in places), None) if places else None

    def _unheard(self, out: Key, heard: Mapping[Key, Passed], next_hop: str, mac: str) -> tuple[Verdict, str]:
        """Nobody whom the State knows has the next hop's address: a guest, somebody outside, or really nobody."""
        fabric = self._world.fabric
        stitch = next((key for key in heard if next_hop in self._reserved(key)), None)
        if stitch is not None:
            self._carry(out, next_hop, stitch, heard[stitch], mac)
            self._guest = stitch
            return Verdict.UNKNOWN, f"{next_hop} is a guest's behind a tap"
        exits = fabric.exits(out)
        if exits:
            key, passed = next(iter(exits.items()))
            self._carry(out, next_hop, key, passed, mac)
            return Verdict.LEAVES, f"it leaves by {key}, which is not weft's"
        self._pass(out)
        down = fabric.down(out)
        self._note_carried(out, next_hop, None, (out,), down=down)
        if out in down:
            return Verdict.STOPS, f"{out} is down"
        return Verdict.STOPS, f"nobody has {next_hop} on the network of {out}"

    def _reserved(self, stitch: Key) -> list[str]:
        """The addresses that are a guest's where the link leads on to a tap: they follow its mark."""
        link = self._world.fabric.link(stitch)
        is_stitch = stitch.netns == HOST and stitch.name.startswith(STITCH_PREFIX)
        return (link.alias or "").split()[1:] if link is not None and is_stitch else []

    def _bridges(self, out: Key, passed: Passed, mac: str) -> Iterator[Crossing]:
        """Each bridge that is crossed: its ports follow each other in what was passed."""
        links = [link for link in map(self._world.fabric.link, passed) if link is not None]
        sender, packet = self._world.fabric.link(out), self._packet
        for near, far in pairwise(_outside_of_tunnels(links)):
            if near.master and (near.netns, near.master) == (far.netns, far.master):
                yield Crossing(
                    netns=near.netns,
                    bridge=near.master,
                    filter=self._world.filter(near.netns),
                    iifname=near.ifname,
                    oifname=far.ifname,
                    mac=mac or (sender.mac if sender is not None else None) or "",
                    source=packet.source,
                    target=packet.target,
                    port=packet.translated,
                )

    def _narrow(self, passed: Passed) -> int | None:
        """The least MTU of these links, which may be the least of all."""
        mtus = [link.mtu for link in map(self._world.fabric.link, passed) if isinstance(link, Link) and link.mtu]
        least = min(mtus, default=None)
        self._mtu = min((mtu for mtu in (least, self._mtu) if mtu), default=None)
        return least

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
