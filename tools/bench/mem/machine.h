/* SPDX-License-Identifier: MIT */
/*
 * What a step did to the machine, where nothing else runs there: a guest.
 * Resident memory leaves out what a process let go of and the kernel could not
 * free, since it is part of a huge page of which other parts are mapped.
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

/*
 * KiB of the module's memory that processes hold; 0 without the module. Right
 * after it was given back in part none of it need be mapped, nor resident.
 */
long machine_device_kib(void);

/* Take the counters as they are now for zero. */
void machine_baseline(void);

/**
 * machine_report() - Print one line: memory the machine has less, huge pages
 * that the module gave back whole, mappings of huge pages that were split.
 * @step: one word.
 */
void machine_report(const char *step);

#endif
