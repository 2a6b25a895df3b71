"""What the keys of routers and of external networks mean: a part of meaning.py, by its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.files.common_meaning import ID, WAS
from weft.model import router

ROUTERS: Mapping[type[Any], tuple[str, Mapping[str, str]]] = {
    router.ExternalNetwork: (
        "external_networks: NAME",
        {
            "link": "A link of the host's, weft's or somebody else's. Its own addresses and routes stay as they are.",
            "subnets": "Its addresses: a list of prefixes of either family, or of {cidr, gateway, pools}.",
            "id": ID,
            "was": WAS,
        },
    ),
    router.ExternalSubnet: (
        "external_networks: NAME: an entry of subnets",
        {
            "cidr": "The prefix, host bits zero.",
            "gateway": "The next hop to everything else. Left out: nothing else is reached.",
            "pools": "What routers get addresses from: FIRST-LAST, or one. Left out: all of the subnet.",
        },
    ),
    router.Router: (
        "tenants: NAME: routers: NAME",
        {
            "interfaces": "What it joins: networks by name, or {network, address}, or {port: NAME}.",
            "gateway": "The external network that it leads to, or {network, addresses, snat}. Left out: none.",
            "routes": "Further routes of its own.",
            "id": ID,
            "was": WAS,
        },
    ),
    router.RouterInterface: (
        "an entry of interfaces",
        {
            "network": "A network of the same tenant.",
            "address": "Its own there: one, or a list. Left out: it is the gateway of each subnet.",
            "port": "Instead of a network: a port with `attach: router`, whose addresses are the router's.",
        },
    ),
    router.RouterGateway: (
        "gateway of a router",
        {
            "network": "An external network.",
            "addresses": "Its own there, at most one of each family. Left out: those held, else the lowest free.",
            "snat": "true: out by its own address; false: by the tenant's; else addresses and ranges to go out by.",
        },
    ),
    router.RouterRoute: (
        "an entry of a router's routes",
        {
            "to": "A prefix, an address, or default (of the family of via).",
            "via": "The next hop, on one of its networks.",
        },
    ),
}
