"""What commands show, as plain data, and the forms that the topology is drawn in.

Rules: pure. `view` is the topology of one scope as it is on the machine; `tree`, `svg`, `dot` and `mermaid` each draw
all of it. `filters` and `queues` are what rules and queues have counted, `reasons` why quality of service is as it is.
"""
