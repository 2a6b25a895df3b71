"""Which ports a packet gets to by what a State says: the model of forwarding that `check` compares with the machine.

Rules: pure. Nothing here is told by an intent's words (network, router, uplink): links, addresses, routes, rules and
translations are followed as the kernel follows them, so that whatever the compiler learns to make is understood here
once its kinds are. What a State does not say (somebody else's routes, a guest's) is UNKNOWN, never guessed.
"""

from weft.reach.crossing import Talk
from weft.reach.endpoints import FAMILIES, Endpoint, endpoints, floating, forwardings, host
from weft.reach.expectation import ASKED, Expectation, Reach, expect
from weft.reach.outside import network_around, outsider, routers
from weft.reach.walk import World
from weft.reach.way import Verdict, Walk

__all__ = [
    "ASKED",
    "FAMILIES",
    "Endpoint",
    "Expectation",
    "Reach",
    "Talk",
    "Verdict",
    "Walk",
    "World",
    "endpoints",
    "expect",
    "floating",
    "forwardings",
    "host",
    "network_around",
    "outsider",
    "routers",
]
