"""Others' firewalls: nftables' tables that are not weft's, and iptables of the old kind, as rules that a packet meets.

Rules: pure. What is read is what their own tools print. A condition that is not understood may hold or not: then both
are followed, and only what comes of either is said for sure. Source: nft(8), iptables-save(8), iptables-extensions(8).
"""

from weft.reach.foreign.judging import Decision, Judgement, Outcome, decide
from weft.reach.foreign.packet import Packet
from weft.reach.foreign.rules import Chain, Rule, Term

__all__ = ["Chain", "Decision", "Judgement", "Outcome", "Packet", "Rule", "Term", "decide"]
