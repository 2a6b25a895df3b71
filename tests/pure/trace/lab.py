"""A file compiled on a small machine that has a way out, and traces through it."""

from __future__ import annotations

from tests.pure.compiler.intents import facts
from weft.compiler import Compiled, compile, planted
from weft.files import Loaded, load_text
from weft.kinds.ip.address import Address
from weft.kinds.ip.route import Route
from weft.kinds.link.common import OtherLink
from weft.model.intent import Path
from weft.state import HOST, KernelObject, Key, State
from weft.trace import Trace, Tracer, asked_words, talk_of

HOST_SIDE: tuple[KernelObject, ...] = (
    OtherLink(netns=HOST, ifname="eth0", mtu=1500, up=True),
    Address(netns=HOST, ifname="eth0", cidr="192.0.2.10/24"),
    Route(netns=HOST, dst="0.0.0.0/0", ifname="eth0", via="192.0.2.1"),
)
TEXT = """
weft: 1
name: lab
tenants:
  shop:
    networks:
      front: {subnets: [10.0.0.0/24, "fd00::/64"], uplink: nat}
      back: {subnets: [10.1.0.0/24, "fd01::/64"], uplink: routed}
      lone: {subnets: [10.2.0.0/24]}
    security_groups:
      web:
        ingress:
          - {protocol: tcp, ports: [80, 8000-8100]}
          - {protocol: icmp}
          - {remote: 10.0.0.0/30, action: deny, priority: 5}
          - {protocol: tcp, ports: [22], remote: {group: base}}
      base: {ingress: [{remote: {group: base}}, {protocol: icmpv6}]}
      mute: {ingress: [{}], egress: [], stateful: false}
      narrow: {ingress: [], egress: [{protocol: udp, ports: [53], remote: 10.0.0.0/24}]}
    ports:
      web: {network: front, attach: {netns: web}, addresses: [10.0.0.10, "fd00::10"], security_groups: [web, base]}
      ask: {network: front, attach: {netns: ask}, addresses: [10.0.0.20, "fd00::20"]}
      low: {network: front, attach: {netns: low}, addresses: [10.0.0.2, "fd00::2"]}
      mute: {network: front, attach: {netns: mute}, addresses: [10.0.0.30, "fd00::30"], security_groups: [mute]}
      base: {network: front, attach: {netns: base}, addresses: [10.0.0.40, "fd00::40"], security_groups: [base]}
      thin: {network: front, attach: {netns: thin}, addresses: [10.0.0.50, "fd00::50"], security_groups: [narrow]}
      none: {network: front, attach: {netns: none}, addresses: [10.0.0.60, "fd00::60"], security_groups: []}
      db: {network: back, attach: {netns: db}, addresses: [10.1.0.10, "fd01::10"], security_groups: [web]}
      vm: {network: front, attach: {tap: {}}, addresses: [10.0.0.70, "fd00::70"], security_groups: [base]}
      small: {network: front, attach: {netns: small}, addresses: [10.0.0.80, "fd00::80"], mtu: 1400}
      alone: {network: lone, attach: {netns: alone}, addresses: [10.2.0.10]}
"""


class Lab:
    """`changes`: what somebody did to the machine: keys to objects, None for gone."""

    def __init__(self, text: str = TEXT, changes: dict[Key, KernelObject | None] | None = None) -> None:
        self.loaded: Loaded = load_text("weft.yaml", text)
        self.compiled: Compiled = compile(self.loaded.intent, facts())
        state = State(State.of(HOST_SIDE) | self.compiled.state)
        for key, obj in (changes or {}).items():
            if obj is None:
                del state[key]
            else:
                state[key] = obj
        self.state = state
        queues = planted(self.loaded.intent, facts())
        self.tracer = Tracer(self.loaded.intent, self.compiled.state, self.compiled.paths, state, queues)

    def trace(self, source: str, target: str, asked: str, family: int | None = None, size: int | None = None) -> Trace:
        return self.tracer.trace(source, target, talk_of(asked), family=family, size=size)

    def where(self, path: Path) -> str:
        return self.loaded.origins.at(path) if path else ""

    def hint(self, source: str, target: str, asked: str, family: int | None = None) -> str:
        """The first, with its line."""
        first = self.trace(source, target, asked, family).hints[0]
        return f"{first.said} | {self.where(first.path)}"

    def text(self, trace: Trace) -> str:
        """As a golden file has it."""
        lines = [f"{trace.source} -> {trace.target} {asked_words(trace.talk, trace.family)}"]
        for leg, name in ((trace.there, "question"), (trace.back, "answer")):
            if leg is not None:
                lines.append(name)
                lines += [
                    f"  {'' if hop.passes else 'x '}{hop.place} | {hop.sort} | {hop.said} | {self.where(hop.path)}"
                    for hop in leg.hops
                ]
        lines.append(f"{trace.fate} {trace.why} mtu {trace.mtu} {trace.mtu_at}".rstrip())
        lines += [f"- {hint.said} | {self.where(hint.path)}" for hint in trace.hints]
        return "".join(f"{line.removesuffix(' | ')}\n" for line in lines)
