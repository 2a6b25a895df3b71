"""Sends rounds and reads what their classes counted.

Rules: only processes that are started here are ended here, all of them, whatever happens. Rounds that share nothing run
beside each other. The first second is not counted: TCP is still finding out how much there is room for, and a full
bucket lets more pass. What waits from the round before goes first. iperf3's two ends say little to each other that goes
by the class they fill: where that is slow, the end of it would be waited for in vain, so the receiver is asked for what
it has when the time is over. Classes are only read, never reset.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from shutil import which

from weft.check.qos import iperf
from weft.check.qos.delay import Delays
from weft.check.qos.lanes import Aim, Lane, Place, Round, Run, Tree, beside_each_other
from weft.check.qos.verdict import Counted, Judged, Outcome, judge
from weft.check.reach.exchange import Exchange
from weft.check.reach.spaces import Spaces
from weft.compiler.qos.flow import Flow
from weft.errors import Refused
from weft.netlink.kept import NamespaceGone
from weft.netlink.namespaces import Namespaces
from weft.records import dataclass
from weft.state import Key

SKIP_S = 1.0
"""Alone; together twice as long, for not all begin at once."""
ANSWERS, MOST_ANSWERS_S = 8, 10.0
"""iperf3's two ends speak so often with each other before it sends; a slow line is waited for so long."""
HELLO_BYTES = 2_000
"""What they say before, by the class itself."""
LISTEN_S = 3.0
END_S = 5.0
"""So long a program may take to end after its time is over."""
DRAIN_S, STALL_S = 15.0, 3.0
"""So long is waited for what the round before has left in queues, and so long while it does not become less."""
LOOK_S = 0.25
"""How often it is looked at whether anything waits; not in trees of more classes, for that takes as long."""
MOST_LOOKED_AT = 64
PROMPT_S = 0.02
"""Reading a tree takes less, unless the machine has something else to do in its midst: then nobody knows when what was
read was so."""

_MAX_TRIES = 5


@dataclass(frozen=True, slots=True)
class Total:
    """What a class has counted since it was made."""

    bytes: int
    packets: int
    drops: int
    overlimits: int
    waiting: int = 0
    """Packets in its queue now."""


