// SPDX-License-Identifier: MIT
/*
 * Preloaded with libashlar.so on the device: after forks, with threads writing
 * all the while, the heap becomes huge again and nothing in it has changed.
 * It is a program of its own, not an API test, because it needs the module and
 * reads the kernel's account of its own heap.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include "../ktap.h"

enum {
	NR_THREADS = 2,
	NR_BLOCKS = 12000,
	BLOCK_LEN = 2000,
	NR_FORKS = 6,
	WAIT_MS = 60000, /* without any progress */
};

/* Each word of a block holds the block's stamp, so a torn one shows. */
struct worker {
	pthread_t thread;
	uint64_t *blocks[NR_BLOCKS];
	uint64_t stamps[NR_BLOCKS];
	uint64_t nr_wrong;
};

static struct worker workers[NR_THREADS];
static atomic_bool is_over;
static atomic_uint nr_rounds;

static void fill(uint64_t *block, uint64_t stamp)
{
	for (size_t i = 0; i < BLOCK_LEN / sizeof(*block); i++)
		block[i] = stamp;
}

static int is_whole(const uint64_t *block, uint64_t stamp)
{
	for (size_t i = 0; i < BLOCK_LEN / sizeof(*block); i++)
		if (block[i] != stamp)
			return 0;
	return 1;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t stamp = 1;

	for (unsigned int i = 0; i < NR_BLOCKS; i++) {
		w->blocks[i] = malloc(BLOCK_LEN);
		w->stamps[i] = stamp++;
		fill(w->blocks[i], w->stamps[i]);
	}
	while (!is_over) {
		/* A stride that spreads over all pages. */
		unsigned int i = stamp * 7919 % NR_BLOCKS;

		w->nr_wrong += !is_whole(w->blocks[i], w->stamps[i]);
		if (stamp % 4 == 0) {
			free(w->blocks[i]);
			w->blocks[i] = malloc(BLOCK_LEN);
		}
		w->stamps[i] = stamp++;
		fill(w->blocks[i], w->stamps[i]);
		if (stamp % NR_BLOCKS == 0)
			nr_rounds++;
	}
	for (unsigned int i = 0; i < NR_BLOCKS; i++)
		w->nr_wrong += !is_whole(w->blocks[i], w->stamps[i]);
	return NULL;
}

static void rest(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Resident and huge memory of the device in this process, in KiB. */
static void read_heap(long *ret_rss, long *ret_huge)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	char line[512];
	int is_ours = 0;
	long kib;

	*ret_rss = *ret_huge = 0;
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (strchr(line, '-') && strchr(line, '-') < line + 17)
			is_ours = strstr(line, " ashlar:[heap]") != NULL;
		if (is_ours && sscanf(line, "Rss: %ld", &kib) == 1)
			*ret_rss += kib;
		if (is_ours && sscanf(line, "FilePmdMapped: %ld", &kib) == 1)
			*ret_huge += kib;
	}
	if (smaps)
		fclose(smaps);
}

/* A child that lives for a while, as one that writes a snapshot does. */
static void snapshot(void)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		rest(300);
		_exit(0);
	}
	EXPECT(pid > 0, "%s", strerror(errno));
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
}

static void wait_for_rounds(unsigned int nr)
{
	unsigned int end = nr_rounds + nr;

	while (nr_rounds < end)
		rest(10);
}

static void heap_is_huge_again(void)
{
	long rss = 0, huge = 0, most = 0, start, progress;

	read_heap(&rss, &huge);
	if (!rss) {
		ktap_skip("no memory of the device: preload libashlar.so "
			  "with ASHLAR_CONF=backend:dev where the module is");
		return;
	}
	for (int i = 0; i < NR_THREADS; i++)
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	wait_for_rounds(NR_THREADS);
	for (int i = 0; i < NR_FORKS; i++)
		snapshot();
	read_heap(&rss, &huge);
	printf("# %ld of %ld KiB huge when the last child has gone\n", huge,
	       rss);
	start = progress = now_ms();
	do {
		rest(20);
		read_heap(&rss, &huge);
		if (huge > most) {
			most = huge;
			progress = now_ms();
		}
	} while ((huge * 100 < rss * 95 || rss <= 40 << 10) &&
		 now_ms() - progress < WAIT_MS);
	printf("# %ld of %ld KiB huge %ld ms later\n", huge, rss,
	       now_ms() - start);
	EXPECT(huge * 100 >= rss * 95, "%ld of %ld KiB huge", huge, rss);
	EXPECT(rss > 40 << 10, "%ld KiB resident", rss);
	is_over = 1;
	for (int i = 0; i < NR_THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		EXPECT_EQ(0, workers[i].nr_wrong);
	}
}

static const struct ktap_test tests[] = {
	{"the heap is huge again after forks", heap_is_huge_again},
	{NULL, NULL},
};

int main(int argc, char **argv)
{
	return ktap_main(tests, argc, argv);
}
