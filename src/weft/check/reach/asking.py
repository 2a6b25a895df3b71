"""Asks every port from every other, and listens for who answers.

Rules: pairs talk in waves, as many at once as the machine has room for. A wanted answer is waited for until it comes,
asked for again twice and given up after `PATIENCE_S`; that nobody answers who should not is listened for once a wave,
for `SILENCE_S`, beside all the others.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from errno import EADDRINUSE, EMFILE, ENFILE
from itertools import islice
from typing import Protocol as Interface

from weft.check.reach.exchange import Exchange
from weft.check.reach.icmp import Icmp
from weft.check.reach.neighbours import Neighbours, room
from weft.check.reach.outside import Outside
from weft.check.reach.probes import Board, Outcome, Probe, Protocol
from weft.check.reach.spaces import Spaces
from weft.check.reach.tcp import Tcp
from weft.check.reach.udp import Udp
from weft.errors import Refused
from weft.netlink.descriptors import allow_more_files
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.reach import Endpoint, Expectation, Reach, Talk
from weft.records import dataclass

AGAIN_S = (0.2, 0.6)
"""After so many seconds without an answer a question is asked again."""
PATIENCE_S = 1.5
"""TCP repeats itself after a second."""
SILENCE_S = 0.4
AT_MOST = 500
"""Pairs that talk at once; each takes up to eight descriptors."""
_NO_FILES = (EMFILE, ENFILE)
BREATH = 64
"""Questions sent before answers are looked at."""

Progress = Callable[[int], None]
"""Called with how many more questions are settled."""


class Prober(Interface):
    """One protocol in one family."""

    def open(self, end: Endpoint) -> None: ...
    def port(self, end: Endpoint) -> int: ...
    def send(self, probes: Sequence[Probe]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """`faults`: why a port could not speak in a family, by its name and the family. `unasked`: why nothing was asked of
    it, or by it: what has the port that a forwarding leads to, or why nobody can be outside. `elapsed_s`: seconds it
    took."""

    outcomes: tuple[Outcome, ...]
    faults: dict[tuple[str, int], str]
    unasked: dict[tuple[str, int], str]
    elapsed_s: float


def measure(
    namespaces: Namespaces,
    expectations: Iterable[Expectation],
    protocols: Collection[Protocol],
    progress: Progress = lambda settled: None,
) -> Measured:
    """Ask all that has an expectation other than OPEN. Raises: NotPermitted, Refused where files run out."""
    probes = list(_probes(expectations, protocols))
    began = time.monotonic()
    allow_more_files()
    with _enough_files(), Spaces(namespaces) as spaces, Outside(namespaces, spaces) as outside, Exchange() as exchange:
        run = Run(spaces, exchange, probes, outside.place(probe.source for probe in probes))
        try:
            run.open()
            run.ask(progress)
        finally:
            run.close()
    outcomes = (
        Outcome(expectation=p.expectation, protocol=p.protocol, reached=p.reached, note=p.note, is_waiting=p.is_waiting)
        for p in probes
        if not run.why_unasked(p)
    )
    elapsed_s = time.monotonic() - began
    return Measured(outcomes=tuple(outcomes), faults=run.faults, unasked=run.unasked, elapsed_s=elapsed_s)


@contextmanager
def _enough_files() -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        if failure.errno not in _NO_FILES:
            raise
        raise Refused("too many open files for so many ports; raise `ulimit -n`, or choose fewer ports") from failure


def _probes(expectations: Iterable[Expectation], protocols: Collection[Protocol]) -> Iterator[Probe]:
    judged = [found for found in expectations if found.reach is not Reach.OPEN]
    number = 0
    for protocol in protocols:
        for expectation in judged:
            if is_asked_by(expectation.target, protocol) and (protocol is not Protocol.MTU or expectation.mtu):
                yield Probe(number, protocol, expectation)
                number += 1


def is_asked_by(target: Endpoint, protocol: Protocol) -> bool:
    """A forwarding leads one protocol on."""
    return target.talk is None or target.talk.protocol == protocol.value


class Run:
    """One run's sockets and questions."""

    def __init__(
        self, spaces: Spaces, exchange: Exchange, probes: Sequence[Probe], unasked: Mapping[tuple[str, int], str]
    ) -> None:
        self._spaces, self._exchange, self._probes = spaces, exchange, probes
        self._ends = {end.name: end for probe in probes for end in (probe.source, probe.target)}
        self._board = Board(probes, list(self._ends.values()))
        self._probers = self._make({(probe.protocol, probe.expectation.family) for probe in probes})
        self.faults: dict[tuple[str, int], str] = {}
        self.unasked = dict(unasked)

    def open(self) -> None:
        """The sockets of all ports. Raises: NotPermitted."""
        for end in self._ends.values():
            for (protocol, family), prober in self._different_probers():
                is_of = end.address(family) and is_asked_by(end, protocol)
                if is_of and not self._why_silent(end, family):
                    self._open(end, family, prober)

    def ask(self, progress: Progress) -> None:
        """All questions, in waves."""
        able = [probe for probe in self._probes if self._is_able(probe)]
        for probe in able:
            self._make_precise(probe)
        progress(len(self._probes) - len(able))
        neighbours = Neighbours(self._spaces, self._ends.values())
        for wave in _waves(able):
            self._carry_out(wave)
            neighbours.forget()
            progress(len(wave))

    def close(self) -> None:
        """What is not a socket of the exchange's."""
        for prober in self._probers.values():
            if isinstance(prober, Tcp):
                prober.close()

    def _make(self, wanted: Collection[tuple[Protocol, int]]) -> dict[tuple[Protocol, int], Prober]:
        made: dict[tuple[Protocol, int], Prober] = {}
        for family in {family for _, family in wanted}:
            icmp = Icmp(self._exchange, self._board, family)
            tcp = Tcp(self._exchange, self._board, family, self._spaces)
            udp = Udp(self._exchange, self._board, family)
            known: dict[Protocol, Prober] = {
                Protocol.ICMP: icmp,
                Protocol.MTU: icmp,
                Protocol.TCP: tcp,
                Protocol.UDP: udp,
            }
            made |= {(protocol, of): known[protocol] for protocol, of in wanted if of == family}
        return made

    def _different_probers(self) -> Iterator[tuple[tuple[Protocol, int], Prober]]:
        seen: set[int] = set()
        for key, prober in self._probers.items():
            if id(prober) not in seen:
                seen.add(id(prober))
                yield key, prober

    def _open(self, end: Endpoint, family: int, prober: Prober) -> None:
        try:
            with self._spaces.inside(end.netns):
                prober.open(end)
        except NamespaceGone as gone:
            self.faults[end.name, family] = str(gone)
        except OSError as failure:
            if failure.errno in _NO_FILES:
                raise
            where = f"namespace {end.netns}" if end.netns else "the host"
            if end.talk is not None and failure.errno == EADDRINUSE:
                what = f"{end.talk.protocol}/{end.own_port} of {end.address(family)} in {where}"
                self.unasked[end.name, family] = f"{what} is a service's, and only that could say who asks"
                return
            self.faults[end.name, family] = f"{end.address(family)} in {where}: {(failure.strerror or '').lower()}"

    def _is_able(self, probe: Probe) -> bool:
        for end in (probe.source, probe.target):
            probe.note = probe.note or self._why_silent(end, probe.expectation.family)
        return not probe.note

    def _why_silent(self, end: Endpoint, family: int) -> str:
        return self.faults.get((end.name, family)) or self.unasked.get((end.name, family)) or ""

    def why_unasked(self, probe: Probe) -> str:
        """ "" where it was asked. That nothing comes of a port that cannot speak says only of what should come
        something."""
        family, ends = probe.expectation.family, (probe.source, probe.target)
        whys = self.unasked if probe.is_wanted else {**self.faults, **self.unasked}
        return next(filter(None, (whys.get((end.name, family)) for end in ends)), "")

    def _make_precise(self, probe: Probe) -> None:
        """What is expected of the very port that is asked: groups may let one pass and not another."""
        word = Protocol.ICMP if probe.protocol is Protocol.MTU else probe.protocol
        port = self._probers[probe.protocol, probe.expectation.family].port(probe.target)
        probe.expectation = probe.expectation.asked(Talk(protocol=word.value, port=port))

    def _carry_out(self, wave: Sequence[Probe]) -> None:
        """Ask, and listen until all is settled."""
        self._send(wave)
        began = time.monotonic()
        least_s = SILENCE_S if any(not probe.is_wanted for probe in wave) else 0.0
        waiting = [probe for probe in wave if probe.is_wanted]
        for until_s in (*AGAIN_S, PATIENCE_S):
            self._listen(waiting, began + least_s, began + until_s)
            if not waiting and time.monotonic() >= began + least_s:
                break
            if until_s < PATIENCE_S:
                self._send([probe for probe in wave if not probe.reached])
        self._give_up(wave)

    def _listen(self, waiting: list[Probe], least_at: float, until: float) -> None:
        """Until nobody is waited for, but not before `least_at`, or until the time is over."""
        while (now := time.monotonic()) < until:
            while waiting and waiting[-1].reached:
                waiting.pop()
            if not waiting and now >= least_at:
                return
            self._exchange.turn((until if waiting else min(until, least_at)) - now)

    def _send(self, probes: Sequence[Probe]) -> None:
        by_prober: dict[tuple[Protocol, int], list[Probe]] = defaultdict(list)
        for probe in probes:
            by_prober[probe.protocol, probe.expectation.family].append(probe)
        for key, asked in by_prober.items():
            asked.sort(key=lambda probe: probe.source.netns)
            for at in range(0, len(asked), BREATH):
                self._probers[key].send(asked[at : at + BREATH])
                self._exchange.turn(0)

    def _give_up(self, wave: Sequence[Probe]) -> None:
        for prober in self._probers.values():
            if isinstance(prober, Tcp):
                for probe in wave:
                    prober.give_up(probe)


def _waves(probes: Iterable[Probe]) -> Iterator[list[Probe]]:
    """All questions between two ports are in one wave; those that should stay unanswered come first."""
    pairs: dict[frozenset[str], list[Probe]] = defaultdict(list)
    for probe in probes:
        pairs[frozenset((probe.source.name, probe.target.name))].append(probe)
    waiting = iter(sorted(pairs.values(), key=lambda pair: pair[0].is_wanted))
    while pair := list(islice(waiting, min(AT_MOST, room()))):
        yield [probe for probes in pair for probe in probes]
