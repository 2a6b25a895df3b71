"""What a plan takes from somebody else and no way back returns: told before anybody agrees.

Rules: pure. The kernel deletes what stands upon a link along with it, and a bridge forgets what it kept of a port that
leaves. Seen is only what is in the namespaces that were read. Source: net/core/dev.c (NETDEV_UNREGISTER),
net/bridge/br_if.c del_nbp.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from weft.errors import Problem
from weft.kinds.ip.address import Address
from weft.kinds.link.bridge import Bridge
from weft.kinds.link.common import ChildLink, Link
from weft.kinds.setting.link import BOND, MASTER, LinkSetting
from weft.kinds.setting.port import PORT
from weft.kinds.setting.sysctl import FORWARDING, Sysctl
from weft.plan import Plan
from weft.probe.links import default_routes, egress
from weft.state import HOST, Key, Mark, Op, State, link_key

_MOVE = "nothing, if it may go; else move it first"


def losses(todo: Plan, observed: State, ours: State, places: Mapping[Key, str]) -> Iterator[Problem]:
    """A warning for each. `places`: file:line:column of what the intent wants."""
    for key, below in _falling(todo, observed, ours).items():
        what = f"is not weft's, but stands upon {below}: the kernel deletes it along, and nobody makes it again"
        yield Problem(where=str(key), what=what, fix=_MOVE, severity="warning")
    for port, master in _orphaned(todo, observed, ours):
        what = f"is {_whose(port)}, and a port of {master}, which goes: it is cut off from all that is there"
        yield Problem(where=str(port.key), what=what, fix=_MOVE, severity="warning")
    for setting, bridge in _leaving(todo, observed, ours):
        ifname = setting.ifname
        what = f"{ifname} leaves {bridge}, which forgets what it keeps of the port: settings, VLANs, entries"
        fix = f"nothing, if that is well; else note it, for it does not come back with {ifname}: bridge -d link"
        yield Problem(where=places.get(setting.key, ""), what=what, fix=fix, severity="warning")


def _falling(todo: Plan, observed: State, ours: State) -> dict[Key, Key]:
    """Somebody else's links that fall, each with what it stands upon."""
    gone = {key for key, change in todo.changes.items() if change.op in (Op.DELETE, Op.REPLACE)}
    if not gone:
        return {}
    upon = {key: link.parent for key, link in observed.items() if isinstance(link, ChildLink) and key not in ours}
    found: dict[Key, Key] = {}
    while falling := {key: below for key, below in upon.items() if below in gone and key not in found}:
        found |= falling
        gone |= falling.keys()
    return found


def _orphaned(todo: Plan, observed: State, ours: State) -> Iterator[tuple[Link, str]]:
    """Links of others that are ports of what goes, or is made anew, each with its name."""
    gone = {key for key, change in todo.changes.items() if change.op in (Op.DELETE, Op.REPLACE)}
    for key, link in observed.items():
        if not isinstance(link, Link) or not link.master or key in ours:
            continue
        is_set = any(Key("link-setting", link.netns, f"{link.ifname} {how}") in ours for how in (MASTER, BOND))
        if link_key(link.netns, link.master) in gone and not is_set:
            yield link, link.master


def _whose(link: Link) -> str:
    mark = Mark.parse(link.alias)
    return f"of the scope {mark.scope} ({mark.object.replace('/', '.')})" if mark else "not weft's"


def no_longer_forwarding(shown: Plan, observed: State, ours: State) -> Iterator[Problem]:
    """A warning where the host stops forwarding, and others have bridges: who came after weft found it forwarding.
    `shown`: the plan with the values that come back."""
    for family, name in FORWARDING.items():
        change = shown.changes.get(Key("sysctl", HOST, name))
        after = change.after if change is not None else None
        if isinstance(after, Sysctl) and after.value == "0" and (bridges := _bridges(observed, ours, family)):
            what = f"{name} becomes 0 again: nothing is forwarded any more for {' and '.join(bridges)}, not weft's"
            fix = f"nothing, if nobody needs it; else afterwards: sysctl -w {name.replace('/', '.')}=1"
            yield Problem(where=str(after.key), what=what, fix=fix, severity="warning")


def _bridges(observed: State, ours: State, family: int) -> list[str]:
    """Somebody else's on the host, with addresses of a family that the host does not go out by."""
    held = [obj for obj in observed.values() if isinstance(obj, Address) and obj.netns == HOST]
    numbered = {obj.ifname for obj in held if (":" in obj.cidr) == (family == 6) and not obj.cidr.startswith("fe80:")}
    shared = numbered - set(egress(default_routes(observed)))
    bridges = (obj for key, obj in observed.items() if isinstance(obj, Bridge) and key not in ours)
    return sorted(bridge.ifname for bridge in bridges if bridge.netns == HOST and bridge.ifname in shared)


def _leaving(todo: Plan, observed: State, ours: State) -> Iterator[tuple[LinkSetting, str]]:
    """The links that are ports of somebody else's bridge and will be no more, each with its bridge."""
    for change in todo.changes.values():
        setting = change.before
        if change.op is not Op.UPDATE or not isinstance(setting, LinkSetting) or change.after is None:
            continue
        if Key("link-setting", setting.netns, f"{setting.ifname} {PORT}") in todo.changes:
            continue  # it is noted, and comes back
        for left in set(setting.lives_on) - set(change.after.lives_on):
            if left not in ours and isinstance(bridge := observed.get(left), Bridge):
                yield setting, bridge.ifname
