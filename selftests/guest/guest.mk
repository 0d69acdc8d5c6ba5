# SPDX-License-Identifier: MIT
#
# The module's tests: programs of one topic each, run as root inside a guest.
# Never run them on a machine you care about: they kill, exhaust and unload.
#
# Fast ones first; `@seconds` is a program's own limit.

GT := $(BUILD)/selftests/guest
GT_PROGS := touch fork fold gup sync vma calls limits place break secret life \
	    traps nth fuzz storm
GT_FLAGS := -Iselftests -Wno-declaration-after-statement -fno-builtin

$(GT)/%.o: PART_CFLAGS = $(GT_FLAGS)
OBJS += $(GT)/guest.o $(GT_PROGS:%=$(GT)/%.o)

$(GT_PROGS:%=$(GT)/%): %: %.o $(GT)/guest.o
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -pthread

CHECK_GUEST += $(GT_PROGS:%=$(GT)/%)
