"""Which links that external networks lie behind take only what the host would send back by them.

Rules: as it is without the scope, so that what is derived does not follow the scope's own. Source: ip-sysctl.rst
rp_filter.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.backends.former import Entry
from weft.backends.settings import read_setting
from weft.kinds.setting.sysctl import RP_FILTER, Sysctl
from weft.model.intent import Intent
from weft.state import HOST, Key

STRICT = 1


def strict_links(intent: Intent, entries: Mapping[Key, Entry], scope: str) -> frozenset[str]:
    """Those among the links of the intent's external networks."""
    links = {network.link for network in intent.external_networks.values()}
    return frozenset(link for link in links if _is_strict(link, entries, scope))


def _is_strict(link: str, entries: Mapping[Key, Entry], scope: str) -> bool:
    """The higher of `all` and the link's own counts."""
    return max(_value(name, entries, scope) for name in ("all", link)) == STRICT


def _value(name: str, entries: Mapping[Key, Entry], scope: str) -> int:
    setting = RP_FILTER.format(name)
    entry = entries.get(Sysctl(netns=HOST, name=setting, value="").key)
    text = entry.former if entry and scope in entry.scopes else read_setting(setting)
    return int(text) if text and text.isdigit() else 0
