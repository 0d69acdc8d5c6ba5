/* SPDX-License-Identifier: MIT */
/*
 * ktap.h - what a test program needs to report in KTAP.
 *
 * A program lists its tests in a table and hands it to ktap_main(), which runs
 * them in order (or those named on the command line) and prints one line each:
 *
 *	ok 1 name
 *	not ok 2 name # file.c:12: expected p != NULL, saw size 64
 *	ok 3 name # SKIP no huge pages reserved
 *
 * EXPECT() may be used from any thread, and in a forked child that ends with
 * _exit(ktap_child_status()). It is an expression: "if (!EXPECT(...)) return;".
 * This is no framework: no fixtures, no isolation; a crash is named and ends
 * the program, which its runner counts as a failure. Works in C and C++.
 */
#ifndef SELFTESTS_KTAP_H
#define SELFTESTS_KTAP_H

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ktap_test {
	const char *name;
	void (*run)(void);
};

/* State of the running test. The counter is atomic, the text its winner's. */
static int ktap_nr_failures;
static char ktap_failure[512];
static char ktap_skipped[256];
static const char *ktap_running = "";
static int ktap_number;

/* Record one failed expectation; the first one's text goes on the test's line.
 * Returns 0, so that EXPECT() reads as a fact.
 */
__attribute__((format(printf, 4, 5), unused)) static int
ktap_fail(const char *file, int line, const char *cond, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	char text[400], where[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(where, sizeof(where), "%s:%d", base ? base + 1 : file, line);
	printf("# %s: expected %s, saw %s\n", where, cond, text);
	if (!__atomic_fetch_add(&ktap_nr_failures, 1, __ATOMIC_RELAXED))
		snprintf(ktap_failure, sizeof(ktap_failure),
			 "%.150s: expected %.120s, saw %.200s", where, cond,
			 text);
	return 0;
}

#define EXPECT(cond, ...) \
	((cond) ? 1 : ktap_fail(__FILE__, __LINE__, #cond, __VA_ARGS__))

/* Compares integers; both sides are printed as signed and as hexadecimal. */
#define EXPECT_EQ(want, got) \
	ktap_expect_eq(__FILE__, __LINE__, #got " == " #want, \
		       (long long)(want), (long long)(got))

__attribute__((unused)) static int ktap_expect_eq(const char *file, int line,
						  const char *cond,
						  long long want, long long got)
{
	if (want == got)
		return 1;
	return ktap_fail(file, line, cond, "%lld (0x%llx), wanted %lld", got,
			 (unsigned long long)got, want);
}

/* Mark the running test as skipped, with the reason; then return from it. */
__attribute__((format(printf, 1, 2), unused)) static void
ktap_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ktap_skipped, sizeof(ktap_skipped), fmt, ap);
	va_end(ap);
}

/* Exit status for a forked child that used EXPECT(). Never use its stdio. */
__attribute__((unused)) static int ktap_child_status(void)
{
	fflush(stdout);
	return __atomic_load_n(&ktap_nr_failures, __ATOMIC_RELAXED) != 0;
}

static void ktap_crashed(int sig)
{
	char text[256];
	int len;

	len = snprintf(text, sizeof(text), "not ok %d %s # killed by %s\n",
		       ktap_number, ktap_running,
		       sig == SIGALRM	? "SIGALRM (took too long)"
		       : sig == SIGSEGV ? "SIGSEGV"
		       : sig == SIGBUS	? "SIGBUS"
		       : sig == SIGABRT ? "SIGABRT"
					: "SIGILL or SIGFPE");
	if (write(STDOUT_FILENO, text, (size_t)len) != len)
		_exit(3);
	signal(sig, SIG_DFL);
	raise(sig);
}

static int ktap_wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc < 2;
}

static int ktap_run_one(const struct ktap_test *test)
{
	ktap_number++;
	ktap_running = test->name;
	ktap_nr_failures = 0;
	ktap_failure[0] = ktap_skipped[0] = '\0';
	test->run();
	if (ktap_nr_failures) {
		printf("not ok %d %s # %s\n", ktap_number, test->name,
		       ktap_failure);
		return 1;
	}
	printf("ok %d %s%s%s\n", ktap_number, test->name,
	       ktap_skipped[0] ? " # SKIP " : "", ktap_skipped);
	return 0;
}

/**
 * ktap_main() - run the tests of a table, or those named in argv.
 * @tests: the table; its end is an entry without a name.
 * @argc: main()'s.
 * @argv: main()'s; each further word names a test to run.
 *
 * Return: main()'s exit status: 0, 1 if a test failed, 2 if none was run.
 */
__attribute__((unused)) static int
ktap_main(const struct ktap_test *tests, int argc, char **argv)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT,
				    SIGILL,  SIGFPE, SIGALRM};
	const struct ktap_test *test;
	int nr_failed = 0, nr_tests = 0;
	static char buf[4096];
	unsigned int i;

	setvbuf(stdout, buf, _IOLBF, sizeof(buf));
	for (i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		signal(fatal[i], ktap_crashed);
	for (test = tests; test->name; test++)
		nr_tests += ktap_wanted(test->name, argc, argv);
	printf("KTAP version 1\n1..%d\n", nr_tests);
	for (test = tests; test->name; test++)
		if (ktap_wanted(test->name, argc, argv))
			nr_failed += ktap_run_one(test);
	return nr_tests ? nr_failed != 0 : 2;
}

#endif
