# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel module. Kbuild does the work, in a directory of links to the
# sources, so that one tree is built for several kernels and both builds.
#
#	build/kmod/RELEASE/ashlar.ko		the module
#	build/kmod/RELEASE-test/ashlar.ko	with fail points, for the tests
#
# KVER=6.1, 6.12 or debug takes the guests' kernels; KDIR=path any header tree;
# KVER=host the running kernel's.

KMOD_SRCS	:= $(wildcard kmod/*.c kmod/*.h) kmod/Kbuild \
		   include/uapi/linux/ashlar.h
KMOD_FLAGS	?=

# $(call kmod_dir,kver): its header tree
kmod_dir	= $(or $(KDIR),$(if $(filter host,$(1)),\
			/lib/modules/$(shell uname -r)/build,\
			$(call kernel_headers,$(1))))

# $(call kmod_build,kver,suffix,make variables): one build. For another module
# than ashlar.ko: $(call kmod_build,kver,-name,,name,sources, their Kbuild last)
define kmod_build
	$(Q)set -e; kdir="$(strip $(call kmod_dir,$(1)))"; \
	[ -f "$$kdir/Makefile" ] || { \
		echo "kmod: no kernel headers at $$kdir: run make" \
			"guest-kernels, or give KDIR=path" >&2; exit 1; }; \
	release=$$(sed -n 's/.*KERNELRELEASE *= *//p' \
		"$$kdir/.kernelvariables" 2>/dev/null || true); \
	release=$${release:-$$(cat "$$kdir/include/config/kernel.release")}; \
	dir=$(abspath $(BUILD))/kmod/$$release$(2); \
	mkdir -p "$$dir/obj"; \
	exec 9>"$$dir/lock"; flock 9; \
	cp -pu --parents $(or $(5),$(KMOD_SRCS)) "$$dir/obj/"; \
	src="$$dir/obj/$(or $(patsubst %/,%,$(dir $(lastword $(5)))),kmod)"; \
	$(MAKE) -C "$$kdir" M="$$src" ASHLAR_VERSION=$(VERSION) \
		$(if $(filter arm64,$(ARCH)),ARCH=arm64 \
			CROSS_COMPILE=$(CROSS_COMPILE)) \
		$(3) $(KMOD_FLAGS) modules >"$$dir/log" 2>&1 || \
		{ cat "$$dir/log" >&2; exit 1; }; \
	cp -pu "$$src/$(or $(4),ashlar).ko" "$$dir/"; \
	echo "  KMOD    $(BUILD)/kmod/$$release$(2)/$(or $(4),ashlar).ko"
endef

.PHONY: kmod kmod-% kmod-lint
## kmod: build the kernel module and its test build for KVER=6.12, or KDIR=path
kmod: $$(if $$(KDIR),,kmod-kernel-$$(KVER))
	$(call kmod_build,$(KVER),,)
	$(call kmod_build,$(KVER),-test,ASHLAR_TEST=y)

.PHONY: kmod-kernel-%
kmod-kernel-6.%:
	$(Q)tools/vm/fetch $(DEBARCH) 6.$*
kmod-kernel-debug: debug-kernel
kmod-kernel-host:

kmod-%: kmod-kernel-%
	$(call kmod_build,$*,,)
	$(call kmod_build,$*,-test,ASHLAR_TEST=y)

# Kernel version tests are compat.h's purpose; locks are documented in the
# kernel-doc of their struct; the counters' table is an X macro; the test build
# leaves out VMA operations by turns. Trace headers have a style of their own.
KMOD_CHECKPATCH_IGNORE := FILE_PATH_CHANGES,LINUX_VERSION_CODE,$\
	CONSTANT_COMPARISON,UNCOMMENTED_DEFINITION,COMPLEX_MACRO,$\
	MACRO_ARG_REUSE,TRAILING_SEMICOLON,CONST_STRUCT
KMOD_CHECKPATCH ?= $(GUESTS)/debug/source/scripts/checkpatch.pl

## kmod-lint: sparse, W=1 and checkpatch --strict over the module
kmod-lint: kmod-kernel-$$(KVER)
	$(Q)command -v sparse >/dev/null || { \
		echo "kmod-lint: no sparse: apt-get install sparse" >&2; exit 1; }
	$(Q)[ -f $(KMOD_CHECKPATCH) ] || { \
		echo "kmod-lint: no $(KMOD_CHECKPATCH): run make debug-kernel," \
			"or give KMOD_CHECKPATCH=path" >&2; exit 1; }
	$(Q)rm -rf $(BUILD)/kmod/*-lint
	$(call kmod_build,$(KVER),-lint,W=1 C=1 CHECK=sparse)
	$(Q)! grep -E 'warning|error' $(BUILD)/kmod/*-lint/log
	$(Q)perl $(KMOD_CHECKPATCH) --no-tree --strict --terse --show-types \
		--ignore $(KMOD_CHECKPATCH_IGNORE) \
		--file $(filter-out kmod/trace.h kmod/Kbuild,$(KMOD_SRCS))

# The device's group: the module leaves that to udev.
INSTALL_HOOKS += _install-udev-rules
.PHONY: _install-udev-rules
_install-udev-rules:
	$(INSTALL) -D -m 644 kmod/60-ashlar.rules \
		$(DESTDIR)$(PREFIX)/lib/udev/rules.d/60-ashlar.rules

VM_DEPS += $(if $(filter 0,$(MODULE)),,kmod-$(KVER))
GUEST_DEPS += $(KVERS:%=kmod-%)

INSTALL_UAPI += include/uapi/linux/ashlar.h