Meter = Callable[[Tree], Mapping[Key, Total]]
"""What all classes of a tree have counted until now. Raises: NamespaceGone, Refused where the tree is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """`seconds` that are counted, `tolerance` as a share, `peer_port` the first of those where servers of another
    machine listen."""

    seconds: float = 3.0
    tolerance: float = 0.05
    peer_port: int = 5201


def demand_program() -> None:
    """Raises: Refused where iperf3 is not installed."""
    if which(iperf.PROGRAM) is None:
        raise Refused(f"{iperf.PROGRAM} is not installed, and it is what sends; the package is called {iperf.PACKAGE}")


def measure(
    namespaces: Namespaces,
    rounds: Sequence[Round],
    meter: Meter,
    manner: Manner,
    progress: Callable[[int], None] = lambda settled: None,
) -> list[Judged]:
    """All rounds. Raises: NotPermitted, Refused where iperf3 is not installed."""
    demand_program()
    judged: list[Judged] = []
    with Spaces(namespaces) as spaces:
        for batch in beside_each_other(rounds):
            with Exchange() as exchange, _Batch(spaces, exchange, manner) as at_work:
                judged += at_work.carry_out(batch, meter)
            progress(len(batch))
    return judged


@dataclass(slots=True, eq=False)
class _Sent:
    """A run with its programs, the server first. `report`: what the one says who knows what arrived."""

    of: Round
    run: Run
    note: str = ""
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list)
    report: Path | None = None
    looks: list[bool] = field(default_factory=list)
    """Whether anything of its class waited."""

    @property
    def idle(self) -> float:
        return 1 - sum(self.looks) / len(self.looks) if self.looks else 0.0


class _Batch:
    """Rounds that run at once. A context manager: every program it started is gone at its end."""

    def __init__(self, spaces: Spaces, exchange: Exchange, manner: Manner) -> None:
        self._spaces, self._manner = spaces, manner
        self._delays = Delays(spaces, exchange)
        self._sent: list[_Sent] = []
        self._folder = tempfile.TemporaryDirectory(prefix="weft-check-")
        self._outside = manner.peer_port

    def __enter__(self) -> _Batch:
        return self

    def __exit__(self, *_: object) -> None:
        for sent in self._sent:
            for program in sent.programs:
                if program.poll() is None:
                    program.kill()
                program.wait()
        self._folder.cleanup()

    def carry_out(self, batch: Sequence[Round], meter: Meter) -> Iterator[Judged]:
        skip_s = max(map(_skip_s, batch))
        self._sent = [_Sent(of, run) for of in batch for run in of.runs]
        _drain(batch, meter)
        self._begin(skip_s)
        self._delays.turn_until(time.monotonic() + skip_s, send=False)
        before = {of.tree.key: _read(meter, of.tree) for of in batch}
        self._watch(batch, meter)
        after = {of.tree.key: _read(meter, of.tree) for of in batch}
        self._end()
        for of in batch:
            classes = _between(before[of.tree.key], after[of.tree.key])
            outcomes = [self._outcome(sent, classes, skip_s) for sent in self._sent if sent.of is of]
            yield judge(of, tuple(outcomes), self._manner.tolerance)

    def _watch(self, batch: Sequence[Round], meter: Meter) -> None:
        """Until the seconds that count are over."""
        end_s = time.monotonic() + self._manner.seconds
        seldom = [of for of in batch if len(of.tree.leaves) <= MOST_LOOKED_AT]
        while (now := time.monotonic()) < end_s:
            self._delays.turn_until(min(end_s, now + LOOK_S))
            for of in seldom:
                held = _read(meter, of.tree, tries=1)
                if isinstance(held, str):
                    continue
                for sent in self._sent:
                    if sent.of is of and sent.run.lane.key in held[1]:
                        sent.looks.append(held[1][sent.run.lane.key].waiting > 0)

    def _begin(self, skip_s: float) -> None:
        for sent in self._sent:
            with _noted(sent):
                self._serve(sent)
        for sent in self._sent:
            with _noted(sent):
                self._listen(sent)
        for sent in self._sent:
            if not sent.note:
                with _noted(sent):
                    self._send(sent, skip_s + self._manner.seconds + SKIP_S)

    def _serve(self, sent: _Sent) -> None:
        receiver = sent.run.lane.receiver
        if not self._crosses(sent.run.lane):
            assert receiver is not None
            sent.report = self._report()
            sent.programs.append(self._start(receiver, iperf.server(sent.run.flow), sent.report))

    def _listen(self, sent: _Sent) -> None:
        """Until the server does, and we beside it for small packets."""
        if not sent.programs:
            return
        _await_listener(sent.programs[0], sent.run.flow)
        beside = sent.run.lane.beside.get(sent.run.flow.protocol)
        if beside is not None:
            with contextlib.suppress(OSError):  # somebody has the port: then there is no latency to tell
                self._delays.open(sent.run.lane, beside)

    def _send(self, sent: _Sent, run_s: float) -> None:
        lane = sent.run.lane
        assert lane.sender is not None and lane.receiver is not None
        if self._crosses(lane):
            here = lane.sender if lane.sender.netns is not None else lane.receiver
            sent.report = self._report()
            words = iperf.client(sent.run, run_s, self._outside)
            self._outside += 1
            sent.programs.append(self._start(here, words, sent.report))
        else:
            sent.programs.append(self._start(lane.sender, iperf.client(sent.run, run_s), Path(os.devnull)))

    def _report(self) -> Path:
        return Path(self._folder.name, str(len(os.listdir(self._folder.name))))

    def _start(self, place: Place, words: list[str], output: Path) -> subprocess.Popen[bytes]:
        """In the place's namespace, which a child has from the thread that starts it."""
        assert place.netns is not None
        with self._spaces.inside(place.netns), output.open("wb") as into:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=into, stderr=subprocess.STDOUT)

    @staticmethod
    def _crosses(lane: Lane) -> bool:
        """Whether one end is another machine's."""
        assert lane.sender is not None and lane.receiver is not None
        return lane.sender.netns is None or lane.receiver.netns is None

    def _end(self) -> None:
        """Ours when their time is over, the other machine's when it has said what it has to say."""
        ours = [sent.programs[0] for sent in self._sent if len(sent.programs) > 1]
        crossing = [sent.programs[0] for sent in self._sent if len(sent.programs) == 1]
        time.sleep(SKIP_S / 2)
        _ask_for_the_end(ours)
        until = time.monotonic() + END_S
        _await(crossing, until)
        _ask_for_the_end(crossing)
        _await([*ours, *crossing], until + SKIP_S)

    def _outcome(self, sent: _Sent, classes: Mapping[Key, Counted] | str, skip_s: float) -> Outcome:
        if isinstance(classes, str):
            return Outcome(run=sent.run, classes={}, note=sent.note or classes)
        goodput, unread = None, ""
        try:
            goodput = self._goodput_bps(sent, skip_s)
        except iperf.Unread as why:
            unread = str(why)
        sender = self._delays.senders.get(sent.run.lane.key)
        return Outcome(
            run=sent.run,
            classes=classes,
            goodput_bps=goodput,
            latency=sender.latency if sender is not None else None,
            idle=sent.idle,
            unread=unread,
            note=sent.note,
        )

    def _goodput_bps(self, sent: _Sent, skip_s: float) -> float | None:
        """None where only the sender is here, who knows what it sent."""
        if sent.report is None or sent.note:
            return None
        goodput = iperf.goodput_bps(sent.report.read_text(errors="replace"), skip_s, skip_s + self._manner.seconds)
        receiver = sent.run.lane.receiver
        return goodput if receiver is not None and receiver.netns is not None else None


