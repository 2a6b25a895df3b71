# `make install` and `make uninstall`: weft and what keeps others off its links, under PREFIX (and /etc for
# NetworkManager, which looks nowhere else). DESTDIR stands before every path, for packages.
#
# weft and the libraries that it needs go into one directory of their own, with a launcher that names it: nothing of the
# system's Python is touched, and nothing there can break it, but for another minor version of Python: install again.

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
LIBDIR     := $(PREFIX)/lib/weft
COMPLETION := $(PREFIX)/share/bash-completion/completions/weft \
              $(PREFIX)/share/zsh/site-functions/_weft \
              $(PREFIX)/share/fish/vendor_completions.d/weft.fish
NETWORK    := $(PREFIX)/lib/systemd/network
INSTALLED  := $(PREFIX)/bin/weft $(COMPLETION) \
              $(PREFIX)/lib/systemd/system/weft.service \
              $(NETWORK)/70-weft.link $(NETWORK)/00-weft.network $(NETWORK)/00-weft-names.network \
              $(PREFIX)/lib/systemd/networkd.conf.d/00-weft.conf \
              $(PREFIX)/lib/udev/rules.d/82-weft.rules \
              $(SYSCONFDIR)/NetworkManager/conf.d/00-weft.conf

.PHONY: install uninstall

# $(call put,FILE OF share/,WHERE[,MODE]): the paths that only the installer knows are filled in.
put = mkdir -p '$(dir $(DESTDIR)$(2))' && sed -e 's|@PYTHON@|$(PYTHON)|; s|@LIBDIR@|$(LIBDIR)|; s|@BINDIR@|$(PREFIX)/bin|' \
        share/$(1) > '$(DESTDIR)$(2)' && chmod $(or $(3),644) '$(DESTDIR)$(2)'

install: $(READY)
	rm -rf '$(DESTDIR)$(LIBDIR)'
	$(BIN)/pip install -q --disable-pip-version-check --no-compile --require-hashes --no-deps \
	  --target '$(DESTDIR)$(LIBDIR)' -r requirements-runtime.lock
	rm -rf '$(DESTDIR)$(LIBDIR)/bin'
	cp -R src/weft '$(DESTDIR)$(LIBDIR)/weft'
	find '$(DESTDIR)$(LIBDIR)' -name __pycache__ -prune -exec rm -rf {} +
	$(PYTHON) -m compileall -q -s '$(DESTDIR)' '$(DESTDIR)$(LIBDIR)'
	$(call put,weft.in,$(PREFIX)/bin/weft,755)
	$(call put,systemd/weft.service,$(PREFIX)/lib/systemd/system/weft.service)
	$(call put,udev/82-weft.rules,$(PREFIX)/lib/udev/rules.d/82-weft.rules)
	$(call put,networkd/70-weft.link,$(NETWORK)/70-weft.link)
	$(call put,networkd/00-weft.network,$(NETWORK)/00-weft.network)
	$(call put,networkd/00-weft-names.network,$(NETWORK)/00-weft-names.network)
	$(call put,networkd/00-weft.conf,$(PREFIX)/lib/systemd/networkd.conf.d/00-weft.conf)
	$(call put,NetworkManager/00-weft.conf,$(SYSCONFDIR)/NetworkManager/conf.d/00-weft.conf)
	@mkdir -p $(foreach file,$(COMPLETION),'$(dir $(DESTDIR)$(file))')
	$(BIN)/weft completion bash > '$(DESTDIR)$(word 1,$(COMPLETION))'
	$(BIN)/weft completion zsh > '$(DESTDIR)$(word 2,$(COMPLETION))'
	$(BIN)/weft completion fish > '$(DESTDIR)$(word 3,$(COMPLETION))'
	@echo 'Installed. At boot: systemctl enable weft. Now, for what runs already: udevadm control --reload,'
	@echo 'networkctl reload, nmcli general reload.'

# What is applied stays as it is: `weft list` and `weft destroy` come before this.
uninstall:
	rm -rf '$(DESTDIR)$(LIBDIR)'
	rm -f $(foreach file,$(INSTALLED),'$(DESTDIR)$(file)')
