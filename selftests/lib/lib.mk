# SPDX-License-Identifier: MIT
#
# The library's native tests.
#
#   api/    the malloc family as programs meet it; the same programs run on any
#           malloc. Each is run preloaded, under several settings, and linked
#           with libashlar.a.
#   prog/   real programs under preload, compared with themselves without.
#   unit/   the library's pieces on invented addresses and a fake backend.
#   fuzz/   fuzzers, for seconds in `make check`, for longer by `make fuzz`.

LT := $(BUILD)/selftests/lib
LT_SRC := selftests/lib
ASHLAR_SO := $(BUILD)/lib/libashlar.so
ASHLAR_A := $(BUILD)/lib/libashlar.a

# Calls of malloc must stay calls, and mistakes made on purpose compile.
LT_FLAGS := -Iselftests -I$(LT_SRC) -Iinclude -fno-builtin -pthread \
	    -Wno-alloc-size-larger-than -Wno-use-after-free \
	    -Wno-free-nonheap-object -Wno-declaration-after-statement

LT_API := align alloc background conf dl empty fds fork harden idle info limit mixing numa \
	  places prefault press pressure realloc shadow sized size snapshot startup \
	  thin thread trim truth
# Preloaded only.
LT_API_MORE := atfork khugepaged rawclone
LT_COMMON := $(LT)/testlib.o $(LT)/json.o

$(LT)/%.o: PART_CFLAGS = $(LT_FLAGS)
OBJS += $(LT_COMMON) $(LT_API:%=$(LT)/api/%.o)

$(patsubst %,$(LT)/api/%,$(LT_API) $(LT_API_MORE)): %: %.o $(LT_COMMON)
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -pthread -ldl

# Linked: malloc comes from the archive; the whole of it, so that objects
# loaded later find all of the family in one place.
LT_WHOLE := -Wl,--whole-archive $(ASHLAR_A) -Wl,--no-whole-archive
$(LT_API:%=$(LT)/api/%-linked): %-linked: %.o $(LT_COMMON) $(ASHLAR_A)
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -rdynamic -o $@ $(filter %.o,$^) $(LT_WHOLE) \
		-pthread -ldl

LT_CXX_FLAGS := -std=gnu++17 -Wall -Wextra $(CFLAGS) $(LT_FLAGS)
LT_CXX_FLAGS := $(filter-out -Wno-declaration-after-statement,$(LT_CXX_FLAGS))

$(LT)/api/cxx.o: $(LT_SRC)/api/cxx.cc
	$(say) CXX $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(ALL_CPPFLAGS) $(LT_CXX_FLAGS) -MMD -MP -c -o $@ $<

$(LT)/api/cxx: $(LT)/api/cxx.o $(LT_COMMON)
	$(say) LD $@
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ -pthread -ldl

$(LT)/api/cxx-linked: $(LT)/api/cxx.o $(LT_COMMON) $(ASHLAR_A)
	$(say) LD $@
	$(Q)$(CXX) $(LDFLAGS) -rdynamic -o $@ $(filter %.o,$^) $(LT_WHOLE) \
		-pthread -ldl

OBJS += $(LT)/api/cxx.o
LT_API_ALL := $(LT_API) cxx

$(LT)/api/dl_plugin.so: $(LT_SRC)/api/dl_plugin.c
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fno-builtin -fPIC -shared \
		-Wl,-rpath,'$$ORIGIN/dl_more' -o $@ $<

# Where only the plugin looks for it; any object will do.
$(LT)/api/dl_more/dl_second.so: $(LT_SRC)/api/dl_plugin.c
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fno-builtin -fPIC -shared -o $@ $<

$(LT)/api/dl $(LT)/api/dl-linked: | $(LT)/api/dl_plugin.so \
	$(LT)/api/dl_more/dl_second.so

# Its constructor runs before the program's, so it is linked and not loaded.
$(LT)/api/atfork_early.so: $(LT_SRC)/api/atfork_early.c
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -fno-builtin -fPIC -shared \
		-Wl,-soname,$(@F) -o $@ $<

$(LT)/api/atfork: $(LT)/api/atfork_early.so
$(LT)/api/atfork: LDFLAGS += -Wl,-rpath,'$$ORIGIN'

