"""Measures what classes of traffic get: real traffic for each, and what the kernel's classes counted of it.

Rules: iperf3 sends, where the ports are; what counts is the class's own count of frames. A class that nothing can be
sent for is not measurable, and says why.
"""
