"""Routers: namespaces that join networks, and lead out of them; those that tenants declare, and those that `uplink:` is
short for.

Rules: all of them are made alike (namespace.py), and known to the rest of the compiler by their RouterPlace. What
differs is where their legs come from (uplink.py, declared.py) and how they lead out: by the host's own way out
(uplink.py), or by an external network (external.py, gateway.py).
"""
