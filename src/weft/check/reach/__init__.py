"""Measures which ports reach which: real packets from every port to every other, matched by numbers of their own.

Rules: only sockets of the checker's own are used, and closed; a port needs no service that listens. Nothing is started
for a pair. What a firewall may remember of one direction never lets the other pass: who asks and who answers have
different sockets.
"""

from weft.check.reach.asking import Measured, measure
from weft.check.reach.probes import Outcome, Protocol

__all__ = ["Measured", "Outcome", "Protocol", "measure"]
