"""The topology of one scope as it is on the machine (`view`), and how it is drawn: a module for each form.

Rules: pure; every form shows the same `Topology` and asks nothing of anybody.
"""
