// SPDX-License-Identifier: MIT
/*
 * harden.c - misuse is found: double frees and frees of what malloc never
 * gave. Each in a process of its own (this program, run with the misuse's
 * name), which must be ended by the allocator, not run on or hang.
 *
 * Which allocator finds what differs; the table says what each must.
 */
#include "ktap.h"
#include "testlib.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

static char static_bytes[4096];
static void *volatile hidden;

/* The compiler must not see what is freed. */
static void *hide(void *p)
{
	hidden = p;
	return hidden;
}

static void double_free_of(size_t size)
{
	void *p = malloc(size);

	free(hide(p));
	free(hide(p));
}

static void double_free_small(void)
{
	double_free_of(40);
}

static void double_free_medium(void)
{
	double_free_of(20000);
}

static void double_free_large(void)
{
	double_free_of(8 << 20);
}

static void double_free_later(void)
{
	void *p[50];
	int i;

	for (i = 0; i < 50; i++)
		p[i] = malloc(100);
	for (i = 0; i < 50; i++)
		free(hide(p[i]));
	free(hide(p[20]));
	for (i = 0; i < 50; i++)
		p[i] = malloc(100);
	for (i = 0; i < 50; i++)
		free(hide(p[i]));
}

static void *free_it(void *p)
{
	free(hide(p));
	return NULL;
}

static void double_free_by_other_thread(void)
{
	void *p = malloc(100);
	pthread_t thread;

	free(hide(p));
	pthread_create(&thread, NULL, free_it, p);
	pthread_join(thread, NULL);
	free(hide(malloc(100)));
}

static void free_stack(void)
{
	char bytes[256] = "stack";

	free(hide(bytes + 16));
}

static void free_static(void)
{
	free(hide(static_bytes + 64));
}

static void free_mapped(void)
{
	char *p = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	free(hide(p + 4096));
}

static void free_inside_small(void)
{
	char *p = malloc(1000);

	free(hide(p + 24));
}

static void free_inside_large(void)
{
	char *p = malloc(8 << 20);

	free(hide(p + (1 << 20)));
}

static void realloc_freed(void)
{
	char *p = malloc(5000);

	free(hide(p));
	hide(realloc(hide(p), 50000));
}

void operator_delete(void *p, size_t size) asm("_ZdlPvm")
	__attribute__((weak));

static void delete_other_size(void)
{
	void *p = malloc(40);

	if (!operator_delete)
		abort(); /* a C program on libc: nobody to find it */
	free(hide(malloc(500)));
	operator_delete(hide(p), 500);
	malloc_trim(0);
}

enum finder {
	HARDENED = 1, /* Ashlar with harden:1 */
	ALWAYS = 2,   /* Ashlar without, and glibc */
};

static const struct misuse {
	const char *name;
	void (*run)(void);
	enum finder finder;
} misuses[] = {
	{"double_free_small", double_free_small, HARDENED},
	{"double_free_medium", double_free_medium, HARDENED},
	{"double_free_large", double_free_large, ALWAYS},
	{"double_free_later", double_free_later, HARDENED},
	{"double_free_by_other_thread", double_free_by_other_thread, HARDENED},
	{"free_stack", free_stack, ALWAYS},
	{"free_static", free_static, ALWAYS},
	{"free_mapped", free_mapped, ALWAYS},
	{"free_inside_small", free_inside_small, HARDENED},
	{"free_inside_large", free_inside_large, ALWAYS},
	{"delete_other_size", delete_other_size, ALWAYS},
	{"realloc_freed", realloc_freed, HARDENED},
	{},
};

static void expect_found(const struct misuse *m, const char *conf)
{
	char self[] = "/proc/self/exe", name[64];
	char *argv[] = {self, name, NULL};
	struct child child;

	snprintf(name, sizeof(name), "%s", m->name);
	child_exec(&child, argv, conf);
	if (is_ashlar()) {
		EXPECT(child_code(&child) == -SIGABRT,
		       "%s under '%s': code %d, '%s'", m->name, conf,
		       child_code(&child), child.text);
		EXPECT(strstr(child.text, "ashlar"),
		       "%s: not said why: '%s'", m->name, child.text);
	} else {
		EXPECT(child_code(&child) < 0, "%s: code %d", m->name,
		       child_code(&child));
	}
}

static void found_always(void)
{
	const struct misuse *m;

	for (m = misuses; m->name; m++)
		if (m->finder == ALWAYS)
			expect_found(m, "harden:0");
}

static void found_hardened(void)
{
	const struct misuse *m;

	if (!is_ashlar()) {
		ktap_skip("only Ashlar has harden:1");
		return;
	}
	for (m = misuses; m->name; m++)
		expect_found(m, "harden:1");
}

/* Correct programs run the same when hardened. */
static void good_program(void)
{
	char self[] = "/proc/self/exe", name[] = "good";
	char *argv[] = {self, name, NULL};
	struct child child;

	child_exec(&child, argv, "harden:1");
	EXPECT(!child_code(&child), "code %d, '%s'", child_code(&child),
	       child.text);
}

static int good(void)
{
	struct rng rng = {1};
	void *p[500] = {};
	size_t len[500] = {};
	unsigned int i, at;

	for (i = 0; i < 200000; i++) {
		at = (unsigned int)rng_below(&rng, 500);
		if (!pattern_holds(p[at], len[at], at))
			return 3;
		free(p[at]);
		len[at] = rng_size(&rng, at % 50 ? 3000 : 500000);
		p[at] = malloc(len[at]);
		if (!p[at])
			return 4;
		pattern_fill(p[at], len[at], at);
	}
	return 0;
}

static int inner(const char *name)
{
	const struct misuse *m;

	if (!strcmp(name, "good"))
		return good();
	for (m = misuses; m->name; m++) {
		if (strcmp(m->name, name))
			continue;
		alarm(60);
		m->run();
		return 0;
	}
	return -1;
}

static const struct ktap_test tests[] = {
	{"found_always", found_always},
	{"found_hardened", found_hardened},
	{"good_program", good_program},
	{},
};

int main(int argc, char **argv)
{
	int code = argc == 2 ? inner(argv[1]) : -1;

	return code >= 0 ? code : ktap_main(tests, argc, argv);
}