# $(call lt_variant,name,settings,ending): a program that runs each API test
# preloaded (or its linked twin) under these settings of ASHLAR_CONF.
define lt_variant
$(patsubst %,$(LT)/api/%.$(1),$(LT_API_ALL) $(LT_API_MORE)): \
		$(LT)/api/%.$(1): $(LT)/api/%$(3) \
		$(ASHLAR_SO) $(LT_SRC)/lib.mk
	$(Q)printf '%s\n' '#!/bin/sh' \
		'export TEST_WANTS_ASHLAR=1 ASHLAR_CONF="$(2)"' \
		'$(if $(3),,export LD_PRELOAD="$(abspath $(ASHLAR_SO))")' \
		'exec "$(abspath $(LT))/api/$$*$(3)" "$$$$@"' > $$@
	$(Q)chmod +x $$@

LT_SCRIPTS += $(LT_API_ALL:%=$(LT)/api/%.$(1))
endef

$(eval $(call lt_variant,preload,,))
$(eval $(call lt_variant,plain,backend:plain,))
$(eval $(call lt_variant,thp,backend:thp,))
$(eval $(call lt_variant,hugetlb,backend:hugetlb,))
$(eval $(call lt_variant,harden,harden:1,))
$(eval $(call lt_variant,linked,,-linked))

## check-lib-glibc: the library's API tests on libc's malloc, to test the tests
.PHONY: check-lib-glibc
check-lib-glibc: $(LT_API_ALL:%=$(LT)/api/%)
	$(Q)selftests/run $^

# Not part of check: a child made by the bare system call, while another thread
# was amid a change of the heap, can still find that heap half changed.
## check-lib-rawclone: malloc in children of a bare clone() (known to fail)
.PHONY: check-lib-rawclone
check-lib-rawclone: $(LT)/api/rawclone.preload
	$(Q)selftests/run $^

# Unit tests: each with the objects of the layers below what it tests, and
# those of its own layer that it needs.
LT_UNIT := bitmap canary cgroup choose conf decay failnth guard guarded hpage hpheap large limit meta mixed mixing print \
	   purge quarantine reclaim refold remote rooms runs sizeclass slab small tcache theap thp turnover

lt_objs = $(foreach l,$(1),$(filter $(BUILD)/lib/$(l)/%,$(LIB_OBJS)))
lt_lib = $(1:%=$(BUILD)/lib/%.o)
LT_BASE := $(call lt_objs,base os rt)

$(LT)/unit/bitmap: $(call lt_lib,base/bitmap)
$(LT)/unit/print: $(LT_BASE)
$(LT)/unit/cgroup $(LT)/unit/thp: $(LT_BASE)
$(LT)/unit/conf: $(LT_BASE)
$(LT)/unit/decay: $(call lt_lib,hpheap/decay)
$(LT)/unit/turnover: $(call lt_lib,heap/turnover)
$(LT)/unit/hpage: $(call lt_lib,base/bitmap hpheap/hpage hpheap/hpset)
$(LT)/unit/sizeclass: $(call lt_lib,slab/sizeclass)
$(LT)/unit/canary: $(LT_BASE) $(call lt_lib,heap/canary slab/sizeclass)
$(LT)/unit/quarantine: $(LT_BASE) $(call lt_lib,heap/quarantine)
$(LT)/unit/guard: $(LT_BASE) $(call lt_lib,hpheap/guard hpheap/space)
$(LT)/unit/guard: LT_LDFLAGS := $(foreach f,os_advise os_protect_none os_commit \
	os_max_mappings os_map os_unmap,-Wl,--wrap=$(f))
OBJS += $(LT)/unit/fakeheap.o
$(LT)/unit/purge $(LT)/unit/choose: $(LT)/unit/fakeheap.o
$(LT)/unit/hpheap $(LT)/unit/purge $(LT)/unit/choose: $(LT_BASE) $(call lt_objs,hpheap)
$(LT)/unit/meta: $(LT_BASE)
$(LT)/unit/meta: LT_LDFLAGS := -Wl,--wrap=os_map
$(LT)/unit/limit: $(LT_BASE) $(call lt_lib,base/bitmap hpheap/space \
	hpheap/limit hpheap/hpage)
