"""One intent kept in mind, for whoever changes it port by port.

Rules: what a port needs to know of all the others stays compiled and sockets stay open; only what the changed ports are
made of is read, changed and verified, so that one port costs the same among ten and among ten thousand; where a port
differs in figures of classes alone, only what these are made of. A change of anything else goes the whole road, and so
does the first one after a failure.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from weft.apply import Progress, ignore_progress
from weft.compiler import Compiled, CompileError, Compiler, changed_ports
from weft.files import Loaded
from weft.model.sharing import PortKey
from weft.observe import Machine
from weft.ownership import Split
from weft.plan import plan
from weft.service.prepared import Prepared, as_read
from weft.service.service import WAIT_S, Agree, Service


def _yes(prepared: Prepared) -> None:
    pass


class Session:
    """Applies successive versions of one intent."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._compiler: Compiler | None = None

    def apply(
        self, loaded: Loaded, agree: Agree = _yes, *, wait_s: float = WAIT_S, progress: Progress = ignore_progress
    ) -> Prepared:
        """Make the machine as the intent says, by the shortest way. Raises: as Service.apply."""
        known, self._compiler = self._compiler, None
        if known is not None and known.intent.name == loaded.intent.name:
            ports = changed_ports(known.intent, loaded.intent)
            if ports is not None:
                think = partial(self._think, known, ports)
                done = self._service.carry_out(loaded, think, agree, wait_s=wait_s, progress=progress)
                self._compiler = known
                return done
        return self._whole(loaded, agree, wait_s, progress)

    def _whole(self, loaded: Loaded, agree: Agree, wait_s: float, progress: Progress) -> Prepared:
        done = self._service.apply(loaded, agree, wait_s=wait_s, progress=progress)
        assert done.facts is not None
        self._compiler = Compiler(loaded.intent, done.facts)
        self._compiler.whole()
        return done

    def _think(self, known: Compiler, ports: Collection[PortKey], loaded: Loaded) -> Prepared:
        """The plan for the `ports` in which `loaded` differs from what is known."""
        machine = self._service.machine(loaded.intent.name)
        compiled, parts = self._classes(machine, known, ports, loaded) or self._ports(machine, known, ports, loaded)
        todo = plan(parts.ours, compiled.state)
        return Prepared(
            scope=machine.scope,
            machine=machine,
            observed=parts.ours,
            ours=parts.ours,
            foreign=parts.foreign,
            adopted=parts.adopted,
            desired=compiled.state,
            paths=compiled.paths,
            plan=todo,
            told=as_read(machine, todo),
            facts=known.facts,
            loaded=loaded,
        )

    def _classes(
        self, machine: Machine, known: Compiler, ports: Collection[PortKey], loaded: Loaded
    ) -> tuple[Compiled, Split] | None:
        """Classes of the ports alone, with what is there of them; None where more is another, or not all is there, or
        the same is asked again, to see whether it still holds."""
        compiled = known.figures(loaded.intent, ports) if known.intent is not loaded.intent else None
        if compiled is None:
            return None
        parts = machine.look_around(compiled.touched, compiled.state)
        return (compiled, parts) if parts.ours.keys() == compiled.touched else None

    def _ports(
        self, machine: Machine, known: Compiler, ports: Collection[PortKey], loaded: Loaded
    ) -> tuple[Compiled, Split]:
        try:
            compiled = known.ports(loaded.intent, ports)
        except CompileError as error:
            raise error.told(loaded.origins.at) from None
        return compiled, machine.look_around(compiled.touched, compiled.state)
