"""`weft qos set` and `clear` as transactions: one step of the service, with consent, and its file."""

from __future__ import annotations

from functools import partial

from weft.doors.cli.options import Manner
from weft.doors.cli.terminal import tell
from weft.doors.cli.transaction import APPLY, DESTROY, carry_out
from weft.files.qos_file import Direction, Wish
from weft.service import Service
from weft.service.simple_qos import Step, apply, kept, to_clear, to_set


def carry_out_set(wish: Wish, manner: Manner) -> None:
    """Raises: as `carry_out`; IntentInvalid naming flags."""
    service = Service(command="weft qos set")
    _carry_out(service, to_set(service, wish), manner)


def carry_out_clear(ifname: str, name: str | None, direction: Direction | None, manner: Manner) -> None:
    """Raises: as `carry_out`; IntentInvalid naming flags, Refused where nothing is set."""
    service = Service(command="weft qos clear")
    _carry_out(service, to_clear(service, ifname, name, direction), manner)


def _carry_out(service: Service, step: Step, manner: Manner) -> None:
    on_trial = manner.confirm_within_s is not None
    with kept(step, on_trial=on_trial):
        if step.loaded:
            carry_out(service, step.scope, partial(apply, service, step, step.loaded), APPLY, manner)
        elif service.applied(step.scope) or service.is_unfinished(step.scope):
            carry_out(service, step.scope, partial(service.destroy, step.scope), DESTROY, manner)
    if manner.output != "json" and not on_trial:
        tell(f"It stands in {step.file}." if step.loaded else f"{step.file} is gone.")
