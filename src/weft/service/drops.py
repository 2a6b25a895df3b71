"""What is dropped: how much, by counters; by which rule and between whom, by what rules tell. What `weft drops` shows.

Rules: counters are exact, what is told is a sample (rules keep to a rate). What rules with a log let through is not a
drop, and shown only line by line. What was, only a recorder knows: then there are samples and no counters.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from weft.backends.filter_counts import FilterGlance, FilterReader
from weft.errors import Refused
from weft.files import Loaded
from weft.picture.filters import DropsView, Line
from weft.service.drop_rows import DropRows, routers_of
from weft.service.filters import ScopeFilters, filters_of
from weft.service.sampling import RECORDER, Sampler
from weft.service.service import Service
from weft.service.told import Told, told_of
from weft.store.ring import Entry, past
from weft.store.ring import file_name as file_name_of


def looks(service: Service, intents: Sequence[Loaded], for_s: float) -> Iterator[list[DropsView]]:
    """What is dropped in so many seconds, again and again until somebody interrupts. Raises: as Service.prepare."""
    with _watching(service, intents) as watched:
        while _goes_on(watched):
            yield [one.drops(entries) for one, entries in _collected(watched, for_s)]


def lines(service: Service, intents: Sequence[Loaded], for_s: float) -> Iterator[list[Line]]:
    """What rules tell in so many seconds, packet by packet, again and again until somebody interrupts. Raises:
    as Service.prepare."""
    with _watching(service, intents) as watched:
        while _goes_on(watched):
            yield _in_order(one.lines(entries) for one, entries in _collected(watched, for_s))


def recorded(service: Service, intents: Sequence[Loaded], since_s: float) -> list[DropsView]:
    """What the recorders have kept of so many seconds. Raises: Refused where nothing was recorded."""
    began, views = time.time() - since_s, []
    for one, entries, missed in _kept(service, intents, began):
        rows = DropRows(one)
        rows.add_told(_told(one, entries))
        views.append(
            DropsView(
                scope=one.prepared.scope,
                since=began,
                lasted_s=0.0,
                samples=RECORDER,
                missed=missed,
                drops=rows.views(),
            )
        )
    return views


def recorded_lines(service: Service, intents: Sequence[Loaded], since_s: float) -> list[Line]:
    """The same, packet by packet. Raises: as `recorded`."""
    kept = _kept(service, intents, time.time() - since_s)
    return _in_order([_line(one, told) for told in _told(one, entries)] for one, entries, _ in kept)


def _kept(
    service: Service, intents: Sequence[Loaded], began: float
) -> Iterator[tuple[ScopeFilters, Sequence[Entry], int]]:
    """What each recorder has kept since, and how often it missed something."""
    found = [(loaded, past(service.run_directory / file_name_of(loaded.intent.name))) for loaded in intents]
    if not any(held for _, held in found):
        raise Refused("nothing is recorded here: `drops: {recorder: true}` in the file has it recorded from then on")
    for loaded, held in found:
        if held is not None:
            entries = [entry for entry in held.entries if entry.at_ns >= began * 1e9]
            yield filters_of(service, loaded), entries, held.missed


class _Watched:
    """One scope while somebody looks."""

    def __init__(self, service: Service, loaded: Loaded) -> None:
        self._filters = filters_of(service, loaded)
        self._reader = FilterReader(service.namespaces)
        self._routers = routers_of(self._filters)
        self._before = self._read()
        self._since = time.time()
        # Counted before anybody listens: what is told was counted, too.
        file = service.run_directory / file_name_of(self._filters.prepared.scope)
        self.sampler = Sampler(service.namespaces, self._filters.by_netns, file)

    def close(self) -> None:
        self._reader.close()
        self.sampler.close()

    def drops(self, entries: Iterable[Entry]) -> DropsView:
        """Since the last time."""
        before, since = self._before, self._since
        self._before, self._since = self._read(), time.time()
        rows = DropRows(self._filters)
        rows.add_counted(self._before, before, self._routers)
        rows.add_told(_told(self._filters, entries))
        return DropsView(
            scope=self._filters.prepared.scope,
            since=since,
            lasted_s=self._before.at_s - before.at_s,
            samples=self.sampler.kind,
            missed=self.sampler.missed,
            drops=rows.views(),
            missing=self._filters.missing(self._before),
        )

    def lines(self, entries: Iterable[Entry]) -> list[Line]:
        return [_line(self._filters, told) for told in _told(self._filters, entries)]

    def _read(self) -> FilterGlance:
        return self._reader.read(self._filters.tables, self._routers)


@contextmanager
def _watching(service: Service, intents: Sequence[Loaded]) -> Iterator[Sequence[_Watched]]:
    with ExitStack() as stack:
        yield [stack.enter_context(closing(_Watched(service, loaded))) for loaded in intents]


def _goes_on(watched: Sequence[_Watched]) -> bool:
    return not any(one.sampler.interrupted for one in watched)


def _collected(watched: Sequence[_Watched], for_s: float) -> Iterator[tuple[_Watched, list[Entry]]]:
    """All listen for the same time: what comes meanwhile waits in their sockets."""
    due = time.monotonic() + for_s
    for one in watched:
        yield one, one.sampler.collect(max(0.0, due - time.monotonic()))
        if one.sampler.interrupted:
            due = 0.0


def _told(one: ScopeFilters, entries: Iterable[Entry]) -> Iterator[Told]:
    return (told for entry in entries if (told := told_of(one, entry)) is not None)


def _line(one: ScopeFilters, told: Told) -> Line:
    return Line(
        at=told.entry.at_ns / 1e9,
        scope=one.prepared.scope,
        fate=told.fate,
        what=told.what,
        port=told.port,
        where=one.where(told.path) if told.path else "",
        source=told.source,
        target=told.target,
        talk=told.words,
    )


def _in_order(parts: Iterable[Iterable[Line]]) -> list[Line]:
    return sorted((line for part in parts for line in part), key=lambda line: line.at)
