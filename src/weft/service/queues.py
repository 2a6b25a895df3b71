"""What is in the queues of links, in the words of the file: what `weft qos show` shows and `weft check qos` counts.

Rules: which class is whose is compiled, what it has counted is read from the kernel. What is lost is counted in that
queue where most of it was: a queue within a queue tells of the same packet again.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from weft.backends.queues import LinkQueues, QueueGlance
from weft.compiler.qos.numbers import UNLIMITED_BPS
from weft.picture.queues import ClassView, Delay, TreeView
from weft.picture.view import Flow
from weft.records import dataclass
from weft.state import Key
from weft.wire.tc import TC_H_ROOT, major_of, said_of
from weft.wire.tc_rate import read_class_options, read_tbf_options
from weft.wire.tc_stats import FlowStats, HtbStats, TcStats


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A tree, or a single queue, at a root. `link`: whose; `handle`: the root's that is wanted, "" where none
    is; `names`: of its classes by number, in the order of the file; `shown`: the numbers to be shown, None for all.
    `carrier`, `direction`, `where` as TreeView's."""

    link: Key
    carrier: str
    direction: str
    where: str
    handle: str
    names: Mapping[str, str]
    shown: Container[str] | None = None


def tree_of(queued: Queued, now: QueueGlance, before: QueueGlance | None) -> TreeView | None:
    """None where nothing queues there."""
    held = now.links.get(queued.link)
    root = _root(held) if held else None
    if held is None or root is None:
        return None
    earlier = before.links.get(queued.link, LinkQueues()) if before else LinkQueues()
    elapsed_s = now.at_s - before.at_s if before else 0.0
    seen = _Seen(held, _by_handle(earlier), elapsed_s, queued.names)
    return TreeView(
        carrier=queued.carrier,
        direction=queued.direction,
        where=queued.where,
        netns=queued.link.netns,
        ifname=queued.link.name,
        kind=root.kind,
        is_foreign=said_of(root.handle) != queued.handle,
        classes=tuple(row for row in seen.rows(root) if queued.shown is None or row.number in queued.shown),
    )


def _root(held: LinkQueues) -> TcStats | None:
    """None where there is only what the kernel gives links by itself, which has no number."""
    return next((one for one in held.qdiscs if one.parent == TC_H_ROOT and one.handle), None)


def lost_of(held: LinkQueues) -> dict[int, int]:
    """Of the classes of HTB, each packet counted once, whichever queue below it lost it."""
    return _Seen(held, {}, 0.0, {}).lost()


def _by_handle(held: LinkQueues) -> Mapping[tuple[str, int], TcStats]:
    return {(one.kind, one.handle): one for one in (*held.qdiscs, *held.classes)}


