"""The table of links outside any tenant: what `kind` may say, and the record that each word chooses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from weft.model import links, stacked
from weft.model import words as w

HOST_LINKS: Mapping[str, type[links.HostLink]] = MappingProxyType(
    {
        cls.kind: cls
        for cls in (
            links.BridgeLink,
            links.DummyLink,
            links.VethLink,
            links.VlanLink,
            links.VxlanLink,
            links.GeneveLink,
            links.GreLink,
            links.GreTapLink,
            links.Ip6GreLink,
            links.Ip6GreTapLink,
            links.IpipLink,
            links.SitLink,
            links.Ip6TnlLink,
            stacked.BondLink,
            stacked.VrfLink,
            stacked.MacvlanLink,
            stacked.MacvtapLink,
            stacked.IpvlanLink,
            stacked.MacsecLink,
            stacked.IfbLink,
            stacked.TapLink,
            stacked.TunLink,
        )
    }
)
"""What `kind` may say."""

AnyLink = Annotated[links.HostLink, w.Chosen(by="kind", of=HOST_LINKS)]
"""Links outside any tenant: what `host: links:` and `namespaces: NAME: links:` say."""
