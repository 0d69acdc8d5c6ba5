# SPDX-License-Identifier: MIT
# ashlarctl. Plain C and libc: part of what `make` alone builds.

CTL := tools/ctl
CTL_OBJS := $(patsubst %,$(BUILD)/$(CTL)/%.o,ashlarctl clients device json \
	    status)

ALL += $(BUILD)/tools/ashlarctl
OBJS += $(CTL_OBJS)
INSTALL_BIN += $(BUILD)/tools/ashlarctl
INSTALL_MAN += $(CTL)/ashlarctl.8

$(BUILD)/tools/ashlarctl: $(CTL_OBJS)
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
