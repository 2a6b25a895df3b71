"""Netlink bytes to messages and back: framing, tables of attributes, and the messages of each family.

Rules: pure, and knows nothing of weft: numbers, names and layouts are the kernel's. Only the attributes named in a
table are decoded, all others are stepped over. Byte order is the host's unless the kernel says otherwise.
"""
