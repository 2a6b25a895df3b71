"""One transaction of the service as a command runs it: agreed to, stoppable, and told how it ended."""

from __future__ import annotations

import sys
from typing import Protocol

from weft.apply import Progress
from weft.doors.cli.codes import INTERRUPTED
from weft.doors.cli.consent import Check, Consent
from weft.doors.cli.operator import demand_way_back
from weft.doors.cli.options import Manner
from weft.doors.cli.plans import document
from weft.doors.cli.progress import Bar
from weft.doors.cli.signals import Stopped, stoppable
from weft.doors.cli.terminal import Unwritten, say, say_json, tell
from weft.errors import RolledBack
from weft.plan.render import objects
from weft.records import dataclass
from weft.service import Prepared, Service
from weft.service.service import Agree


class Act(Protocol):
    """`Service.apply` or `destroy`, with what it is of."""

    def __call__(
        self, agree: Agree, *, wait_s: float, progress: Progress, confirm_within_s: float | None
    ) -> Prepared: ...


@dataclass(frozen=True, slots=True)
class Verb:
    """What is done, in the words of the question before it, the bar beside it and the line after it."""

    question: str
    doing: str
    done: str


APPLY = Verb("Apply this to {}?", "Applying", "Applied")
DESTROY = Verb("Destroy {}?", "Destroying", "Destroyed")


def _accept(prepared: Prepared) -> None:
    pass


def carry_out(service: Service, scope: str, act: Act, verb: Verb, manner: Manner, check: Check = _accept) -> None:
    """Run `act` once it is agreed to, and say how it went. `check`: as `Consent` has it.

    Raises: what `act` does; RolledBack when a signal came before the commit, SystemExit when it came after the end.
    """
    has_way_back = manner.confirm_within_s is not None or manner.no_confirm
    consent = Consent(
        question=verb.question.format(scope),
        yes=manner.yes,
        everything=manner.everything,
        quiet=manner.output == "json",
        bar=Bar(f"{verb.doing} {scope}"),
        check=check,
        demand=_accept if has_way_back else demand_way_back,
    )
    prepared = _run(service, scope, act, consent, manner)
    if prepared is None:
        return
    try:
        if consent.quiet:
            say_json({**document(prepared), "done": True})
        elif prepared.plan:
            say(f"{verb.done} and verified: {objects(len(prepared.plan.changes))} in {consent.bar.elapsed_s:.2f} s.")
    except Unwritten as lost:  # what is done is no failure
        tell(f"weft: {verb.done.lower()} and verified, but {str(lost).removeprefix('weft: ')}", "yellow")
    if prepared.plan and not consent.quiet:
        _remind(service, scope)


def _run(service: Service, scope: str, act: Act, consent: Consent, manner: Manner) -> Prepared | None:
    """None where a signal came and what was begun is finished."""
    if service.is_unfinished(scope):
        tell(f"weft: the last change of {scope} was cut short; it is led to its end first", "yellow")
    with stoppable():
        try:
            with consent.bar:
                within_s = manner.confirm_within_s
                return act(consent, wait_s=manner.wait_s, progress=consent.bar, confirm_within_s=within_s)
        except Stopped as stop:
            _settle(service, scope, stop, consent.bar.done)
            return None


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
