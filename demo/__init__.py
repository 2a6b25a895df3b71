"""The road in twenty seconds, on the real kernel: `make demo`.

Rules: everything happens in namespaces of its own (tests/world.py): one plays the host, one the internet behind its
uplink. Every claim is tested from outside weft, by ping, `ip -j`, `nft -j` and sysctl; one that fails makes the exit
code 1.
"""
