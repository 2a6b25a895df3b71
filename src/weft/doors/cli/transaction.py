"""One transaction of the service as a command runs it: agreed to, stoppable, and told how it ended."""

from __future__ import annotations

import sys
from collections.abc import Callable

from weft.apply import Progress
from weft.doors.cli.codes import INTERRUPTED
from weft.doors.cli.consent import Consent
from weft.doors.cli.plans import document
from weft.doors.cli.signals import Stopped, stoppable
from weft.doors.cli.terminal import say, say_json, tell
from weft.errors import RolledBack
from weft.plan.render import objects
from weft.service import Prepared, Service
from weft.service.service import Agree

Act = Callable[[Agree, Progress], Prepared]


def carry_out(service: Service, scope: str, act: Act, consent: Consent, done: str) -> None:
    """Run `act` and say how it went; `done`: the verb for having done it.

    Raises: what `act` does; RolledBack when a signal came before the commit, SystemExit when it came after the end.
    """
    if service.is_unfinished(scope):
        tell(f"weft: the last change of {scope} was cut short; it is led to its end first", "yellow")
    with stoppable():
        try:
            with consent.bar:
                prepared = act(consent, consent.bar)
        except Stopped as stop:
            _settle(service, scope, stop, consent.bar.done)
            return
    if consent.quiet:
        say_json({**document(prepared), "done": True})
    elif prepared.plan:
        say(f"{done} and verified: {objects(len(prepared.plan.changes))} in {consent.bar.elapsed_s:.2f} s.")
        _remind(service, scope)


def _remind(service: Service, scope: str) -> None:
    left_s = service.unconfirmed_s(scope)
    if left_s is not None:
        tell(f"`weft confirm {scope}` keeps it; without that everything is taken back in {left_s:.0f} s.", "yellow")


def _settle(service: Service, scope: str, stop: Stopped, done: int) -> None:
    """Stopped outside of the part that is led back by itself: whatever is half done is finished now."""
    for recovered in service.recover(scope):
        if not recovered.forward:
            raise RolledBack(f"{stop}; everything is as it was before") from stop
        tell(f"weft: {stop}, but past the point of no return: what was begun is finished")
        return
    if not done:
        raise RolledBack(f"{stop}; nothing was changed") from stop
    tell(f"weft: {stop} after everything was done, but before it was verified: weft status does that")
    sys.exit(INTERRUPTED)
