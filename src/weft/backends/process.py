"""Programs that are kept running: sole owner of weft's long-lived processes.

Rules: a program is there when its file says so, and it runs when the kernel says so: a living process that was started
by just what the file says, with the mark in its environment, in the namespace that the label names now. A number in a
file proves nothing by itself. Deleting what does not run is no error. Who keeps them is the keeper's matter: systemd
where it runs, else weft's own supervisor.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from weft.backends.base import Selection
from weft.backends.nameless import NO_NAMES
from weft.backends.process_files import MARK_NAME, SPEC_NAME, Known, ProcessFiles
from weft.backends.supervised import Supervised
from weft.backends.units import Units, is_systemds
from weft.errors import ProgramFailed
from weft.kinds import KINDS
from weft.kinds.process import Process, Run, Stop, Tell, stem
from weft.netlink import processes
from weft.netlink.namespaces import Namespaces
from weft.netlink.processes import Hold
from weft.state import Change, Key, Mark, State

DIRECTORY = "processes"
RELOAD_S = 0.1
"""Who cannot read its new text ends within so long of being told."""


class Keeper(Protocol):
    """Who starts programs, starts them again and ends them."""

    def pid(self, stem: str) -> int | None: ...

    def start(self, stem: str, *, anew: bool) -> None: ...

    def stop(self, stem: str) -> None: ...

    def leave(self) -> None: ...


def tell(pid: int, number: int) -> bool:
    """Send a signal to a program, and say whether it lives on."""
    with suppress(ProcessLookupError), Hold(pid) as program:
        program.send(number)
        return not program.ended(RELOAD_S)
    return False


class Processes:
    """The backend of programs. `run_directory`: where what dies with the kernel's state is kept."""

    def __init__(self, namespaces: Namespaces, run_directory: Path) -> None:
        self._namespaces = namespaces
        self._files = ProcessFiles(run_directory / DIRECTORY)
        host_id = run_directory.name
        self._keeper: Keeper = Units(self._files, host_id) if is_systemds() else Supervised(self._files)

    def observe(self, selection: Selection) -> State:
        """As the contract has it."""
        wanted, keys = set(selection.namespaces), selection.keys
        return State.of(
            self._as_it_is(known)
            for known in self._files.all()
            if known.process.netns in wanted or known.process.key in keys
        )

    def of_scope(self, host_id: str, scope: str) -> Iterator[Key]:
        """The keys of a scope's programs, wherever they are."""
        for known in self._files.all():
            mark = Mark.parse(known.process.mark)
            if mark is not None and mark[:2] == (host_id, scope):
                yield known.process.key

    def kept(self) -> Iterator[tuple[Process, int | None]]:
        """All that are to run here, of every scope, as they are, and their processes."""
        for known in self._files.all():
            yield self._as_it_is(known), self._keeper.pid(known.stem)

    def supervise(self) -> None:
        """See that they all run, without an apply: after the supervisor has come to its end. Raises: ProgramFailed for
        the first that does not start."""
        failed = []
        for known in self._files.all():
            if not self._runs(known):
                try:
                    self._keeper.start(known.stem, anew=False)
                except ProgramFailed as failure:
                    failed.append(failure)
        if failed:
            raise failed[0]

    def commit(self, changes: Sequence[Change]) -> None:
        """As the contract has it. Raises: ProgramFailed, NotPermitted."""
        for change in changes:
            for request in KINDS.of(change.object).requests(change, NO_NAMES):
                self._do(request.payload)

    def _do(self, verb: Run | Tell | Stop) -> None:
        name = stem(verb.process.key)
        match verb:
            case Run(process, anew):
                self._run(name, process, anew)
            case Tell(process):
                self._tell(name, process)
            case Stop():
                self._keeper.stop(name)
                self._files.forget(name)
                if not self._files.stems():
                    self._keeper.leave()

    def _run(self, name: str, process: Process, anew: bool) -> None:
        if anew:
            self._files.say(name, process)
        self._keeper.start(name, anew=anew)
        self._files.note_told(name, process)

    def _tell(self, name: str, process: Process) -> None:
        self._files.configure(name, process)
        pid = self._keeper.pid(name)
        if pid is not None and not tell(pid, signal.SIGHUP):
            raise ProgramFailed(f"{name} ended when it was told of its new configuration")
        self._files.note_told(name, process)

    def _as_it_is(self, known: Known) -> Process:
        return replace(known.process, died="") if self._runs(known) else replace(known.process, running=False)

    def _runs(self, known: Known) -> bool:
        pid = self._keeper.pid(known.stem)
        if pid is None:
            return False
        proofs = {f"{MARK_NAME}={known.process.mark}", f"{SPEC_NAME}={known.spec}"}
        where = processes.network_of(pid)
        is_there = where is not None and where == self._namespaces.identity(known.process.netns)
        return is_there and proofs <= processes.environment(pid)