$(LT)/unit/mixed $(LT)/unit/rooms: $(LT_BASE) $(call lt_objs,backend hpheap slab)
$(LT)/unit/slab: $(LT_BASE) $(call lt_objs,hpheap slab)
$(LT)/unit/refold: $(LT_BASE) $(call lt_lib,base/bitmap hpheap/hpage hpheap/refold)
$(LT)/unit/small: $(LT_BASE) $(call lt_lib,base/bitmap hpheap/hpage hpheap/small)
$(LT)/unit/small: LT_LDFLAGS := -Wl,--wrap=os_max_mappings
$(LT)/unit/tcache: $(LT_BASE) $(call lt_objs,backend hpheap slab cache)
$(patsubst %,$(LT)/unit/%,guarded large mixing reclaim remote runs theap): $(LIB_OBJS)
$(LT)/unit/reclaim: LT_LDFLAGS := -Wl,--wrap=hpheap_hollow
$(LT)/unit/failnth: $(LIB_OBJS)
$(LT)/unit/failnth: LT_LDFLAGS := $(foreach f,os_reserve os_map os_commit \
	os_decommit os_advise os_discard_many os_move_pages_to os_map_fixed os_open,\
	-Wl,--wrap=$(f))

$(LT)/unit/%.o: PART_CFLAGS = $(LT_FLAGS) -Ilib -I$(LIB_ARCHDIR)
$(LT_UNIT:%=$(LT)/unit/%): %: %.o $(LT_COMMON)
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) $(LT_LDFLAGS) -o $@ $(filter %.o,$^) -pthread -ldl
OBJS += $(LT_UNIT:%=$(LT)/unit/%.o)

# Sanitizer builds. The malloc family gets other names in the library and in the
# tests alike, so that the sanitizer keeps malloc; assert() is on. Checked by
# address and undefined-behaviour sanitizers: the library's own data and
# arithmetic; by the thread sanitizer: the order of its threads' accesses, and
# whether a block that changes hands does so with an order.
LT_RENAMED := malloc free calloc realloc reallocarray posix_memalign \
	      aligned_alloc memalign valloc pvalloc malloc_usable_size \
	      malloc_trim malloc_info malloc_stats mallopt mallinfo mallinfo2
LT_SAN_LIB := $(filter-out %/api/cxx.o %/api/dlopen.o,$(LIB_OBJS))
LT_SAN_API := align alloc mixing prefault press pressure realloc shadow size thread trim
LT_asan_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
LT_tsan_FLAGS := -fsanitize=thread
LT_FUZZ_FLAGS :=

# $(call lt_san,name,compiler): objects in a directory of their own, the tests
# and the fuzz targets linked of them.
define lt_san
LT_$(1) := $(LT)/$(1)
LT_$(1)_LIB := $$(LT_SAN_LIB:$(BUILD)/%=$(LT)/$(1)/%)
LT_$(1)_COMMON := $$(addprefix $(LT)/$(1)/$(LT_SRC)/,testlib.o json.o reserve.o)

$(LT)/$(1)/%.o: %.c
	$(say) CC $$@
	$(Q)mkdir -p $$(@D)
	$(Q)$(2) $(ALL_CPPFLAGS) -std=gnu11 -O1 -g $$(LT_$(1)_FLAGS) \
		$(filter-out -DNDEBUG,$(LIB_CFLAGS)) $(LT_FLAGS) \
		$(foreach f,$(LT_RENAMED),-D$(f)=renamed_$(f)) -MMD -MP -c -o $$@ $$<

$(LT_SAN_API:%=$(LT)/$(1)/%): $(LT)/$(1)/%: $(LT)/$(1)/$(LT_SRC)/api/%.o \
		$$(LT_$(1)_COMMON) $$(LT_$(1)_LIB)
	$(say) LD $$@
	$(Q)$(2) $$(LT_$(1)_FLAGS) -o $$@ $$^ -pthread -ldl

$(LT)/$(1)/fuzz-%: $(LT)/$(1)/$(LT_SRC)/fuzz/%.o $$(LT_$(1)_COMMON) \
		$$(LT_$(1)_LIB) $$(LT_$(1)_DRIVER)
	$(say) LD $$@
	$(Q)$(2) $$(LT_$(1)_FLAGS) $$(LT_$(1)_LDFLAGS) -o $$@ $$^ -pthread -ldl

