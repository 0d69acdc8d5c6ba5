// SPDX-License-Identifier: MIT
/*
 * Counters of the kernel and of the module. What is not there reads as 0.
 */
#include "machine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MODULE_STATS "/sys/class/misc/ashlar/stats/"

struct machine {
	long free_kib;
	long returned; /* huge pages, by discarding or breaking them */
	long splits;
};

static struct machine baseline;

/* The number behind @key in a file of lines, or the first if @key is "". */
static long read_number(const char *path, const char *key)
{
	char line[256], buffer[4096];
	long value = 0;
	FILE *file = fopen(path, "r");

	if (file == NULL)
		return 0;
	/* stdio would allocate a buffer in the heap under test. */
	setvbuf(file, buffer, _IOFBF, sizeof(buffer));
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, key, strlen(key)) == 0 &&
		    sscanf(line + strlen(key), " %ld", &value) == 1)
			break;
	fclose(file);
	return value;
}

static struct machine read_machine(void)
{
	return (struct machine){
		.free_kib = read_number("/proc/meminfo", "MemFree:"),
		.returned = read_number(MODULE_STATS "discarded", "") +
			    read_number(MODULE_STATS "broken", ""),
		.splits = read_number("/proc/vmstat", "thp_split_pmd "),
	};
}

long machine_device_kib(void)
{
	return read_number(MODULE_STATS "mapped", "") * 2048 +
	       read_number(MODULE_STATS "small", "") *
		       (sysconf(_SC_PAGESIZE) >> 10);
}

void machine_baseline(void)
{
	baseline = read_machine();
}

void machine_report(const char *step)
{
	struct machine now = read_machine();

	printf("machine %s taken_kib %ld returned %ld splits %ld\n", step,
	       baseline.free_kib - now.free_kib,
	       now.returned - baseline.returned, now.splits - baseline.splits);
}
