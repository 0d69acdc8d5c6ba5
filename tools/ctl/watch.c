// SPDX-License-Identifier: MIT
/*
 * Prints what changed between two looks at the counters, in the manner of
 * vmstat(8). It only reads the counters, so it costs the machine nothing.
 */
#include "watch.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device.h"

enum { HEAD_EVERY = 20, MAX_SECONDS = 86400, MAX_COUNT = 1000000000 };

static int take_number(const char *text, long min, long max, long *ret_number)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (!errno && end != text && !*end && n >= min && n <= max) {
		*ret_number = n;
		return EXIT_OK;
	}
	fprintf(stderr, "ashlarctl: '%s': expected a number from %ld to %ld\n",
		text, min, max);
	return EXIT_USAGE;
}

static void print_head(void)
{
	printf("%8s %8s %8s %8s %7s %9s %6s %9s %8s\n", "pool", "mapped",
	       "hits/s", "misses/s", "small/s", "zeroed/s", "cpu", "copied/s",
	       "shrunk/s");
}

/* Megabytes a second, of so many bytes in so many seconds. */
static double rate_mib(double bytes, double seconds)
{
	return bytes / seconds / (1 << 20);
}

static void print_line(const struct device *dev, const struct ashlar_stats *a,
		       const struct ashlar_stats *b, double seconds)
{
	double hunk = dev->info.ret_hunk_size;
	double page = dev->info.ret_page_size;
	double copied = (b->ret_cow_base - a->ret_cow_base) * page +
			(b->ret_cow_huge - a->ret_cow_huge) * hunk +
			(b->ret_fork_copied - a->ret_fork_copied) * hunk;

	printf("%8llu %8llu %8.0f %8.0f %7.0f %8.0fM %5.1f%% %8.0fM %8.0f\n",
	       b->ret_pool, b->ret_mapped,
	       (b->ret_pool_hits - a->ret_pool_hits) / seconds,
	       (b->ret_pool_misses - a->ret_pool_misses) / seconds,
	       (b->ret_fallbacks - a->ret_fallbacks) / seconds,
	       rate_mib((b->ret_zeroed - a->ret_zeroed) * hunk, seconds),
	       (b->ret_zero_ns - a->ret_zero_ns) / seconds / 1e7,
	       rate_mib(copied, seconds),
	       (b->ret_shrunk - a->ret_shrunk) / seconds);
	fflush(stdout);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static int watch(const struct device *dev, long seconds, long count)
{
	struct ashlar_stats before, after;
	double start_s = now_s();
	int err = device_stats(dev, &before);

	for (long i = 0; !err && i < count && !ferror(stdout); i++) {
		struct timespec rest = {.tv_sec = seconds};
		double end_s;

		if (i % HEAD_EVERY == 0)
			print_head();
		nanosleep(&rest, NULL);
		err = device_stats(dev, &after);
		if (err)
			break;
		end_s = now_s();
		print_line(dev, &before, &after, end_s - start_s);
		before = after;
		start_s = end_s;
	}
	return err;
}

/**
 * watch_run() - the command
 * @opts: of the command line
 * @argc: arguments after the command's name
 * @argv: [SECONDS [COUNT]]
 *
 * Return: an exit status.
 */
int watch_run(const struct options *opts, int argc, char **argv)
{
	long seconds = 1, count = MAX_COUNT;
	struct device dev;
	char text[512];
	int err;

	if (argc > 2) {
		fprintf(stderr,
			"ashlarctl: '%s': expected SECONDS and COUNT "
			"at most\n",
			argv[2]);
		return EXIT_USAGE;
	}
	if (argc > 0 && take_number(argv[0], 1, MAX_SECONDS, &seconds))
		return EXIT_USAGE;
	if (argc > 1 && take_number(argv[1], 1, MAX_COUNT, &count))
		return EXIT_USAGE;
	err = device_open(&dev, opts->device);
	if (err) {
		device_explain(opts->device, err, text, sizeof(text));
		fprintf(stderr, "ashlarctl: %s\n", text);
		return EXIT_FAULT;
	}
	err = watch(&dev, seconds, count);
	device_close(&dev);
	if (!err)
		return EXIT_OK;
	fprintf(stderr, "ashlarctl: the module's counters: %s\n",
		strerror(-err));
	return EXIT_FAULT;
}