def _skip_s(of: Round) -> float:
    begin_s = max(_hello_s(of, run) for run in of.runs)
    return SKIP_S * (2 if of.aim is Aim.TOGETHER else 1) + min(begin_s, MOST_ANSWERS_S)


def _hello_s(of: Round, run: Run) -> float:
    """How long it takes until iperf3 sends."""
    lane = run.lane
    room_bps = lane.rate_bps if of.aim is Aim.TOGETHER and lane.rate_bps else lane.ceil_bps
    return ANSWERS * (lane.answers_us or 0) / 1e6 + HELLO_BYTES * 8 / room_bps


def _drain(batch: Sequence[Round], meter: Meter) -> None:
    """Wait until nothing waits in the trees, as long as it becomes less: others may go on sending."""
    until = time.monotonic() + DRAIN_S
    for of in batch:
        least, since = sys.maxsize, time.monotonic()
        while (now := time.monotonic()) < until and now - since < STALL_S:
            held = _read(meter, of.tree, tries=1)
            waiting = 0 if isinstance(held, str) else sum(total.waiting for total in held[1].values())
            if not waiting:
                break
            if waiting < least:
                least, since = waiting, now
            time.sleep(LOOK_S)


def _ask_for_the_end(programs: Sequence[subprocess.Popen[bytes]]) -> None:
    """It says what it has counted until now. Source: iperf3's iperf_api.c iperf_got_sigend."""
    for program in programs:
        if program.poll() is None:
            program.terminate()


def _await(programs: Sequence[subprocess.Popen[bytes]], until_s: float) -> None:
    for program in programs:
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(max(0.0, until_s - time.monotonic()))


@contextlib.contextmanager
def _noted(sent: _Sent) -> Iterator[None]:
    """What keeps a run from having figures is said of that run; the others go on."""
    try:
        yield
    except (iperf.Unread, NamespaceGone, OSError, TimeoutError) as failure:
        sent.note = sent.note or str(failure)


def _await_listener(program: subprocess.Popen[bytes], flow: Flow) -> None:
    """Raises: TimeoutError where it does not listen. Source: proc(5) /proc/PID/net/tcp."""
    wanted, until = f":{flow.port:04X}", time.monotonic() + LISTEN_S
    table = Path(f"/proc/{program.pid}/net/tcp{'6' if flow.family == 6 else ''}")
    while time.monotonic() < until and program.poll() is None:
        rows = [line.split() for line in table.read_text().splitlines()[1:]]
        if any(row[1].endswith(wanted) and row[3] == "0A" for row in rows):
            return
        time.sleep(0.01)
    raise TimeoutError(f"iperf3 does not listen at {flow.target} port {flow.port}: is something else there?")


def _read(meter: Meter, tree: Tree, tries: int = _MAX_TRIES) -> tuple[float, Mapping[Key, Total]] | str:
    """What the tree has counted, and when. Again where it took too long."""
    try:
        for _ in range(tries):
            began_s, totals = time.monotonic(), meter(tree)
            took_s = time.monotonic() - began_s
            if took_s < PROMPT_S:
                break
        return began_s + took_s / 2, totals
    except (NamespaceGone, Refused) as gone:
        return str(gone)


def _between(
    before: tuple[float, Mapping[Key, Total]] | str, after: tuple[float, Mapping[Key, Total]] | str
) -> dict[Key, Counted] | str:
    """Classes that were there both times, and had not been made anew in between."""
    if isinstance(before, str) or isinstance(after, str):
        return before if isinstance(before, str) else str(after)
    (began, was), (ended, now) = before, after
    return {
        key: Counted(
            bytes=now[key].bytes - held.bytes,
            packets=now[key].packets - held.packets,
            drops=now[key].drops - held.drops,
            overlimits=now[key].overlimits - held.overlimits,
            elapsed_s=ended - began,
        )
        for key, held in was.items()
        if key in now and now[key].bytes >= held.bytes
    }