class _Seen:
    """One link's queues, with what they had counted before."""

    def __init__(
        self, held: LinkQueues, before: Mapping[tuple[str, int], TcStats], elapsed_s: float, names: Mapping[str, str]
    ) -> None:
        self._before, self._elapsed_s, self._names = before, elapsed_s, names
        self._at = {one.parent: one for one in held.qdiscs if one.parent != TC_H_ROOT}
        self._within = {major_of(parent): one for parent, one in self._at.items()}
        self._classes = {one.handle: one for one in held.classes if one.kind == "htb"}
        self._flows = [(one.handle, one.more.delay_us) for one in held.classes if isinstance(one.more, FlowStats)]

    def rows(self, root: TcStats) -> Iterator[ClassView]:
        if self._classes:
            for one in self._in_order():
                yield self._class(one)
            return
        for depth, one in enumerate(self._chain(root)):
            yield self._queue(one, depth)

    def lost(self) -> dict[int, int]:
        """By the number of each class, the packets that were lost in its queue."""
        return {
            handle: max(held.drops for held in (one, *self._chain(self._at.get(handle))))
            for handle, one in self._classes.items()
        }

    # HTB

    def _in_order(self) -> Sequence[TcStats]:
        """As the file has them; what nobody names behind its parent."""
        rank = {number: at for at, number in enumerate(self._names)}

        def path(one: TcStats) -> tuple[tuple[int, int], ...]:
            return tuple((rank.get(said_of(up.handle), len(rank)), up.handle) for up in reversed(self._lineage(one)))

        return sorted(self._classes.values(), key=path)

    def _lineage(self, one: TcStats) -> list[TcStats]:
        """The class and those that it is part of, the top last."""
        found = [one]
        while (over := self._classes.get(found[-1].parent)) is not None and over not in found:
            found.append(over)
        return found

    def _class(self, one: TcStats) -> ClassView:
        options, lineage = read_class_options(one.options), self._lineage(one)
        limit_bps = min(8 * read_class_options(up.options).ceil for up in lineage)
        queues = list(self._chain(self._at.get(one.handle)))
        flow = self._flow(one, lost=max(held.drops for held in (one, *queues)))
        delay_us, delay = self._delay(one, queues, flow, limit_bps)
        number = said_of(one.handle)
        return ClassView(
            name=self._names.get(number, number),
            depth=len(lineage) - 1,
            number=number,
            queue=queues[-1].kind if queues else "",
            rate_bps=8 * options.rate,
            ceil_bps=8 * options.ceil if 8 * options.ceil < UNLIMITED_BPS else None,
            priority=options.prio if queues else None,
            sent=flow,
            borrowed=one.more.borrowed if isinstance(one.more, HtbStats) else 0,
            overlimits=one.overlimits,
            waiting_bytes=one.backlog,
            waiting_packets=one.waiting,
            delay_us=delay_us,
            delay=delay,
        )

    # single queues

    def _chain(self, queue: TcStats | None) -> Iterator[TcStats]:
        """A queue and those within it, the innermost last."""
        seen: set[int] = set()
        while queue is not None and queue.handle not in seen:
            yield queue
            seen.add(queue.handle)
            queue = self._within.get(queue.handle)

    def _queue(self, one: TcStats, depth: int) -> ClassView:
        rate_bps = 8 * read_tbf_options(one.options).rate if one.kind == "tbf" else None
        flow = self._flow(one, lost=one.drops)
        delay_us, delay = self._delay(one, [one], flow, rate_bps)
        return ClassView(
            name="(all)" if depth == 0 else said_of(one.handle),
            depth=depth,
            number=said_of(one.handle),
            queue=one.kind,
            rate_bps=None,
            ceil_bps=rate_bps,
            priority=None,
            sent=flow,
            borrowed=0,
            overlimits=one.overlimits,
            waiting_bytes=one.backlog,
            waiting_packets=one.waiting,
            delay_us=delay_us,
            delay=delay,
        )

    # what is common to both

    def _flow(self, one: TcStats, lost: int) -> Flow:
        """With rates where it has only counted on since the look before."""
        was = self._before.get((one.kind, one.handle))
        is_timed = (
            was is not None
            and self._elapsed_s > 0
            and was.sent_bytes <= one.sent_bytes
            and was.sent_packets <= one.sent_packets
        )
        return Flow(
            bytes=one.sent_bytes,
            packets=one.sent_packets,
            lost=lost,
            rate_bps=8 * (one.sent_bytes - was.sent_bytes) / self._elapsed_s if was and is_timed else None,
            rate_pps=(one.sent_packets - was.sent_packets) / self._elapsed_s if was and is_timed else None,
        )

    def _delay(
        self, one: TcStats, queues: Sequence[TcStats], flow: Flow, limit_bps: int | None
    ) -> tuple[float | None, Delay | None]:
        majors = {queue.handle for queue in queues}
        measured = [delay_us for handle, delay_us in self._flows if delay_us and major_of(handle) in majors]
        if measured:
            return float(max(measured)), Delay.MEASURED
        if not one.backlog:
            return 0.0, Delay.ESTIMATED
        rate_bps = limit_bps if flow.rate_bps is None else flow.rate_bps
        return (one.backlog * 8e6 / rate_bps, Delay.ESTIMATED) if rate_bps else (None, None)
