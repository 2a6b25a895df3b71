"""What stands between a plan and the machine: the plan is shown, and somebody says yes.

Rules: never a hang: without a terminal and without --yes the answer is no. An empty plan asks nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from weft.doors.cli.plans import show, warn
from weft.doors.cli.progress import Bar
from weft.doors.cli.signals import Stopped
from weft.doors.cli.terminal import say, tell
from weft.errors import NotConfirmed
from weft.records import dataclass
from weft.service import Prepared

Check = Callable[[Prepared], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """`question`: what is asked. `check`: raises where the plan is not the one that is meant. `demand`: raises where it
    is, but must not run like this. `bar` counts from here on. `everything`: a long plan is shown in full. `quiet`: the
    plan is printed with the result, so here only where somebody is asked."""

    question: str
    yes: bool
    everything: bool
    quiet: bool
    bar: Bar
    check: Check = lambda _: None
    demand: Check = lambda _: None

    def __call__(self, prepared: Prepared) -> None:
        """Raises: NotConfirmed, ForeignObject, and what `check` and `demand` do."""
        self.check(prepared)
        warn(prepared.warnings)
        if not self.quiet:
            say(show(prepared, self.everything))
        prepared.demand_no_foreign()
        self.demand(prepared)
        if prepared.plan and not self.yes:
            self._ask(prepared)
        self.bar.start(len(prepared.plan.changes))

    def _ask(self, prepared: Prepared) -> None:
        if not sys.stdin.isatty():
            raise NotConfirmed(f"{self.question} There is nobody to ask: --yes says so; nothing was changed")
        if self.quiet:
            tell(show(prepared, self.everything))
        try:
            agreed = click.confirm(self.question, err=True)
        except (click.Abort, Stopped):
            agreed = False
            tell("")
        if not agreed:
            raise NotConfirmed("nothing was changed")
