"""Sends the packet that a trace is about, and watches for it at each hop: `weft trace --live`."""

from weft.check.trace.live import Live, follow

__all__ = ["Live", "follow"]
