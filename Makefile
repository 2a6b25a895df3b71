# weft: what a person or a machine types. `make demo` and `make test` each do all of their set-up.

PYTHON   ?= /usr/bin/python3
BIN      := .venv/bin
READY    := .venv/ready
# What weft itself uses (iproute2 is only ever a witness), then the outside witnesses of tests, demo and bench.
PACKAGES := python3-venv libnftables1 \
            iproute2 nftables iptables iputils-ping iperf3 tcpdump conntrack ethtool procps udev systemd netplan.io graphviz \
            radvd
FIREWALLS := ufw firewalld
BENCH_PACKAGES := mininet bridge-utils containernetworking-plugins docker.io busybox-static ovn-central
KERNEL_PACKAGES := linux-source-6.1 build-essential flex bison bc xz-utils

.PHONY: help setup packages demo test check lint bench bench-qos bench-tenants bench-packages guest-kernel lock clean
.DEFAULT_GOAL := help

help:
	@echo 'make setup   Debian packages and .venv      make check   lint, types, import order, house and docs rules'
	@echo 'make demo    the road in ten seconds        make test    check, then every test (root)'
	@echo 'make bench   speed against the reference    make lock    renew requirements.lock'
	@echo 'make bench-qos   rates, guarantees and delay under load, beside how others do it'
	@echo 'make bench-tenants   what groups, members and routers cost, beside iptables, Docker, nft and OVN'
	@echo 'make install   PREFIX=/usr/local DESTDIR=   make uninstall'
	@echo 'make guest-kernel    a kernel with all of networking, on which `make test` runs too'

setup: packages $(READY)

# Installs only what is missing; costs one dpkg-query when nothing is.
install-missing = @missing=$$(for p in $(1); do \
	  dpkg-query -W -f='$${db:Status-Status}\n' $$p 2>/dev/null | grep -qx installed || echo $$p; done); \
	  if [ -n "$$missing" ]; then export DEBIAN_FRONTEND=noninteractive; \
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; fi

packages:
	$(call install-missing,$(PACKAGES))

$(READY): requirements.lock pyproject.toml | packages
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	$(BIN)/python -m compileall -q src
	@touch $@

# For the tests beside them (tests/kernel/firewalls.py): unpacked, not installed, or they would become this machine's own.
APART := .venv/apart

$(APART)/ready: Makefile | packages
	rm -rf $(APART) && mkdir -p $(APART)/debs/partial $(APART)/root
	apt-get update -qq && apt-get install -y -qq --no-install-recommends --download-only \
	  -o APT::Sandbox::User=root -o Dir::Cache::archives=$(CURDIR)/$(APART)/debs/ $(FIREWALLS) || \
	  echo 'apt does not give them: what is tried beside $(FIREWALLS) is left out' >&2
	for deb in $(APART)/debs/*.deb; do [ ! -e "$$deb" ] || dpkg-deb -x "$$deb" $(APART)/root; done
	[ ! -d $(APART)/root/lib ] || cp -a $(APART)/root/lib $(APART)/root/usr/
	@if [ -x $(APART)/root/usr/sbin/ufw ] || command -v ufw >/dev/null; then touch $@; fi

demo: setup
	$(BIN)/python -m demo

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	$(BIN)/pytest tests/pure/test_house.py tests/pure/test_docs.py

test: lint $(APART)/ready
	$(BIN)/python -m tests

bench-packages:
	$(call install-missing,$(BENCH_PACKAGES))

bench: setup bench-packages
	$(BIN)/python -m bench

bench-qos: setup bench-packages
	$(BIN)/python -m bench.qos

bench-tenants: setup bench-packages
	$(BIN)/python -m bench.tenants

# Beside this machine's own kernel the tests run on what is found of guest kernels; this builds one (docs/testing.md).
guest-kernel: setup
	$(call install-missing,$(KERNEL_PACKAGES))
	$(BIN)/python -m tests.guest.build

# Needs pip-tools. No index and no host is written into the lock, so it serves any mirror.
lock:
	pip-compile -q --allow-unsafe --generate-hashes --strip-extras --no-header --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --extra dev --extra bench -o requirements.lock pyproject.toml

	pip-compile -q --allow-unsafe --generate-hashes --strip-extras --no-header --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links -c requirements.lock -o requirements-runtime.lock pyproject.toml

include install.mk

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis bench/out
