# SPDX-License-Identifier: MIT
#
# The module's tests: programs of one topic each, run as root inside a guest.
# Never run them on a machine you care about: they kill, exhaust and unload.
#
# Fast ones first; `@seconds` is a program's own limit.

GT := $(BUILD)/selftests/guest
GT_PROGS := touch fork cow fold gup sync vma calls limits place break secret life \
	    zeroer hotplug hotmem fragmented traps vmalock nth nth_kernel fuzz storm
GT_FLAGS := -Iselftests -Wno-declaration-after-statement -fno-builtin

$(GT)/%.o: PART_CFLAGS = $(GT_FLAGS)
OBJS += $(GT)/guest.o $(GT_PROGS:%=$(GT)/%.o) $(GT)/bench.o $(GT)/nth_paths.o

$(GT)/nth $(GT)/nth_kernel: $(GT)/nth_paths.o

$(GT_PROGS:%=$(GT)/%) $(GT)/bench: %: %.o $(GT)/guest.o
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -pthread

# hotmem has nothing to do but in the other guest.
CHECK_GUEST += $(patsubst %,$(GT)/%,$(filter-out hotmem,$(GT_PROGS)))
CHECK_GUEST_OTHER += $(patsubst %,$(GT)/%,hotmem zeroer secret traps)

# A module that fragments free memory, built for each kernel like ashlar.ko.
FRAGMENT_SRCS := $(addprefix selftests/guest/fragment/,fragment.c Kbuild)
.PHONY: fragment-%
fragment-%: kmod-kernel-%
	$(call kmod_build,$*,-fragment,,fragment,$(FRAGMENT_SRCS))
GUEST_DEPS += $(KVERS:%=fragment-%)

.PHONY: bench-kmod storm-kmod
## bench-kmod: count the module's instructions beside THP's and hugetlbfs's
bench-kmod: $(GT)/bench kmod-$$(KVER) fragment-$$(KVER)
	$(Q)for on in 1 0; do \
		echo "# $(KVER), init_on_alloc=$$on, instructions"; \
		ICOUNT=1 NODES=1 MODULE=1 KVER=$(KVER) \
		KARGS="init_on_alloc=$$on transparent_hugepage=madvise" \
		tools/vm/run $(GT)/bench || exit 1; \
	done

## storm-kmod: 10,000 cycles of the storm test (hours) on KVER=6.12
storm-kmod: $(GT)/storm kmod-$$(KVER)
	$(Q)MODULE=1 KVER=$(KVER) VMTIMEOUT=$${VMTIMEOUT:-36000} \
		tools/vm/run $(GT)/storm $${CYCLES:-10000}
