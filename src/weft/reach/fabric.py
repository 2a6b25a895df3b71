"""Who hears a frame that leaves by a link, and over which links it gets there.

Rules: a frame out of a veth comes in at its peer; in at a bridge's port, it goes to the bridge and out of all its other
ports; in at a link with no master, it is heard there. Other kinds of links lead out of the machine: nobody here hears.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import Link
from weft.kinds.link.veth import Veth
from weft.state import Key, State, link_key

Links = tuple[Key, ...]


class _At(NamedTuple):
    """A frame at a link: about to leave by it, or just come in."""

    key: Key
    leaves: bool


class Fabric:
    """The links of a State, as one net of wires and bridges."""

    def __init__(self, state: State) -> None:
        self._links = {key: obj for key, obj in state.items() if isinstance(obj, Link)}
        self._ports = _ports_of(self._links)
        self._heard: dict[Key, Mapping[Key, Links]] = {}

    def link(self, key: Key) -> Link | None:
        return self._links.get(key)

    def heard(self, start: Key) -> Mapping[Key, Links]:
        """The links at which a frame sent by `start` is heard, each with all links it passed, both ends included."""
        if start not in self._heard:
            self._heard[start] = self._flood(start)
        return self._heard[start]

    def _flood(self, start: Key) -> dict[Key, Links]:
        first = _At(start, True)
        passed: dict[_At, Links] = {first: (start,)}
        heard: dict[Key, Links] = {}
        waiting = deque([first])
        while waiting:
            at = waiting.popleft()
            if self._is_heard(at):
                heard.setdefault(at.key, passed[at])
            for step in self._steps(at):
                if step not in passed:
                    passed[step] = passed[at] if step.key == at.key else (*passed[at], step.key)
                    waiting.append(step)
        return heard

    def _is_heard(self, at: _At) -> bool:
        return not at.leaves and at.key in self._links and not self._links[at.key].master

    def _steps(self, at: _At) -> Iterator[_At]:
        match self._links.get(at.key):
            case Veth() as veth if at.leaves:
                yield _At(veth.peer, False)
            case Bridge() if at.leaves:
                yield from (_At(port, True) for port in self._ports.get(at.key, ()))
            case Link(master=str(master)) as port if master and not at.leaves:
                yield from self._through(link_key(port.netns, master), port.key)

    def _through(self, bridge: Key, port: Key) -> Iterator[_At]:
        yield _At(bridge, False)
        if isinstance(self._links.get(bridge), Bridge):
            yield from (_At(other, True) for other in self._ports[bridge] if other != port)


def _ports_of(links: Mapping[Key, Link]) -> dict[Key, list[Key]]:
    found: dict[Key, list[Key]] = {}
    for link in links.values():
        if link.master:
            found.setdefault(link_key(link.netns, link.master), []).append(link.key)
    return found
