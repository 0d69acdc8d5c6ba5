# SPDX-License-Identifier: MIT
#
# Guests: kernels under $(GUESTS), commands run in them by tools/vm/run.
# Other fragments build modules against the headers found here; nothing here
# knows what the module or the tests are.

KVER		?= 6.12
KVERS		?= 6.1 6.12
GUEST		:= $(GUESTS)/$(DEBARCH)

# The release string of a kernel series, once it is unpacked:
#	$(call kernel_release,6.12)	-> 6.12.117+deb12-amd64
#	$(call kernel_headers,6.12)	-> where modules are built against
kernel_release	= $(shell cat $(if $(filter debug,$(1)),\
			$(DEBUG_KERNEL),$(GUEST)/$(1).release) 2>/dev/null)
kernel_headers	= $(abspath $(if $(filter debug,$(1)),$(GUESTS)/debug/out,\
			$(GUEST)/usr/src/linux-headers-$(call kernel_release,$(1))))
DEBUG_KERNEL	:= $(GUESTS)/debug/release

$(GUESTS)/%.release: | tools/vm/fetch
	$(Q)tools/vm/fetch $(*D) $(*F)

.PHONY: guest-kernels vm
## guest-kernels: download the guests' kernels and headers into build/guest
guest-kernels: $(foreach v,$(KVERS),$(GUEST)/$(v).release)

# Text given on the command line goes to the guest as it is, `$` and all.
VM_SETTINGS := CMD MODULE MODARGS MEM SMP NODES ICOUNT KARGS VMTIMEOUT LEAK \
	       SCRATCH HOTMEM MODULES ALLOW CONSOLE
$(foreach v,$(VM_SETTINGS),$(if $(filter command environment,$(origin $(v))),\
	$(eval override $(v) := $$(value $(v)))$(eval export $(v))))

## vm: run CMD='...' in a guest (KVER=6.12|6.1|debug, ICOUNT=1, MEM=MiB, SMP=,
##    NODES=, KARGS=, MODULE=0|path, MODARGS=, LEAK=MiB, VMTIMEOUT=s)
vm: all $$(VM_DEPS)
	$(Q)tools/deps.sh $(if $(filter arm64,$(DEBARCH)),vm-arm64,vm)
	$(Q)$(if $(filter debug,$(KVER)),,tools/vm/fetch $(DEBARCH) $(KVER))
	$(Q)KVER=$(KVER) tools/vm/run

.PHONY: debug-kernel
## debug-kernel: build the KASAN and lockdep kernel (15 CPU minutes, once)
debug-kernel:
	$(Q)tools/deps.sh debug
	$(Q)tools/vm/debug-kernel

# The guest checks: per kernel one program, for the runner, that boots it and
# runs every CHECK_GUEST program inside. VM_DEPS and GUEST_DEPS are what other
# fragments want built first, for $(KVER) and for all of $(KVERS).
GUEST_LIMIT	:= 3600
guest_checks	= $(if $(strip $(CHECK_GUEST)),\
			$(1:%=$(BUILD)/selftests/guest-%@$(GUEST_LIMIT))) \
		  $(if $(strip $(CHECK_GUEST_OTHER)),\
			$(1:%=$(BUILD)/selftests/guest-other-%@$(GUEST_LIMIT)))

# Another machine, for CHECK_GUEST_OTHER: its kernel does not zero by itself,
# and memory comes later.
OTHER_GUEST	:= KARGS=init_on_alloc=0 HOTMEM=256

.PHONY: force-guest
$(BUILD)/selftests/guest-%: force-guest
	$(Q)mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nKVER=%s exec selftests/guest-run %s\n' \
		'$*' '$(CHECK_GUEST)' >$@
	$(Q)chmod +x $@

$(BUILD)/selftests/guest-other-%: force-guest
	$(Q)mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\n%s KVER=%s exec selftests/guest-run %s\n' \
		'$(OTHER_GUEST)' '$*' '$(CHECK_GUEST_OTHER)' >$@
	$(Q)chmod +x $@

.PHONY: check-guest check-debug
## check-guest: run the guest tests on each kernel, or on KVER=6.1|6.12 only
ifneq ($(filter command environment,$(origin KVER)),)
check-guest: GUEST_KVERS := $(KVER)
else
check-guest: GUEST_KVERS := $(KVERS)
endif
check-guest: all guest-kernels $$(GUEST_DEPS) \
		$$(call test_path,$$(CHECK_GUEST) $$(CHECK_GUEST_OTHER)) \
		$(KVERS:%=$(BUILD)/selftests/guest-%) \
		$(KVERS:%=$(BUILD)/selftests/guest-other-%)
	$(Q)selftests/run $(call guest_checks,$(GUEST_KVERS))

# After unload KASAN still holds freed objects of up to a 32nd of the memory,
# 128 MiB here: a leak is what exceeds that by half. That one is noticed is
# seen first.
## check-debug: run the guest tests on the debug kernel, then with kmemleak
check-debug: all debug-kernel $$(call test_path,$$(CHECK_GUEST)) \
		$$(filter-out kmod-% fragment-%,$$(GUEST_DEPS)) \
		$(BUILD)/selftests/guest-debug
	$(Q)$(MAKE) kmod fragment-debug KVER=debug
	$(Q)selftests/run selftests/checks/leak@1800
	$(Q)TEST_TIMEOUT=1800 VMTIMEOUT=10800 MEM=4096 \
		selftests/run $(BUILD)/selftests/guest-debug@10800
	$(Q)TEST_TIMEOUT=1800 VMTIMEOUT=10800 MEM=4096 LEAK=192 \
		selftests/run $(BUILD)/selftests/guest-debug@10800
