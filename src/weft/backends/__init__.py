"""The kernel's interfaces, each with one owner, which reads what is there and commits what shall change.

Rules: base.py has the contract, and fake.py keeps it in memory. `rtnl*` is rtnetlink, from namespaces to queues; `nft*`
and libnftables.py are nftables; settings.py is sysctls, link_settings.py attributes of links, both with former values
(former.py); `process*` is programs, which units.py or supervised.py keeps running. All others only read, or do one
thing for a check or after a transaction.
"""
