"""The kernel's doors for networks: netlink connections, namespaces, taps, events.

Rules: the only package (with what `backends` needs beyond it) that opens sockets and changes namespaces. What changes
the kernel passes through `doors`, one function a system call.
"""
