// SPDX-License-Identifier: MIT
/*
 * The frame of every synthetic program: PROGRAM THREADS PERCENT. Prints
 * `key=value` words: seconds of the work itself, resident memory when the
 * work has freed everything, and what the program reports besides.
 */
#include "synth.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct thread {
	pthread_t id;
	int index;
	void (*body)(int index);
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

double resident_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	double kib = -1;

	if (file == NULL)
		return -1;
	while (kib < 0 && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Rss: %lf", &kib) != 1)
			kib = -1;
	fclose(file);
	return kib;
}

void *need(void *ptr)
{
	if (ptr == NULL) {
		fputs("out of memory\n", stderr);
		exit(1);
	}
	return ptr;
}

static void *thread_main(void *arg)
{
	struct thread *thread = arg;

	thread->body(thread->index);
	return NULL;
}

void run_threads(int nr, void (*body)(int index))
{
	struct thread threads[nr];

	for (int i = 0; i < nr; i++) {
		threads[i].index = i;
		threads[i].body = body;
		if (pthread_create(&threads[i].id, NULL, thread_main,
				   &threads[i]) != 0) {
			fprintf(stderr, "cannot start thread %d of %d\n", i,
				nr);
			exit(1);
		}
	}
	for (int i = 0; i < nr; i++)
		pthread_join(threads[i].id, NULL);
}

void report(const char *key, double value)
{
	printf("%s=%.3f\n", key, value);
}

static unsigned long number(const char *text, const char *what,
			    unsigned long limit)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || value < 1 || value > limit) {
		fprintf(stderr, "%s \"%s\": expected 1 to %lu\n", what, text,
			limit);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	double start;
	int nr_threads;
	unsigned long percent;

	if (argc != 3) {
		fprintf(stderr, "usage: %s THREADS PERCENT\n", argv[0]);
		return 2;
	}
	nr_threads = number(argv[1], "THREADS", 4096);
	percent = number(argv[2], "PERCENT", 100000);
	start = now();
	bench_run(nr_threads, percent);
	report("seconds", now() - start);
	report("rss_end_kib", resident_kib());
	return 0;
}
