# SPDX-License-Identifier: MIT
#
# Guests: kernels under $(BUILD)/guest, commands run in them by tools/vm/run.
# Other fragments build modules against the headers found here; nothing here
# knows what the module or the tests are.

KVER		?= 6.12
GUEST		:= $(BUILD)/guest/$(DEBARCH)
KVERS		?= 6.1 6.12

# The release string of a kernel series, once it is unpacked:
#	$(call kernel_release,6.12)	-> 6.12.117+deb12-amd64
#	$(call kernel_headers,6.12)	-> where modules are built against
kernel_release	= $(shell cat $(GUEST)/$(1).release 2>/dev/null)
kernel_headers	= $(abspath $(GUEST)/usr/src/linux-headers-$(call \
			kernel_release,$(1)))

$(BUILD)/guest/%.release: | tools/vm/fetch
	$(Q)tools/vm/fetch $(*D) $(*F)

.PHONY: guest-kernels vm
## guest-kernels: download the guests' kernels and headers into build/guest
guest-kernels: $(foreach v,$(KVERS),$(GUEST)/$(v).release)

# Text given on the command line goes to the guest as it is, `$` and all.
VM_SETTINGS := CMD MODULE MODARGS MEM SMP NODES ICOUNT KARGS VMTIMEOUT LEAK \
	       SCRATCH MODULES ALLOW CONSOLE
$(foreach v,$(VM_SETTINGS),$(if $(filter command environment,$(origin $(v))),\
	$(eval override $(v) := $$(value $(v)))$(eval export $(v))))

## vm: run CMD='...' in a guest (KVER=6.12|6.1|debug, ICOUNT=1, MEM=MiB, SMP=,
##    NODES=, KARGS=, MODULE=0|path, MODARGS=, LEAK=MiB, VMTIMEOUT=s)
vm: all
	$(Q)tools/deps.sh $(if $(filter arm64,$(DEBARCH)),vm-arm64,vm)
	$(Q)$(if $(filter debug,$(KVER)),,tools/vm/fetch $(DEBARCH) $(KVER))
	$(Q)KVER=$(KVER) tools/vm/run
