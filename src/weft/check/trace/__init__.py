"""Sends what a trace is of, and watches at each hop whether it comes by: `weft trace --live`."""

from weft.check.trace.live import Live, follow

__all__ = ["Live", "follow"]
