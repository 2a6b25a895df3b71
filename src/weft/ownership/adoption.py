"""Links and namespaces that were there before, and become a scope's own because its file says `adopt: true`.

Rules: one that is adopted is ours from the first look on, and so is all that is said of what stands on it; what else
stands there stays whose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from weft.diff import fixed_fields
from weft.kinds import KINDS
from weft.kinds.link import bridge_port, bridge_vlan
from weft.kinds.link.common import Link, OtherLink
from weft.kinds.netns import Namespace
from weft.kinds.setting.belongings import ADDRESSES
from weft.kinds.setting.link import LinkSetting
from weft.kinds.setting.port import PORT, parsed
from weft.ownership.proofs import Claims
from weft.state import KernelObject, Key, Mark, State, link_key


def why_not(link: KernelObject, wanted: KernelObject) -> str:
    """Why a link cannot be what is wanted without being made anew, "" where it can."""
    if type(link) is not type(wanted):
        return f"it is of another kind: {_kind_word(link)}, not {_kind_word(wanted)}"
    fixed = [name for name in fixed_fields(link, wanted) if name not in ("peer_netns", "peer_ifname")]
    said = (f"{name} is {_said(getattr(link, name))}, not {_said(getattr(wanted, name))}" for name in fixed)
    return ", ".join(said) or ("its other end is another one" if fixed_fields(link, wanted) else "")


def to_take_over(obj: KernelObject, wanted: Link | Namespace) -> Link | Namespace | None:
    """The unmarked link or namespace that becomes `wanted`, which is to be adopted; None where it cannot be."""
    if isinstance(obj, Namespace) and isinstance(wanted, Namespace):
        is_free = not obj.newborn and not Mark.parse(obj.alias)
        return replace(obj, adopt=True) if is_free else None
    if not isinstance(obj, Link) or not isinstance(wanted, Link):
        return None
    if obj.newborn or Mark.parse(obj.alias) or why_not(obj, wanted):
        return None
    return replace(obj, adopt=True)


def must_be_made_anew(obj: KernelObject, wanted: KernelObject, claims: Claims) -> bool:
    """Whether it was adopted, and would have to be made anew."""
    is_adopted = isinstance(wanted, Link) and wanted.adopt and claims.ledger.get(wanted.key) == claims.scope
    return is_adopted and bool(why_not(obj, wanted))


def as_marked(observed: State, taken_over: Mapping[Key, Link | Namespace], wanted: State, claims: Claims) -> State:
    """What was observed, with a mark on what is taken over: what stands there is sorted by it, and a bridge with a mark
    is nobody else's that a port could be taken out of."""
    if not taken_over:
        return observed
    mark = str(Mark(claims.host_id, claims.scope, "adopted"))
    marked = {key: replace(link, alias=mark) for key, link in taken_over.items()}
    settings = (obj for obj in observed.values() if isinstance(obj, LinkSetting) and obj.attribute == PORT)
    stay = {obj.key: replace(obj, value="") for obj in settings if _stays(obj, taken_over, wanted)}
    return State({**observed, **marked, **stay})


def links_bared(wanted: State) -> frozenset[Key]:
    """The links of which all addresses and routes are to be taken."""
    settings = (obj for obj in wanted.values() if isinstance(obj, LinkSetting) and obj.attribute == ADDRESSES)
    return frozenset(link_key(obj.netns, obj.ifname) for obj in settings if not obj.value)


def _stays(setting: LinkSetting, taken_over: Mapping[Key, Link | Namespace], wanted: State) -> bool:
    """Whether a port stays in a bridge that is taken over, with all that this keeps of it."""
    tables = (bridge_port.TABLE, bridge_vlan.TABLE)
    is_said = any(Key(table, setting.netns, setting.ifname) in wanted for table in tables)
    return not is_said and link_key(setting.netns, parsed(setting.value).master) in taken_over


def _said(value: object) -> object:
    return "none" if value is None else {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _kind_word(link: KernelObject) -> str:
    return link.link_kind or "hardware" if isinstance(link, OtherLink) else KINDS.of(link).name
