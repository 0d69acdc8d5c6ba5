# SPDX-License-Identifier: MIT
# The benchmarks: programs that are built, and the runners that measure.
# None of them is part of plain make; `make check` runs the instruction
# counts alone, since counts repeat and times do not.

## bench: time and memory of synthetic and real programs, all allocators
##    ROWS=a,b* (or synthetic, real) ROUNDS=5 BENCH_ALLOCATORS=a,b; idle machine
## bench-mem: resident memory and huge share step by step, pauses, chasing
##    MIB=2048 (live at the fill) MEM_ROUNDS=1 BENCH_ARGS='--programs day'
## bench-mem-kmod: the same for Ashlar in a guest, with the module and without
##    KVER=6.12 MIB=384 BENCH_ARGS='--programs day'
## bench-fork: memory that a parent copies while a child of a fork lives
## bench-zero: zeroing with stores that bypass the cache, and what others lose
## bench-instr: instructions per allocator operation, all allocators (callgrind)
## bench-instr-keep: record Ashlar's present counts as the kept figures

BENCH_DIR := $(BUILD)/bench
BENCH_PY := tools/bench/py
BENCH_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -fno-builtin
BENCH_ALLOCATORS ?= glibc,jemalloc,mimalloc,gperftools,ashlar
ROUNDS ?= 5
ROWS ?=
MIB ?= 2048
MEM_ROUNDS ?= 1
BENCH_INSTR_KEPT := Documentation/performance/instructions.json

BENCH_PATTERNS := lone calloc aligned sized_delete realloc random256 burst \
	live foreign
BENCH_INSTR := $(BENCH_PATTERNS:%=$(BENCH_DIR)/instr/%) \
	$(BENCH_PATTERNS:%=$(BENCH_DIR)/instr/%-null)
BENCH_INSTR_HEADERS := $(wildcard tools/bench/instr/*.h)

$(BENCH_DIR)/instr/libnull.so: tools/bench/instr/null.c \
		$(BENCH_INSTR_HEADERS)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -shared -fPIC -o $@ $<

$(BENCH_DIR)/instr/%-null: tools/bench/instr/%.c tools/bench/instr/main.c \
		$(BENCH_DIR)/instr/libnull.so $(BENCH_INSTR_HEADERS)
	$(say) CC $@
	$(Q)$(CC) $(BENCH_CFLAGS) -include tools/bench/instr/null.h \
		-o $@ $(filter %.c,$^) -L$(@D) -lnull -Wl,-rpath,'$$ORIGIN' \
		-Wl,-z,lazy -lpthread -ldl

$(BENCH_DIR)/instr/%: tools/bench/instr/%.c tools/bench/instr/main.c \
		$(BENCH_INSTR_HEADERS)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^) -Wl,-z,lazy -lstdc++ \
		-lpthread -ldl

BENCH_SYNTH := server prodcons handover batch replace size_mix table realloc tree fragment \
	buffers large share_active share_passive thread_churn idle_threads
BENCH_PROGRAMS := $(BENCH_SYNTH:%=$(BENCH_DIR)/synth/%) \
	$(BENCH_DIR)/measure $(BENCH_DIR)/librecord.so

$(BENCH_DIR)/synth/%: tools/bench/synth/%.c tools/bench/synth/main.c \
		$(wildcard tools/bench/synth/*.h)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^) -lpthread

$(BENCH_DIR)/measure: tools/bench/run/measure.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -static -o $@ $<

# Not needed by a run: what recorded tools/bench/synth/size_mix.h.
$(BENCH_DIR)/librecord.so: tools/bench/trace/record.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -shared -fPIC -o $@ $< -ldl -lpthread

BENCH_MEM := phases churn day bursts cycles pause chase
BENCH_MEM_GUEST := small-random,small-age,database-random,database-age,day
BENCH_MEM_PROGRAMS := $(BENCH_MEM:%=$(BENCH_DIR)/mem/%) $(BENCH_DIR)/measure

$(BENCH_DIR)/mem/%: tools/bench/mem/%.c tools/bench/mem/mem.c \
		tools/bench/mem/machine.c $(wildcard tools/bench/mem/*.h)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^) -lpthread -lm -ldl

# Of the CPU of this machine: x86 alone has such stores in the module.
$(BENCH_DIR)/zero: tools/bench/zero/zero.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -o $@ $< -lpthread

.PHONY: bench bench-fork bench-mem bench-mem-kmod _bench-deps bench-instr bench-instr-keep
bench: _bench-deps all $(BENCH_PROGRAMS)
	$(Q)$(BENCH_PY)/bench.py --build $(BUILD) --rounds $(ROUNDS) \
		--json $(BENCH_DIR)/bench.json --plot $(BENCH_DIR)/bench.svg \
		--allocators $(BENCH_ALLOCATORS) --rows '$(ROWS)' $(BENCH_ARGS)

_bench-deps:
	$(Q)tools/deps.sh bench

bench-instr: _bench-deps all $(BENCH_INSTR)
	$(Q)$(BENCH_PY)/instr.py --build $(BUILD) \
		--json $(BENCH_DIR)/instr.json \
		--allocators $(BENCH_ALLOCATORS) $(BENCH_ARGS)

bench-instr-keep: _bench-deps all $(BENCH_INSTR)
	$(Q)$(BENCH_PY)/instr.py --build $(BUILD) --keep $(BENCH_INSTR_KEPT)

bench-mem: _bench-deps all $(BENCH_MEM_PROGRAMS)
	$(Q)$(BENCH_PY)/bench_mem.py --build $(BUILD) --mib $(MIB) \
		--rounds $(MEM_ROUNDS) --json $(BENCH_DIR)/mem.json \
		--plot $(BENCH_DIR)/frontier.svg $(BENCH_ARGS)

# A guest has less memory than this machine, and writes no files here.
bench-mem-kmod: MIB := $(if $(filter file,$(origin MIB)),384,$(MIB))
bench-mem-kmod: all $(BENCH_MEM_PROGRAMS) kmod-$$(KVER)
	$(Q)MODULE=1 KVER=$(KVER) NODES=$${NODES:-1} VMTIMEOUT=$${VMTIMEOUT:-7200} \
		tools/vm/run $(BENCH_PY)/bench_mem.py --build $(BUILD) \
		--mib $(MIB) --rounds $(MEM_ROUNDS) --machine \
		--settings ashlar-thp,ashlar-dev \
		--programs $(BENCH_MEM_GUEST) $(BENCH_ARGS)

bench-fork: _bench-deps all $(BENCH_DIR)/mem/forkdirty
	$(Q)$(BENCH_PY)/bench_fork.py --build $(BUILD) $(BENCH_ARGS)

.PHONY: bench-zero
bench-zero: $(BENCH_DIR)/zero
	$(Q)$< $(ROUNDS_ZERO)

# Until the first figures are kept there is nothing to hold a count against.
ifneq ($(wildcard $(BENCH_INSTR_KEPT)),)
$(BENCH_DIR)/check-instr: tools/bench/bench.mk $(BENCH_INSTR)
	$(Q)printf '#!/bin/sh\nexec %s --build %s --check %s\n' \
		$(TOP)/$(BENCH_PY)/instr.py $(abspath $(BUILD)) \
		$(TOP)/$(BENCH_INSTR_KEPT) >$@
	$(Q)chmod +x $@

CHECK_FAST += $(BENCH_DIR)/check-instr@300
endif
