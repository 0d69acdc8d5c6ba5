// SPDX-License-Identifier: MIT
/*
 * harden.c - misuse is found: double frees, frees of what malloc never gave,
 * writes behind blocks and after they were freed. Each in a process of its own (this program, run with the misuse's
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
#include <sys/wait.h>

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

/* The size is of the same class: only an exact one will do. */
static void delete_near_size(void)
{
	if (!operator_delete)
		abort();
	operator_delete(hide(malloc(40)), 41);
}

static void delete_large_size(void)
{
	if (!operator_delete)
		abort();
	operator_delete(hide(malloc(1 << 20)), (1 << 20) - 1);
}

/* One byte behind the end, changed: the seal may hold any value there. */
static void overflow_of(size_t size)
{
	char *p = hide(malloc(size));

	p[size] ^= 1;
	free(hide(p));
}

static void overflow_small(void)
{
	overflow_of(24); /* up to the seal */
}

static void overflow_padding(void)
{
	overflow_of(33);
}

static void overflow_empty(void)
{
	overflow_of(0);
}

static void overflow_large(void)
{
	overflow_of(100001);
}

static void overflow_aligned(void)
{
	char *p = hide(aligned_alloc(256, 100));

	p[100] ^= 1;
	free(hide(p));
}

static void overflow_by_realloc(void)
{
	char *p = hide(malloc(100));

	p[100] ^= 1;
	hide(realloc(hide(p), 101));
}

static void overflow_after_shrink(void)
{
	char *p = hide(realloc(hide(malloc(100)), 98));

	p[98] ^= 1;
	free(hide(p));
}

static void overflow_by_usable_size(void)
{
	char *p = hide(malloc(100));

	p[104] ^= 1;
	printf("%zu", malloc_usable_size(hide(p)));
}

static void overflow_into_guard(void)
{
	char *p = hide(malloc(1 << 20));

	p[1 << 20] = 0;
}

static void underflow_into_guard(void)
{
	char *p = hide(malloc(1 << 20));

	p[-1] = 0;
}

/* From any slab upwards there is an end. */
static void run_over_slabs(void)
{
	char *p = hide(malloc(1000)), *other;
	int i;

	for (i = 0; i < 1000; i++) {
		other = hide(malloc(1000));
		if (other < p)
			p = other;
	}
	for (i = 0; i < 100 << 10; i++)
		(void)((volatile char *)p)[i];
}

static void write_after_free_of(size_t size, size_t at)
{
	char *p = hide(malloc(size));

	free(hide(p));
	((char *)hide(p))[at] = 1;
	malloc_trim(0);
}

static void write_after_free(void)
{
	write_after_free_of(100, 99);
}

static void write_after_free_start(void)
{
	write_after_free_of(30000, 0);
}

/* It leaves when others have come in. */
static void write_after_free_pushed_out(void)
{
	char *p = hide(malloc(100));
	int i;

	free(hide(p));
	p[50] = 1;
	for (i = 0; i < 100000; i++)
		free(hide(malloc(200)));
	_exit(0);
}

static void write_after_free_at_exit(void)
{
	char *p = hide(malloc(100));

	free(hide(p));
	p[0] = 1;
}

static void write_after_free_by_other(void)
{
	char *p = hide(malloc(100));
	pthread_t thread;

	pthread_create(&thread, NULL, free_it, p);
	pthread_join(thread, NULL);
	p[0] = 1;
	malloc_trim(0);
}

static void use_after_free_large(void)
{
	char *p = hide(malloc(3 << 20));

	free(hide(p));
	printf("%d", *(volatile char *)hide(p));
}

/* What was freed before a fork is checked in the child, too. */
static void write_after_free_in_child(void)
{
	char *p = hide(malloc(100));
	int status;

	free(hide(p));
	if (!fork()) {
		p[0] = 1;
		malloc_trim(0);
		_exit(0);
	}
	if (wait(&status) > 0 && WIFSIGNALED(status))
		raise(WTERMSIG(status));
}

static void size_of_freed(void)
{
	void *p = malloc(100);

	free(hide(p));
	printf("%zu", malloc_usable_size(hide(p)));
}

/* Freed, and others freed since: it still waits. */
static void double_free_waiting(void)
{
	void *p = malloc(5000);
	int i;

	free(hide(p));
	for (i = 0; i < 100; i++)
		free(hide(malloc(5000)));
	free(hide(p));
}

static void double_free_large_waiting(void)
{
	void *p = malloc(1 << 20);

	free(hide(p));
	free(hide(malloc(1 << 20)));
	free(hide(p));
}

enum finder {
	HARDENED = 1, /* Ashlar with harden:1 */
	ALWAYS = 2,   /* Ashlar without, and glibc */
	BY_GUARD = 3, /* as HARDENED, by a page without access */
	BY_FILL = 4,  /* as HARDENED, since it is written to while it waits */
};

