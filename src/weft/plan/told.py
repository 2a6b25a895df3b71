"""The plan as people, programs and scripts are to read it: what ends a setting puts its former value back.

Rules: pure, and for reading only: what is carried out is the plan itself, whose backends know the former values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from weft.kinds.setting.link import LinkSetting
from weft.kinds.setting.sysctl import Sysctl
from weft.plan.phases import Plan
from weft.state import Change, Op

FormerValue = Callable[[Sysctl | LinkSetting], str | None]
"""The value that comes back when a setting ends, None where it stays as it is."""


def as_told(todo: Plan, former: FormerValue) -> Plan:
    """The plan with the end of a setting said as the change it is, unless what it is a setting of goes too."""
    ended = [(key, change) for key, change in todo.changes.items() if change.op is Op.DELETE]
    restored = {key: told for key, change in ended if (told := _restored(todo, change, former))}
    if not restored:
        return todo
    phases = {
        phase: tuple(replace(step, changes=tuple(restored.get(c.key, c) for c in step.changes)) for step in steps)
        for phase, steps in todo.phases.items()
    }
    return replace(todo, changes=todo.changes | restored, phases=phases)


def _restored(todo: Plan, change: Change, former: FormerValue) -> Change | None:
    setting = change.before
    if not isinstance(setting, (Sysctl, LinkSetting)):
        return None
    grounds = (todo.changes.get(on) for on in setting.lives_on)
    if any(ground is not None and ground.op is Op.DELETE for ground in grounds):
        return None
    value = former(setting)
    return None if value is None else Change(Op.UPDATE, setting, replace(setting, value=value))
