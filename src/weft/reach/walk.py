"""A State as a world to send packets through.

Rules: what a State says of one namespace is sorted once, when the first packet comes there, and looked up by every
walk.
"""

from __future__ import annotations

from collections import defaultdict

from weft.kinds.ip.address import Address
from weft.kinds.ip.neighbour import Neighbour
from weft.kinds.netns import Namespace
from weft.kinds.setting.sysctl import FORWARDING, Sysctl
from weft.reach.bridge_filter import Filter
from weft.reach.crossing import Talk
from weft.reach.fabric import Fabric, Passed
from weft.reach.routing import Tables
from weft.reach.steps import Carried
from weft.reach.translation import Translator
from weft.reach.walker import Walker
from weft.reach.way import Packet, Verdict, Walk
from weft.state import KernelObject, Key, State, link_key


class World:
    """A State, ready to be walked through."""

    def __init__(self, state: State) -> None:
        self.fabric = Fabric(state, self._carry)
        self._objects: dict[str, list[KernelObject]] = defaultdict(list)
        self._owners: dict[str, list[Key]] = defaultdict(list)
        self._proxies: dict[tuple[Key, str], Key] = {}
        for obj in state.values():
            self._objects[obj.name if isinstance(obj, Namespace) else obj.key.netns].append(obj)
            if isinstance(obj, Address):
                self._owners[obj.cidr.partition("/")[0]].append(link_key(obj.netns, obj.ifname))
            elif isinstance(obj, Neighbour) and obj.proxy:
                self._proxies[link_key(obj.netns, obj.ifname), obj.address] = obj.key
        self._settings = {obj.key: obj.value for obj in state.values() if isinstance(obj, Sysctl)}
        self._tables: dict[str, Tables] = {}
        self._translators: dict[str, Translator] = {}
        self._filters: dict[str, Filter] = {}

    def owners(self, address: str) -> list[Key]:
        """The links that have the address, which is written as the kernel does."""
        return self._owners.get(address, [])

    def answers_for(self, link: Key, address: str) -> Key | None:
        """The entry, or the link, by which neighbours there are told that the address is here."""
        own = next((key for key in self.owners(address) if key.netns == link.netns), None)
        return self._proxies.get((link, address)) or own

    def tables(self, netns: str) -> Tables:
        if netns not in self._tables:
            self._tables[netns] = Tables(netns, self._objects.get(netns, ()))
        return self._tables[netns]

    def translator(self, netns: str) -> Translator:
        if netns not in self._translators:
            self._translators[netns] = Translator.of(self._objects.get(netns, ()))
        return self._translators[netns]

    def filter(self, netns: str) -> Filter:
        if netns not in self._filters:
            self._filters[netns] = Filter.of(self._objects.get(netns, ()))
        return self._filters[netns]

    def setting(self, netns: str, name: str) -> str | None:
        """Of a sysctl; None where the State does not say."""
        return self._settings.get(Key("sysctl", netns, name))

    def forwards(self, netns: str, family: int) -> bool | None:
        """None where the State does not say."""
        value = self.setting(netns, FORWARDING[family])
        return None if value is None else value != "0"

    def walk(self, netns: str, source: str, target: str, talk: Talk | None = None) -> Walk:
        """Send a packet. `talk`: what is asked, where only that leads on."""
        return Walker(self, Packet.of(netns, source, target, talk), None).walk()

    def answer(self, question: Walk) -> Walk:
        """Send the answer to what has arrived, or has left: it undoes the translations that were made for that. Who is
        beyond answers by whoever sent it the question, in the VLAN in which that came."""
        last = question.steps[-1] if question.steps else None
        if question.verdict is Verdict.LEAVES and isinstance(last, Carried) and last.at is not None:
            tags = self.fabric.tags_at(last.out, last.at)
            return self._answering(question).walk_in(last.at, last.out, tags)
        return self._answering(question).walk()

    def walk_in(self, link: Key, source: str, target: str, talk: Talk | None = None) -> Walk:
        """Follow a packet that comes in by a link from whatever that leads to."""
        return Walker(self, Packet.of(link.netns, source, target, talk), None).walk_in(link)

    def walk_from(
        self, out: Key, next_hop: str, source: str, target: str, talk: Talk | None = None, *, mac: str = ""
    ) -> Walk:
        """Follow what a guest behind a tap sends to a neighbour. `out`: the stitch; `mac`: the guest's."""
        return Walker(self, Packet.of(out.netns, source, target, talk), None).walk_from(out, next_hop, mac)

    def answer_from(self, question: Walk, next_hop: str, *, mac: str = "") -> Walk:
        """The answer of a guest to what came to it."""
        assert question.guest is not None
        return self._answering(question).walk_from(question.guest, next_hop, mac)

    def _answering(self, question: Walk) -> Walker:
        packet = Packet(question.netns, question.target, question.source, translated=question.port)
        return Walker(self, packet, question.translations)

    def _carry(self, netns: str, source: str, target: str) -> tuple[str, Passed] | None:
        """As a tunnel's underlay."""
        walk = self.walk(netns, source, target)
        return (walk.netns, walk.passed) if walk.verdict is Verdict.ARRIVES else None