static const struct misuse {
	const char *name;
	void (*run)(void);
	enum finder finder;
	const char *says;
} misuses[] = {
	{"double_free_small", double_free_small, HARDENED, "double free"},
	{"double_free_medium", double_free_medium, HARDENED, "double free"},
	{"double_free_large", double_free_large, ALWAYS, "free"},
	{"double_free_later", double_free_later, HARDENED, "double free"},
	{"double_free_by_other_thread", double_free_by_other_thread, HARDENED,
	 "double free"},
	{"double_free_waiting", double_free_waiting, HARDENED, "double free"},
	{"double_free_large_waiting", double_free_large_waiting, HARDENED,
	 "double free"},
	{"free_stack", free_stack, ALWAYS, "invalid free"},
	{"free_static", free_static, ALWAYS, "invalid free"},
	{"free_mapped", free_mapped, ALWAYS, "invalid free"},
	{"free_inside_small", free_inside_small, HARDENED, "invalid free"},
	{"free_inside_large", free_inside_large, ALWAYS, "invalid free"},
	{"delete_other_size", delete_other_size, ALWAYS, "sized delete"},
	{"delete_near_size", delete_near_size, HARDENED, "sized delete"},
	{"delete_large_size", delete_large_size, HARDENED, "sized delete"},
	{"realloc_freed", realloc_freed, HARDENED, "double free"},
	{"size_of_freed", size_of_freed, HARDENED, "double free"},
	{"overflow_small", overflow_small, HARDENED, "overflow"},
	{"overflow_padding", overflow_padding, HARDENED, "overflow"},
	{"overflow_empty", overflow_empty, HARDENED, "overflow"},
	{"overflow_large", overflow_large, HARDENED, "overflow"},
	{"overflow_aligned", overflow_aligned, HARDENED, "overflow"},
	{"overflow_by_realloc", overflow_by_realloc, HARDENED, "overflow"},
	{"overflow_after_shrink", overflow_after_shrink, HARDENED, "overflow"},
	{"overflow_by_usable_size", overflow_by_usable_size, HARDENED,
	 "overflow"},
	{"overflow_into_guard", overflow_into_guard, BY_GUARD, ""},
	{"underflow_into_guard", underflow_into_guard, BY_GUARD, ""},
	{"run_over_slabs", run_over_slabs, BY_GUARD, ""},
	{"write_after_free", write_after_free, BY_FILL, "write after free"},
	{"write_after_free_start", write_after_free_start, BY_FILL, "write after free"},
	{"write_after_free_pushed_out", write_after_free_pushed_out, BY_FILL, "write after free"},
	{"write_after_free_at_exit", write_after_free_at_exit, BY_FILL, "write after free"},
	{"write_after_free_by_other", write_after_free_by_other, BY_FILL, "write after free"},
	{"write_after_free_in_child", write_after_free_in_child, BY_FILL, "write after free"},
	{"use_after_free_large", use_after_free_large, BY_GUARD, ""},
	{},
};

static void run_misuse(struct child *child, const struct misuse *m,
		       const char *conf)
{
	char self[] = "/proc/self/exe", name[64];
	char *argv[] = {self, name, NULL};

	snprintf(name, sizeof(name), "%s", m->name);
	child_exec(child, argv, conf);
}

static void expect_found(const struct misuse *m, const char *conf)
{
	int sig = m->finder == BY_GUARD ? SIGSEGV : SIGABRT;
	struct child child;

	run_misuse(&child, m, conf);
	if (is_ashlar()) {
		EXPECT(child_code(&child) == -sig, "%s under '%s': code %d, '%s'",
		       m->name, conf, child_code(&child), child.text);
		EXPECT(sig != SIGABRT || strstr(child.text, "ashlar"),
		       "%s: not said why: '%s'", m->name, child.text);
	} else {
		EXPECT(child_code(&child) < 0, "%s: code %d", m->name,
		       child_code(&child));
	}
}

static void expect_finder(enum finder finder, const char *conf)
{
	const struct misuse *m;

	for (m = misuses; m->name; m++)
		if (m->finder == finder)
			expect_found(m, conf);
}

static void found_always(void)
{
	expect_finder(ALWAYS, "harden:0");
}

/* What it says is what it is. */
static void found_hardened(void)
{
	const struct misuse *m;
	struct child child;

	if (!is_ashlar()) {
		ktap_skip("only Ashlar has harden:1");
		return;
	}
	for (m = misuses; m->name; m++) {
		expect_found(m, "harden:1");
		run_misuse(&child, m, "harden:1");
		EXPECT(strstr(child.text, m->says), "%s called '%s'", m->name,
		       child.text);
	}
}

/* By mappings, as on kernels that can't mark pages. */
static void found_by_mappings(void)
{
	if (!is_ashlar()) {
		ktap_skip("only Ashlar has harden:1");
		return;
	}
	expect_finder(BY_GUARD, "harden:1,guard_pages:mprotect");
}

/* The tests above can fail: without what finds it, nothing is found. */
static void not_found_without(void)
{
	const struct misuse *m;
	struct child child;

	if (!is_ashlar()) {
		ktap_skip("only Ashlar has harden:1");
		return;
	}
	for (m = misuses; m->name; m++) {
		const char *conf = m->finder == BY_GUARD ?
					   "harden:1,guard_pages:off" :
					   "harden:1,quarantine:0";

		if (m->finder < BY_GUARD)
			continue;
		run_misuse(&child, m, conf);
		EXPECT(!child_code(&child), "%s under '%s': code %d, '%s'",
		       m->name, conf, child_code(&child), child.text);
	}
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
	{"found_by_mappings", found_by_mappings},
	{"not_found_without", not_found_without},
	{"good_program", good_program},
	{},
};

int main(int argc, char **argv)
{
	int code = argc == 2 ? inner(argv[1]) : -1;

	return code >= 0 ? code : ktap_main(tests, argc, argv);
}
