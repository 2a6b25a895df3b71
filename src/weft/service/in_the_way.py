"""What stands where a plan would make something, and is not its to change: why, and what would let the plan go on.

Rules: only says; nothing is taken away. Each problem is at the line that wants the place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.compiler.qos.site import QOS
from weft.errors import Problem
from weft.kinds import command
from weft.kinds.link.common import Link
from weft.kinds.link.ifb import Ifb
from weft.kinds.setting.link import LinkSetting, cannot_give_way
from weft.kinds.setting.sysctl import Sysctl
from weft.kinds.tc.qdisc import Qdisc
from weft.ownership import claim_of, ground_scope, why_not
from weft.plan.rivals import names_of
from weft.plan.rivals import told as in_common
from weft.state import HOST, Key, Mark, link_key

if TYPE_CHECKING:
    from weft.service.prepared import Prepared


def in_the_way(prepared: Prepared) -> list[Problem]:
    """Everything that keeps a plan from being carried out, by what it wants to make."""
    return [
        *(_of_foreign(prepared, key) for key in prepared.foreign),
        *(_of_rival(prepared, key, rival) for key, rival in prepared.rivals.items()),
    ]


def _of_rival(prepared: Prepared, key: Key, rival: Link) -> Problem:
    mark, where = Mark.parse(rival.alias), prepared.where(prepared.paths.get(key, ()))
    whose = f"of the scope {mark.scope}" if mark else "not weft's"
    wanted = prepared.desired[key]
    names = names_of(wanted) & names_of(rival) if isinstance(wanted, Link) and key.netns == rival.netns else ()
    if mark and names and mark.object.endswith(f"/{QOS}") and isinstance(rival, Ifb):
        carrier = mark.object.removesuffix(f"/{QOS}").rpartition("/")[2]
        what = f"what {carrier} receives is shaped already, by the scope {mark.scope} at {rival.key}"
        return Problem(where=where, what=what, fix="take one of the two policies out")
    same = f"name {min(names)}" if names else in_common(rival)
    what = f"{key} cannot be made: {rival.key} is {whose} and has the same {same}"
    return Problem(where=where, what=what, fix="another one, or remove that")


def _of_foreign(prepared: Prepared, key: Key) -> Problem:
    there, wanted, where = prepared.foreign[key], prepared.desired[key], prepared.where(prepared.paths[key])
    entry = prepared.machine.ledger.entries().get(key)
    if entry is not None and isinstance(there, (Sysctl, LinkSetting)):
        what = f"{key} is set to {entry.ours[-1]} by the scope {entry.scopes[0]}"
        return Problem(where=where, what=what, fix="say the same or leave it out")
    if isinstance(wanted, Link) and wanted.adopt and (why := why_not(there, wanted)):
        what = f"{key} cannot be adopted without being made anew: {why}"
        return Problem(where=where, what=what, fix="say it as it is, or delete it first")
    if isinstance(there, LinkSetting):
        what = f"the root qdisc of {there.ifname} cannot give way: {cannot_give_way(there)} would not come back"
        return Problem(where=where, what=what, fix="remove it yourself, and keep what made it")
    if isinstance(there, Qdisc):
        return _of_root(prepared, there, where)
    fix = "rename yours or remove it"
    if key.table == "netns":
        fix = f"{fix}: {command.ip(HOST, 'netns', 'del', key.name)}"
    if type(there) is type(wanted) and isinstance(there, Link) and isinstance(wanted, Link) and not there.alias:
        mend = command.ip(key.netns, "link", "set", "dev", key.name, "alias", wanted.alias or "")
        fix = f"{fix}; if weft made it and somebody took its mark: {mend}"
    return Problem(where=where, what=f"{key} is there already and is not weft's", fix=fix)


def _of_root(prepared: Prepared, root: Qdisc, where: str) -> Problem:
    entries = prepared.machine.ledger.entries()
    entry, link = entries.get(root.key), root.lives_on[0]
    scope = entry.scopes[0] if entry is not None and claim_of(root) in entry.ours else None
    if scope is None and link not in entries:
        scope = ground_scope(root, prepared.observed, prepared.machine.host_id)
    what = f"{root.ifname} has a root qdisc already, {claim_of(root)}, and it is"
    if scope is not None:
        return Problem(where=where, what=f"{what} the scope {scope}'s", fix="take one of the two policies out")
    if former := _former_name(prepared, root):
        fix = f"{command.tc(root.netns, 'qdisc', 'del', 'dev', root.ifname, 'root')}, or call the link {former} again"
        return Problem(where=where, what=f"{what} what weft made when the link was called {former}", fix=fix)
    fix = "with `replace: true` it gives way and comes back; or remove it"
    return Problem(where=where, what=f"{what} not weft's", fix=fix)


def _former_name(prepared: Prepared, root: Qdisc) -> str:
    """What the link of a root that is in the ledger under another name was called, "" where it is in none."""
    for key, entry in prepared.machine.ledger.entries().items():
        ifname = key.name.partition(" ")[0]
        is_alike = key.table == root.key.table and key.netns == root.netns and claim_of(root) in entry.ours
        if is_alike and link_key(key.netns, ifname) not in prepared.observed:
            return ifname
    return ""
