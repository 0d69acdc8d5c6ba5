# SPDX-License-Identifier: MIT
# ashlarctl. Plain C and libc: part of what `make` alone builds.

CTL := tools/ctl
CTL_OBJS := $(patsubst %,$(BUILD)/$(CTL)/%.o,admin ashlarctl clients device \
	    json status sysfs watch)

ALL += $(BUILD)/tools/ashlarctl
OBJS += $(CTL_OBJS)
INSTALL_BIN += $(BUILD)/tools/ashlarctl
INSTALL_MAN += $(CTL)/ashlarctl.8

$(BUILD)/tools/ashlarctl: $(CTL_OBJS)
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

CTL_TEST := $(BUILD)/selftests/tools/ctl
CTL_TEST_OBJS := $(CTL_TEST).o $(patsubst %,$(BUILD)/$(CTL)/%.o,admin clients \
		 device json sysfs)
OBJS += $(CTL_TEST).o
CHECK_FAST += $(CTL_TEST) selftests/tools/ctl-command

$(CTL_TEST): $(CTL_TEST_OBJS)
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
