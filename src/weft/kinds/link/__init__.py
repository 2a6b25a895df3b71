"""Links, a module for each kind; and what bridges keep of their ports: options, VLANs, forwarding entries.

Rules: common.py has what every link has, reading.py and writing.py how any is read and made. A kind with a table of
options stands on fields.py, a tunnel on tunnel.py.
"""
