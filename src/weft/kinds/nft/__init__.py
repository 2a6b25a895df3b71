"""nftables: tables, chains, sets and their elements, and weft's one rule in somebody else's chain.

Rules: every text is as nft prints it, so that what is read compares equal.
"""
