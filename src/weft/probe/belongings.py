"""Addresses and routes of the host's links that give them to a network, as they are or were before weft took them.

Rules: what is derived of the host's addresses does not follow from weft's having moved them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from weft.backends.former import Entry
from weft.facts import Belongings
from weft.kinds.link.common import Link
from weft.kinds.setting.belongings import ADDRESSES, Held, beside, objects, readable
from weft.kinds.setting.link import LinkSetting
from weft.model.intent import Intent
from weft.state import HOST, Key, State, link_key


def found(
    held: Callable[[Key], Held], entries: Mapping[Key, Entry], scope: str, intent: Intent, observed: State
) -> dict[str, Belongings]:
    """Of each link that a segment takes addresses of."""
    told = {}
    for ifname in dict.fromkeys(_taken(intent)):
        link, former = observed.get(link_key(HOST, ifname)), _former(entries.get(_key(ifname)), scope)
        if not isinstance(link, Link):
            told.update({ifname: Belongings(value=former)} if former else {})
            continue
        now = held(link.key)
        told[ifname] = Belongings(
            value=now.value if former is None else former,
            bars=now.bars,
            since="" if former is None else readable(beside(now.value, former)),
            mac=link.mac or "",
        )
    return told


def as_before(observed: State, entries: Mapping[Key, Entry], scope: str) -> State:
    """What was observed, with all that weft took on the links that it was taken from."""
    back = State()
    for key, entry in entries.items():
        ifname = key.name.split(" ", 1)[0]
        value = _former(entry, scope) if key == _key(ifname) else None
        back.update(State.of(objects(value, HOST, ifname)) if value else {})
    return State(observed | back) if back else observed


def _former(entry: Entry | None, scope: str) -> str | None:
    return entry.former if entry and scope in entry.scopes else None


def _key(ifname: str) -> Key:
    return LinkSetting(netns=HOST, ifname=ifname, attribute=ADDRESSES, value="").key


def _taken(intent: Intent) -> Iterator[str]:
    for tenant in intent.tenants.values():
        for network in tenant.networks.values():
            if network.segment and network.segment.link and network.segment.take_addresses:
                yield network.segment.link
