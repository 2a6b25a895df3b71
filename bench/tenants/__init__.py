"""What tenants cost: `make bench-tenants`, weft beside iptables, Docker, nft and OVN in one run."""
