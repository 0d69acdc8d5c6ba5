# SPDX-License-Identifier: MIT
#
# Ashlar's top makefile: one non-recursive make for the whole tree.
#
# What it holds is what every part shares: directories, compilers, flags, the
# generic compile rule, install, check and help. What a part builds stands in
# the part's own fragment (FRAGMENTS below), which appends to these variables:
#
#   ALL          files that plain `make` builds; no root, no kernel headers
#   OBJS         objects made by the generic rule, for their dependency files
#   CHECK_FAST   test executables run by `make check`, in order, seconds each;
#   CHECK_SLOW   the same for minutes; `path@600` sets a limit in seconds
#   CHECK_CROSS  programs run on AArch64 too, by qemu-user;
#   CHECK_CROSS_GUEST  those that ask more of the kernel, in a guest
#   CHECK_GUEST  test executables run inside a guest on each kernel;
#   CHECK_GUEST_OTHER  those run in a guest of another make besides
#   INSTALL_BIN INSTALL_LIB INSTALL_PC INSTALL_INCLUDE INSTALL_UAPI
#   INSTALL_MAN  files to install; INSTALL_HOOKS targets run by `install`
#   CLEAN        files and directories to remove besides $(BUILD)'s own
#
# A line `## target: text` documents a target for `make help`.

VERSION		:= 0.1.0
TOP		:= $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

PREFIX		?= /usr/local
BINDIR		?= $(PREFIX)/bin
LIBDIR		?= $(PREFIX)/lib
INCLUDEDIR	?= $(PREFIX)/include
MANDIR		?= $(PREFIX)/share/man
DESTDIR		?=

# ARCH speaks the kernel's names (x86, arm64); DEBARCH Debian's. Another
# machine's objects have a directory of their own; guests are kept together.
HOSTARCH	:= $(subst aarch64,arm64,$(subst x86_64,x86,$(shell uname -m)))
ARCH		?= $(HOSTARCH)
override ARCH	:= $(patsubst x86_64,x86,$(ARCH))
DEBARCH		:= $(patsubst x86,amd64,$(ARCH))
ifeq ($(ARCH),$(HOSTARCH))
BUILD		?= build
GUESTS		?= $(BUILD)/guest
CROSS_COMPILE	?=
else
BUILD		?= build/$(ARCH)
GUESTS		?= $(patsubst %/$(ARCH),%,$(BUILD))/guest
CROSS_COMPILE	?= $(patsubst arm64-linux-gnu-,aarch64-linux-gnu-,$(subst \
		   x86-,x86_64-,$(ARCH)-linux-gnu-))
endif
ifeq ($(origin CC),default)
CC		:= $(CROSS_COMPILE)gcc
endif
ifeq ($(origin AR),default)
AR		:= $(CROSS_COMPILE)ar
endif
ifeq ($(origin CXX),default)
CXX		:= $(CROSS_COMPILE)g++
endif
OBJCOPY		?= $(CROSS_COMPILE)objcopy
NM		?= $(CROSS_COMPILE)nm
INSTALL		?= install

CFLAGS		?= -O2 -g
WARNINGS	:= -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes \
		   -Wdeclaration-after-statement -Wvla -Wundef
ALL_CPPFLAGS	= -Iinclude -Iinclude/uapi -D_GNU_SOURCE \
		  -DASHLAR_VERSION='"$(VERSION)"' $(CPPFLAGS)
ALL_CFLAGS	= -std=gnu11 $(WARNINGS) $(CFLAGS)

ifeq ($(V),1)
Q		:=
say		= @:
else
Q		:= @
say		= @printf '  %-8s%s\n'
MAKEFLAGS	+= --no-print-directory
endif

ALL :=
OBJS :=
CHECK_FAST :=
CHECK_SLOW :=
CHECK_GUEST :=
CHECK_GUEST_OTHER :=
CHECK_CROSS :=
CHECK_CROSS_GUEST :=
INSTALL_BIN :=
INSTALL_LIB :=
INSTALL_PC :=
INSTALL_INCLUDE :=
INSTALL_UAPI :=
INSTALL_MAN :=
INSTALL_HOOKS :=
CLEAN :=

