# SPDX-License-Identifier: MIT
#
# Checks of the tree itself: they read sources and objects and run nothing of
# ours. Seconds each, so they come first.

CHECK_FAST := selftests/checks/source selftests/checks/help \
	      selftests/checks/headers selftests/checks/runner $(CHECK_FAST)

ifdef LIB_LAYERS
CHECK_FAST += $(BUILD)/selftests/checks/layers

layer_objs = $(LIB_$(1)_OBJS:%=$(BUILD)/lib/$(1)/%.o)

# The check wants the layers' objects built and their list written.
$(BUILD)/selftests/checks/layers: selftests/checks/layers lib/lib.mk $(LIB_OBJS)
	$(Q)mkdir -p $(@D)
	$(Q){ $(foreach l,$(LIB_LAYERS),echo $(l) $(call layer_objs,$(l));) } \
		>$(BUILD)/selftests/layers.txt
	$(Q)ln -sf $(TOP)/$< $@
endif

# The harness comes before what runs in it.
CHECK_SLOW := selftests/checks/vm $(CHECK_SLOW)

# For another architecture: the library, and what runs it under qemu-user.
ifdef LIB_LAYERS
CHECK_SLOW := selftests/checks/cross@1800 $(CHECK_SLOW)
endif

.PHONY: _cross _cross-tests _cross-guest-tests cross
_cross: $(BUILD)/lib/libashlar.so $(BUILD)/lib/libashlar.a \
		$$(call test_path,$$(CHECK_CROSS) $$(CHECK_CROSS_GUEST))

_cross-tests:
	@echo $(CHECK_CROSS)

_cross-guest-tests:
	@echo $(CHECK_CROSS_GUEST)

## cross: build library and module for AArch64, test both under QEMU
cross:
	$(Q)tools/deps.sh vm-arm64
	$(Q)selftests/run selftests/checks/cross@1800
