"""The recorder of what filters tell: one small process a scope, where the file asks for one.

Rules: it listens in the namespaces of all tenants with bridges, present or not; which those are is its configuration,
so that a tenant more is a line more and the process goes on.
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.compiler.draft import Draft
from weft.compiler.groups.logs import NFLOG_GROUP, SNAPLEN_BYTES
from weft.kinds.process import CONFIG, PYTHON, READY, Process
from weft.model.intent import Intent
from weft.model.security import SecurityGroup
from weft.state import HOST

_PATH = ("drops",)


def compile_recorder(draft: Draft, intent: Intent, places: Iterable[str]) -> None:
    """Put the recorder, if there is to be one. `places`: the namespaces that have filters."""
    if intent.drops.recorder:
        draft.need("nft_log", (*_PATH, "recorder"), "recorder: false: what is dropped is counted anyway (weft drops)")
    wanted = _logs(intent) if intent.drops.recorder is None else intent.drops.recorder
    found = list(dict.fromkeys(places))
    if not wanted or not found or "nft_log" not in draft.facts.features:
        return
    scope = draft.names.scope
    said = [f"slots {intent.drops.keep}", f"group {NFLOG_GROUP}", f"snaplen {SNAPLEN_BYTES}", f"file drops.{scope}"]
    recorder = Process(
        netns=HOST,
        name=f"{scope}.drops",
        mark=draft.names.mark("drops"),
        argv=(PYTHON, "-S", "-P", "-m", "weft.doors.recorder", CONFIG, READY),
        config="".join(f"{line}\n" for line in (*said, *(f"netns {netns}" for netns in found))),
        reloads=True,
        ready=True,
    )
    draft.put(recorder, _PATH)


def _logs(intent: Intent) -> bool:
    """Whether a group says that something is to be told."""
    groups = (group for tenant in intent.tenants.values() for group in tenant.security_groups.values())
    return any(_is_told(group) for group in groups)


def _is_told(group: SecurityGroup) -> bool:
    rules = (*group.ingress, *(group.egress or ()))
    return group.audit or group.log_drops is not None or any(rule.log is not None for rule in rules)
