"""Speed, measured on whole processes: weft beside a script written by hand from the same topology, and its peers.

Rules: nothing is timed before the results of weft and of the reference are equal, as iproute2 and nft tell them;
every run happens in a fresh world (tests/world.py); figures are medians, ratios come from one invocation.
"""
