# SPDX-License-Identifier: MIT
#
# The library: objects by layer, shared and static library.
#
# A file lies in the directory of its layer and includes headers of its own and
# of the layers named before it only.

LIB_LAYERS := base os rt backend hpheap slab cache heap api

LIB_base_OBJS := bitmap
LIB_os_OBJS := sys ranges alone fd lines cgroup shortage pagemap psi numa thp
LIB_rt_OBJS := lock meta print nodelist conf random
LIB_backend_OBJS := anon dev device status backend
LIB_hpheap_OBJS := space limit place hpage hpset decay charge choose hpheap discard small batch hollow guard tally purge collapse start prefault refold rejoin
LIB_slab_OBJS := sizeclass slab rooms mixed
LIB_cache_OBJS := tcache
LIB_heap_OBJS := misuse canary quarantine parcel turnover theap theaps mixing vacate reclaim remote notify pressure press clear large runs guarded stacks thread hard background process truth nodes stats
LIB_api_OBJS := malloc cxx glibc init dlopen

LIB_OBJS := $(foreach l,$(LIB_LAYERS),\
	$(patsubst %,$(BUILD)/lib/$(l)/%.o,$(LIB_$(l)_OBJS)))
LIB_ARCHDIR := lib/base/arch/$(if $(wildcard lib/base/arch/$(ARCH)),$(ARCH),generic)
LIB_SO := $(BUILD)/lib/libashlar.so
LIB_A := $(BUILD)/lib/libashlar.a

OBJS += $(LIB_OBJS)
ALL += $(LIB_SO) $(LIB_A) $(BUILD)/lib/ashlar.pc

# -fno-builtin-malloc: our own malloc must not be optimised by what it defines.
# assert() is for the debug build: make LIB_DEBUG=1 BUILD=build/debug
LIB_CFLAGS := -Ilib -I$(LIB_ARCHDIR) -fPIC -fvisibility=hidden \
	-ftls-model=initial-exec -fno-builtin-malloc -fno-builtin-calloc \
	-fno-builtin-realloc -fno-builtin-free -fno-plt -fexceptions \
	$(if $(LIB_DEBUG),,-DNDEBUG)

$(LIB_OBJS): PART_CFLAGS = $(LIB_CFLAGS)

# Whatever CFLAGS say: its call has to be a jump.
$(BUILD)/lib/api/dlopen.o: PART_CFLAGS = $(LIB_CFLAGS) -O2

# initfirst: its constructor is to be the first, see process_watch_forks().
$(LIB_SO): $(LIB_OBJS)
	$(say) LD $@
	$(Q)$(CC) -shared -Wl,-soname,libashlar.so -Wl,-z,now -Wl,-z,relro \
		-Wl,-z,initfirst $(LDFLAGS) -o $@ $^ -lpthread

# Without dlopen(), which a static program has from libc.
$(LIB_A): $(filter-out %/dlopen.o,$(LIB_OBJS))
	$(say) AR $@
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

# Written anew when PREFIX has changed since.
.PHONY: force-pc
$(BUILD)/lib/ashlar.pc: lib/ashlar.pc.in force-pc
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|; s|@VERSION@|$(VERSION)|' \
		$< >$@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

INSTALL_LIB += $(LIB_SO) $(LIB_A)
INSTALL_PC += $(BUILD)/lib/ashlar.pc
INSTALL_INCLUDE += include/ashlar/ashlar.h
