# SPDX-License-Identifier: MIT
# ashlar-bench: any program under several allocators, and the demo.
# The program is Python and only copied; what must be quick or small is C.

COMPARE := tools/compare
COMPARE_OUT := $(BUILD)/tools
COMPARE_MODULES := $(wildcard $(COMPARE)/ashlar_bench/*.py)
COMPARE_PY := $(patsubst $(COMPARE)/%,$(COMPARE_OUT)/%,$(COMPARE_MODULES))
COMPARE_HELPERS := $(COMPARE_OUT)/kvload $(COMPARE_OUT)/measure
KVLOAD_OBJS := $(patsubst %,$(BUILD)/$(COMPARE)/%.o,kvload kvset pump resp)

ALL += $(COMPARE_OUT)/ashlar-bench $(COMPARE_PY) $(COMPARE_HELPERS)
OBJS += $(KVLOAD_OBJS) $(BUILD)/$(COMPARE)/measure.o
INSTALL_BIN += $(COMPARE_OUT)/ashlar-bench
INSTALL_MAN += $(COMPARE)/ashlar-bench.1
INSTALL_HOOKS += _install-compare

$(COMPARE_OUT)/kvload: $(KVLOAD_OBJS)
$(COMPARE_OUT)/measure: $(BUILD)/$(COMPARE)/measure.o
$(COMPARE_HELPERS):
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(COMPARE_OUT)/ashlar-bench $(COMPARE_PY): $(COMPARE_OUT)/%: $(COMPARE)/%
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@

# The helpers and the package lie together in lib/ashlar, which is where the
# installed ashlar-bench looks.
.PHONY: _install-compare
_install-compare: $(COMPARE_PY) $(COMPARE_HELPERS)
	$(call install_to,$(COMPARE_HELPERS),$(LIBDIR)/ashlar,755)
	$(call install_to,$(COMPARE_PY),$(LIBDIR)/ashlar/ashlar_bench,644)

DEMO_KVER ?= $(or $(KVER),6.12)
DEMO_JSON := $(BUILD)/demo.json

.PHONY: demo _demo
## demo: a real Redis under glibc, Ashlar, and Ashlar with the module, in a
##    guest; HOST=1 uses the running kernel, DEPS=0 installs nothing,
##    DEMO_ARGS='--rounds 5' are options of `ashlar-bench demo`
demo:
	$(Q)tools/deps.sh demo
	$(Q)$(MAKE) _demo

ifeq ($(HOST),1)
_demo: all
	$(Q)$(COMPARE)/demo-host $(COMPARE_OUT)/ashlar-bench demo \
		--json $(DEMO_JSON) $(DEMO_ARGS)
else
_demo: all
	$(Q)$(COMPARE_OUT)/ashlar-bench demo --vm $(DEMO_KVER) \
		--json $(DEMO_JSON) $(DEMO_ARGS)
endif

CHECK_FAST += selftests/tools/bench-parts selftests/tools/bench-command
CHECK_GUEST += selftests/tools/ctl-command selftests/tools/demo-guest@1200

# Run by demo-guest, under the library and the module.
REFOLD_TEST := $(BUILD)/selftests/tools/refold
OBJS += $(REFOLD_TEST).o
GUEST_DEPS += $(REFOLD_TEST)

$(REFOLD_TEST): $(REFOLD_TEST).o
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -lpthread
