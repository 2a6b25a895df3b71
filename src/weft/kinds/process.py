"""A program that is kept running: its words, the namespace it runs in, and the text that configures it.

Rules: the supervisor (or systemd) starts it again when it ends. `{config}` and `{ready}` in its words stand for the
paths of the file that holds its text and of the one that it makes itself as soon as it serves, `{python}` for the
Python that weft runs on. The mark is in its environment, where the kernel tells it. What lives on a link or in a
namespace does not end with them here: a program goes on in a namespace that has lost its name, so it is always ended by
name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from hashlib import sha256

from weft.kinds.base import Kind, Names, Owner, Request
from weft.kinds.netns import ground
from weft.records import dataclass
from weft.state import HOST, Change, Key, Keyed, Op, link_key

PROCESS = "process"
CONFIG, READY, PYTHON = "{config}", "{ready}", "{python}"

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-@")
_LONGEST = 200
"""Characters of a file's name, less than the 255 that any file system takes, for what is put behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process(Keyed):
    """`name`: unique in its namespace, with the scope in it ("lab.ra"). `argv`: its words; the first one a path or
    `{python}`. `config`: the whole text of its configuration, "" for none. `reloads`: SIGHUP makes it read that anew;
    else another text means another process. `parting`: what those lines of its text begin with that it takes back only
    when it ends, so that a text without one of them means another process; "" for none. `ready`: it makes the file
    `{ready}` when it serves; else it serves when it still runs a moment later. `links`: those of its namespace without
    which it is of no use. `running`: as observed, whether it runs, in that namespace and as it is said here; then
    `died` is what is known of its end."""

    netns: str
    name: str
    mark: str
    argv: tuple[str, ...]
    config: str | None = ""
    reloads: bool = False
    parting: str = ""
    ready: bool = False
    links: tuple[str, ...] = ()
    running: bool | None = True
    died: str = field(default="", compare=False)

    def identify(self) -> Key:
        return process_key(self.netns, self.name)

    @property
    def lives_on(self) -> tuple[Key, ...]:
        return (*ground(self.netns), *(link_key(self.netns, ifname) for ifname in self.links))


@dataclass(frozen=True, slots=True)
class Run:
    """See that it runs as is said; `anew`: also where it runs already."""

    process: Process
    anew: bool


@dataclass(frozen=True, slots=True)
class Tell:
    """Put down its new text and have the running process read it."""

    process: Process


@dataclass(frozen=True, slots=True)
class Stop:
    """End it, and leave no file."""

    process: Process


def process_key(netns: str, name: str) -> Key:
    return Key(PROCESS, netns, name)


def stem(key: Key) -> str:
    """What the names of a process's files begin with, and its unit is called: `lab.ra@weft.lab.shop.front`."""
    said = f"{key.name}@{key.netns}" if key.netns != HOST else key.name
    plain = "".join(sign if sign in _PLAIN else f"%{ord(sign):02x}" for sign in said)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 20]}-{sha256(plain.encode()).hexdigest()[:16]}"


def requests(change: Change, names: Names) -> Iterable[Request]:
    before, after = change.before, change.after
    if change.op is Op.UPDATE:
        assert isinstance(before, Process) and isinstance(after, Process)
        if after.config is not None and after.config != before.config:
            yield Request(after.netns, Tell(after))
        if after.running and not before.running:
            yield Request(after.netns, Run(after, anew=False))
        return
    if isinstance(before, Process):
        yield Request(before.netns, Stop(before))
    if isinstance(after, Process):
        yield Request(after.netns, Run(after, anew=True))


def script(change: Change) -> Iterable[str]:
    """Nothing: who starts it by hand starts a second one beside weft's."""
    return ()


def parse(process: Process) -> Process:
    """The backend reads whole ones."""
    return process


def _must_be_another(before: Process, after: Process) -> bool:
    return before.config != after.config and (not after.reloads or bool(_taken_back(before, after)))


def _taken_back(before: Process, after: Process) -> set[str]:
    """The lines that the process would have to end for."""
    if not after.parting:
        return set()
    held, wanted = ({line.strip() for line in (one.config or "").splitlines()} for one in (before, after))
    return {line for line in held - wanted if line.startswith(after.parting)}


def _as_goal(observed: Process) -> Process:
    """One that has died of itself need not be dead again."""
    return replace(observed, running=observed.running or None, died="")


ROW = Kind(
    name=PROCESS,
    cls=Process,
    backend=PROCESS,
    owner=Owner.ENVIRONMENT,
    in_place=frozenset({"config", "running"}),
    replaces=_must_be_another,
    requests=requests,
    script=script,
    parse=parse,
    former=_as_goal,
    remade=_as_goal,
)
