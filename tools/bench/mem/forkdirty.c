// SPDX-License-Identifier: MIT
/*
 * What a server copies because of its allocator while a snapshot child lives:
 * forkdirty MIB. Fill with objects of 16 to 480 bytes, fork, and in the parent
 * free half of them at random without touching one; then allocate as many again
 * without touching those either. Every page that got private to the parent is
 * one that the allocator wrote: a link in a free object, or its own tables.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t seed = 88172645463325252ull;

static uint64_t random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static long private_dirty_kib(void)
{
	long sum = 0, kib;
	char line[256];
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			sum = kib;
	if (f)
		fclose(f);
	return sum;
}

static size_t random_size(void)
{
	return 16 + random_next() % 465;
}

int main(int argc, char **argv)
{
	size_t want = (argc > 1 ? strtoul(argv[1], NULL, 10) : 256) << 20;
	size_t most = want / 16, nr = 0, live = 0, nr_free = 0;
	long start, freed, again;
	int fds[2];
	char **objs = mmap(NULL, most * sizeof(*objs), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *gone = mmap(NULL, most, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;

	if (objs == MAP_FAILED || gone == MAP_FAILED || pipe(fds))
		return 1;
	while (live < want) {
		size_t size = random_size();

		objs[nr] = malloc(size);
		memset(objs[nr++], 1, size);
		live += size;
	}
	for (size_t i = 0; i < nr; i++)
		gone[i] = random_next() & 1;
	child = fork();
	if (!child) {
		char c;

		close(fds[1]);
		_exit(read(fds[0], &c, 1) != 0);
	}
	start = private_dirty_kib();
	for (size_t i = 0; i < nr; i++)
		if (gone[i]) {
			free(objs[i]);
			nr_free++;
		}
	freed = private_dirty_kib();
	/* Not kept: what is allocated now is gone with the process. */
	for (size_t i = 0; i < nr_free; i++)
		if (!malloc(random_size()))
			return 1;
	again = private_dirty_kib();
	close(fds[1]);
	waitpid(child, NULL, 0);
	printf("forkdirty live_kib %zu freed_kib %ld allocated_kib %ld\n",
	       live >> 10, freed - start, again - start);
	return 0;
}