export TOP BUILD GUESTS ARCH DEBARCH CROSS_COMPILE

.PHONY: all help check install clean deps
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDEXPANSION:

## all: build library and tools (the default; no root, no kernel headers)
all: $$(ALL)

FRAGMENTS := lib/lib.mk kmod/kmod.mk tools/vm/vm.mk tools/ctl/ctl.mk \
	     tools/compare/compare.mk tools/bench/bench.mk \
	     selftests/lib/lib.mk selftests/guest/guest.mk \
	     selftests/checks/checks.mk Documentation/doc.mk
include $(wildcard $(FRAGMENTS))

# The generic rule. PART_CFLAGS is for a fragment's target-specific flags:
#   $(BUILD)/lib/%.o: PART_CFLAGS := -fPIC
$(BUILD)/%.o: %.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(PART_CFLAGS) -MMD -MP \
		-c -o $@ $<

-include $(OBJS:.o=.d)

## help: list every target
help:
	@echo 'Ashlar $(VERSION). Targets:'
	@awk '/^## [a-z0-9_-]+:/ { t = $$2; sub(/:$$/, "", t); \
		x = $$0; sub(/^## [a-z0-9_-]+: */, "", x); \
		printf "  %-16s %s\n", t, x } \
		/^##    / { x = $$0; sub(/^## +/, "", x); \
		printf "  %-16s %s\n", "", x }' $(MAKEFILE_LIST)
	@echo 'Variables: BUILD PREFIX DESTDIR ARCH CROSS_COMPILE CC CFLAGS V=1'

## deps: install what the tests and the demo need (apt, root; DEPS=0 skips)
deps:
	$(Q)tools/deps.sh all

# A registered test is `path` or `path@seconds`: the path is what to build.
test_path = $(foreach t,$(1),$(firstword $(subst @, ,$(t))))

## check: run every test; ends with `N passed, N failed, N skipped`
##    TESTS='path...' runs these only; FAST=1 leaves out the slow and guests
check:
	$(Q)tools/deps.sh check
	$(Q)$(MAKE) _check

.PHONY: _check
ifdef TESTS
_check: all $$(call test_path,$$(TESTS))
	$(Q)selftests/run $(TESTS)
else
check_slow = $(if $(FAST),,$(CHECK_SLOW) $(call guest_checks,$(KVERS)))
check_guest = $(if $(FAST),,guest-kernels $(if $(CHECK_GUEST),$(GUEST_DEPS) \
	$(call test_path,$(CHECK_GUEST) $(CHECK_GUEST_OTHER))))
_check: all $$(check_guest) $$(call test_path,$$(CHECK_FAST) $$(check_slow))
	$(Q)selftests/run $(CHECK_FAST) $(check_slow)
endif

# $(call install_to,files,directory,mode): one recipe line, or none.
define install_to
$(if $(1),$(INSTALL) -d $(DESTDIR)$(2) && \
	$(INSTALL) -m $(3) $(1) $(DESTDIR)$(2)/)

endef

## install: install library, headers and tools (DESTDIR=, PREFIX=/usr/local)
install: all $$(INSTALL_HOOKS)
	$(call install_to,$(INSTALL_BIN),$(BINDIR),755)
	$(call install_to,$(INSTALL_LIB),$(LIBDIR),644)
	$(call install_to,$(INSTALL_PC),$(LIBDIR)/pkgconfig,644)
	$(call install_to,$(INSTALL_INCLUDE),$(INCLUDEDIR)/ashlar,644)
	$(call install_to,$(INSTALL_UAPI),$(INCLUDEDIR)/linux,644)
	$(foreach s,1 3 4 5 7 8,$(call \
		install_to,$(filter %.$(s),$(INSTALL_MAN)),$(MANDIR)/man$(s),644))

## clean: remove what was built, but not the downloaded kernels
clean:
	$(Q)for f in $(BUILD)/*; do \
		[ "$$f" = $(GUESTS) ] || rm -rf "$$f"; done
	$(Q)$(if $(CLEAN),rm -rf $(CLEAN))

.PHONY: distclean
## distclean: remove everything that was built or downloaded
distclean: clean
	$(Q)rm -rf $(BUILD) $(GUESTS)
