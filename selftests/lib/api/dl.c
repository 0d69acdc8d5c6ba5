// SPDX-License-Identifier: MIT
/*
 * dl.c - dlopen and dlclose in loops, in threads, of an object whose
 * constructor, destructor and thread-local data use malloc (dl_plugin.c, next
 * to this program).
 */
#include "ktap.h"
#include "testlib.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>

static char plugin[PATH_MAX];

static void find_plugin(const char *argv0)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", argv0);
	snprintf(plugin, sizeof(plugin), "%.4000s/dl_plugin.so", dirname(dir));
}

static int use_plugin(int mode)
{
	void *(*make)(size_t), *p;
	int (*drop)(void *);
	void *dl = dlopen(plugin, mode);

	if (!EXPECT(dl, "%s", dlerror()))
		return 0;
	make = (void *(*)(size_t))dlsym(dl, "plugin_make");
	drop = (int (*)(void *))dlsym(dl, "plugin_drop");
	if (EXPECT(make && drop, "%s", dlerror())) {
		p = make(1000);
		EXPECT(p, "NULL from the plugin");
		EXPECT_EQ(1, drop(malloc(50)));
		free(p);
	}
	return EXPECT(!dlclose(dl), "%s", dlerror());
}

static void in_a_loop(void)
{
	long before = 0, after;
	int i;

	for (i = 0; i < 300; i++) {
		if (!use_plugin(RTLD_NOW | RTLD_LOCAL))
			return;
		if (i == 50)
			before = proc_status_kib("VmRSS:");
	}
	after = proc_status_kib("VmRSS:");
	EXPECT(after - before < 8 * 1024, "%ld KiB grown to %ld KiB", before,
	       after);
}

static void *loop(void *arg)
{
	int i;

	for (i = 0; i < 40; i++)
		if (!use_plugin(RTLD_NOW | RTLD_LOCAL))
			break;
	return arg;
}

static void in_threads(void)
{
	pthread_t threads[6];
	int i;

	for (i = 0; i < 6; i++)
		EXPECT_EQ(0, pthread_create(&threads[i], NULL, loop, NULL));
	for (i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
}

/* A failing dlopen makes its message by malloc and frees it by another's. */
static void errors(void)
{
	int i;

	for (i = 0; i < 100; i++) {
		void *dl = dlopen("/nonexistent/object.so", RTLD_NOW);

		EXPECT(!dl, "%p", dl);
		EXPECT(dlerror(), "no message");
	}
}

/*
 * Bound deeply, a library has malloc from libc, which others do not: that ends in
 * tears, unless the flag is dropped.
 */
static void bound_deeply(void)
{
	Dl_info ours, theirs;

	if (!dladdr(dlsym(RTLD_DEFAULT, "dlopen"), &theirs) ||
	    !dladdr(dlsym(RTLD_DEFAULT, "malloc"), &ours) ||
	    ours.dli_fbase != theirs.dli_fbase)
		ktap_skip("malloc and dlopen are not of one library");
	else
		use_plugin(RTLD_NOW | RTLD_DEEPBIND);
}

/* Who asks decides where is looked: only the plugin has the path. */
static void path_of_the_caller(void)
{
	int (*open_second)(void), (*drop)(void *);
	void *dl = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);

	if (!EXPECT(dl, "%s", dlerror()))
		return;
	EXPECT(!dlopen("dl_second.so", RTLD_NOW), "found without the path");
	open_second = (int (*)(void))dlsym(dl, "plugin_open_second");
	drop = (int (*)(void *))dlsym(dl, "plugin_drop");
	if (EXPECT(open_second && drop, "%s", dlerror())) {
		EXPECT(open_second(), "not found: %s", dlerror());
		drop(NULL);
	}
	EXPECT(!dlclose(dl), "%s", dlerror());
}

/* All entry points of the family come from the same object as malloc. */
static void one_provider(void)
{
	static const char *const names[] = {
		"malloc",	 "free",	  "calloc",
		"realloc",	 "reallocarray",  "aligned_alloc",
		"posix_memalign", "memalign",	  "valloc",
		"pvalloc",	 "malloc_usable_size", "malloc_trim",
		"mallinfo",	 "mallinfo2",	  "malloc_info",
		"malloc_stats",	 "mallopt"};
	Dl_info first, info;
	unsigned int i;

	EXPECT(dladdr(dlsym(RTLD_DEFAULT, "malloc"), &first), "no malloc");
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void *at = dlsym(RTLD_DEFAULT, names[i]);

		if (EXPECT(at && dladdr(at, &info), "no %s", names[i]))
			EXPECT(info.dli_fbase == first.dli_fbase,
			       "%s from %s, malloc from %s", names[i],
			       info.dli_fname, first.dli_fname);
	}
}

static const struct ktap_test tests[] = {
	{"in_a_loop", in_a_loop},
	{"in_threads", in_threads},
	{"bound_deeply", bound_deeply},
	{"path_of_the_caller", path_of_the_caller},
	{"errors", errors},
	{"one_provider", one_provider},
	{},
};

int main(int argc, char **argv)
{
	find_plugin(argv[0]);
	return ktap_main(tests, argc, argv);
}
