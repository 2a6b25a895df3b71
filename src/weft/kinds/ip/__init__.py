"""Addresses, routes, rules and neighbours, and what of these the kernel makes by itself."""