OBJS += $$(LT_$(1)_LIB) $$(LT_$(1)_COMMON) \
	$(LT_SAN_API:%=$(LT)/$(1)/$(LT_SRC)/api/%.o) \
	$(patsubst %,$(LT)/$(1)/$(LT_SRC)/fuzz/%.o,trace conf driver)
endef

# The same hardened.
LT_SAN_HARDEN := $(foreach s,asan tsan,$(patsubst %,$(LT)/$(s)/%.harden,\
	alloc realloc shadow thread fuzz-trace))
$(LT_SAN_HARDEN): %.harden: %
	$(Q)printf '%s\n' '#!/bin/sh' \
		'ASHLAR_CONF=harden:1 exec "$(abspath $<)" "$$@"' > $@
	$(Q)chmod +x $@

LT_asan_DRIVER := $(LT)/asan/$(LT_SRC)/fuzz/driver.o
LT_tsan_DRIVER := $(LT)/tsan/$(LT_SRC)/fuzz/driver.o
LT_libfuzzer_FLAGS := $(LT_asan_FLAGS) -fsanitize=fuzzer-no-link -w
LT_libfuzzer_LDFLAGS := -fsanitize=fuzzer
$(eval $(call lt_san,asan,$(CC)))
$(eval $(call lt_san,tsan,$(CC)))
$(eval $(call lt_san,libfuzzer,clang))

## fuzz: fuzz the malloc family and the options, FUZZ_SECONDS=300 each (clang)
FUZZ_SECONDS ?= 300
.PHONY: fuzz
fuzz: $(LT)/libfuzzer/fuzz-trace $(LT)/libfuzzer/fuzz-conf
	$(Q)for t in trace conf; do \
		mkdir -p $(LT)/corpus-$$t && \
		$(LT)/libfuzzer/fuzz-$$t -max_len=8192 -detect_leaks=0 \
			-max_total_time=$(FUZZ_SECONDS) \
			-artifact_prefix=$(LT)/ $(LT)/corpus-$$t || exit 1; \
	done

# What `make check` runs. Every API test preloaded as a user would; under other
# settings those that meet the setting.
LT_STRESS := align alloc limit mixing realloc shadow thread trim
CHECK_FAST += $(LT_UNIT:%=$(LT)/unit/%) $(LT_API_ALL:%=$(LT)/api/%.preload) \
	      $(LT)/api/atfork.preload
CHECK_SLOW += $(LT_STRESS:%=$(LT)/api/%.plain) $(LT_STRESS:%=$(LT)/api/%.thp) \
	      $(LT_API_ALL:%=$(LT)/api/%.harden) \
	      $(LT_API_ALL:%=$(LT)/api/%.linked) \
	      $(LT_SAN_API:%=$(LT)/asan/%) $(LT_SAN_API:%=$(LT)/tsan/%) \
	      $(LT)/asan/fuzz-trace $(LT)/asan/fuzz-conf $(LT)/tsan/fuzz-trace \
	      $(LT_SAN_HARDEN) \
	      $(LT_SRC)/prog/hugetlb@600
$(LT_SRC)/prog/hugetlb: $(patsubst %,$(LT)/api/%.hugetlb,\
	align alloc realloc shadow thread)
CHECK_SLOW += $(patsubst %,$(LT_SRC)/prog/%@600,\
	      gcc git perl python redis sqlite tools)

# Under qemu-user no exec of oneself, no limits, no NUMA, no huge pages, and
# no madvise() after mremap(): the units there, the rest in a guest.
# More than one node is to be had in a guest.
# khugepaged is the machine's: there it may be hurried.
CHECK_GUEST += $(patsubst %,$(LT)/api/%.preload,khugepaged numa thin)

CHECK_CROSS += $(patsubst %,$(LT)/unit/%,$(filter-out failnth large thp,$(LT_UNIT)))
CHECK_CROSS_GUEST += $(patsubst %,$(LT)/api/%-linked,align alloc info realloc \
		     shadow sized size thread)
