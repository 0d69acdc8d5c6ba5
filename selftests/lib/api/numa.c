// SPDX-License-Identifier: MIT
/*
 * numa.c - option "numa": where memory lies, as the kernel tells this program
 * itself and as the library's statistics have it. On a machine with one node:
 * what is possible and what is refused; with more: each way of placing, and that
 * memory freed on another node goes back to its own, that a thread may choose
 * another node, and that heaps left behind serve threads of their node.
 *
 * Each case is this program again ("inner NAME") under its own ASHLAR_CONF.
 */
#include "ktap.h"
#include "testlib.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

#define MIB ((size_t)1 << 20)
#define MOST_NODES 8
#define NR_SMALL 20000

/* Pages by node, of those asked about. */
struct count {
	int nr[MOST_NODES], all;
};

static int fail(int code, const char *what, long long saw)
{
	fprintf(stderr, "%s (%lld, errno %d)\n", what, saw, errno);
	return code;
}

/* Nodes with memory. */
static int nr_nodes(void)
{
	char text[64] = "";
	FILE *f = fopen("/sys/devices/system/node/has_memory", "r");
	int last = 0;

	if (!f)
		return 1;
	if (fgets(text, sizeof(text), f) && strchr(text, '-'))
		last = atoi(strchr(text, '-') + 1);
	fclose(f);
	return last + 1;
}

static void add_page(struct count *count, void *p)
{
	int node = -1;

	if (syscall(SYS_move_pages, 0, 1ul, &p, NULL, &node, 0) || node < 0 ||
	    node >= MOST_NODES)
		return;
	count->nr[node]++;
	count->all++;
}

/* Touch a large block and small ones, and ask where they are. */
static int look(struct count *count)
{
	size_t len = 32 * MIB, at;
	char *big = malloc(len);
	int i;

	*count = (struct count){.all = 0};
	if (!big)
		return fail(2, "NULL", 0);
	memset(big, 1, len);
	/* An odd step: interleaved by page, every even one is alike. */
	for (at = 0; at < len; at += 4096 * 17)
		add_page(count, big + at);
	for (i = 0; i < 3000; i++) {
		char *p = malloc(2000);

		memset(p, 1, 2000);
		if (i % 10 == 0)
			add_page(count, p);
	}
	free(big);
	return count->all < 480 ? fail(3, "no node known", count->all) : 0;
}

/* Nearly all: a chunk that was there before the test's has its own pages. */
static int expect_all_on(const struct count *count, int node)
{
	if (count->nr[node] < count->all * 95 / 100)
		return fail(4, "elsewhere", count->all - count->nr[node]);
	return 0;
}

static int expect_stats(void)
{
	long long sampled = ashlar_stat("numa_sampled");
	long long local = ashlar_stat("numa_local");

	if (sampled < 16)
		return fail(5, "too few sampled", sampled);
	if (local < sampled * 9 / 10)
		return fail(6, "sampled elsewhere", sampled - local);
	return 0;
}

static int inner_on(int node)
{
	struct count count;
	int ret = look(&count);

	ret = ret ? ret : expect_all_on(&count, node);
	return ret ? ret : expect_stats();
}

static int inner_on_0(void)
{
	return inner_on(0);
}

static int inner_on_1(void)
{
	return inner_on(1);
}

static int inner_spread(void)
{
	struct count count;
	int ret = look(&count);

	if (ret)
		return ret;
	if (count.nr[0] < count.all / 4 || count.nr[1] < count.all / 4)
		return fail(7, "not spread", count.nr[0]);
	return expect_stats();
}

static int inner_nothing(void)
{
	return 0;
}

static int cpu_of(int node)
{
	char path[80], text[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist",
		 node);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		fclose(f);
	return text[0] >= '0' && text[0] <= '9' ? atoi(text) : -1;
}

static int run_on(int node)
{
	return stay_on_cpu(cpu_of(node));
}

static void *small[2][NR_SMALL];

/* Allocate all of a node's.  Return: are nearly all there? */
static bool fill_small(int node)
{
	struct count count = {.all = 0};
	int i;

	for (i = 0; i < NR_SMALL; i++) {
		small[node][i] = malloc(1500);
		memset(small[node][i], 1, 1500);
		if (i % 50 == 0)
			add_page(&count, small[node][i]);
	}
	return count.nr[node] >= count.all * 9 / 10;
}

/* Blocks on one's own node; then those of the other node are freed. */
static pthread_barrier_t barrier;

static void *node_thread(void *arg)
{
	int node = arg ? 1 : 0, i;
	intptr_t ret = run_on(node) ? 1 : 0;

	if (!fill_small(node))
		ret = 2;
	pthread_barrier_wait(&barrier);
	for (i = 0; i < NR_SMALL; i++)
		free(small[!node][i]);
	pthread_barrier_wait(&barrier);
	/* The owner finds what came back when it allocates. */
	for (i = 0; i < 200; i++)
		small[node][i] = malloc(1500);
	for (i = 0; i < 200; i++)
		free(small[node][i]);
	return (void *)ret;
}

/* What node @node's heap has in use, of the statistics' array of nodes. */
static long long node_in_use(int node)
{
	static char text[16384];
	char key[32];
	const char *at;

	ashlar_stats_text(text, sizeof(text));
	snprintf(key, sizeof(key), "{\"node\":%d,\"in_use\":", node);
	at = strstr(text, key);
	return at ? atoll(at + strlen(key)) : -1;
}

static int inner_remote(void)
{
	pthread_t threads[2];
	int i;
	void *ret[2];

	pthread_barrier_init(&barrier, NULL, 2);
	for (i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, node_thread,
				   i ? threads : NULL))
			return fail(2, "pthread_create", i);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], &ret[i]);
		if (ret[i])
			return fail(8, "not on its own node", (intptr_t)ret[i]);
	}
	for (i = 0; i < 2; i++)
		if (node_in_use(i) < 0 ||
		    node_in_use(i) > NR_SMALL * 1500 / 4)
			return fail(9, "not back", node_in_use(i));
	return expect_stats();
}

static int thread_node(int node)
{
	int (*call)(int) = (int (*)(int))dlsym(RTLD_DEFAULT,
					       "ashlar_thread_node");

	return call ? call(node) : ENOSYS;
}

/* Wherever it runs, memory is of the node chosen, until it chooses anew. */
static int inner_chosen(void)
{
	struct count count;
	int ret;

	if (run_on(0))
		return fail(2, "can't stay on a CPU", errno);
	ret = inner_on(0);
	if (ret)
		return ret;
	ret = thread_node(1);
	if (ret)
		return fail(10, "not bound", ret);
	ret = look(&count);
	ret = ret ? ret : expect_all_on(&count, 1);
	if (ret)
		return ret;
	ret = thread_node(-1);
	if (ret)
		return fail(11, "not unbound", ret);
	return inner_on(0);
}

/*
 * A thread that was started on node @arg.  Blocks that stay live keep its heap's
 * slabs.
 */
static void *heir_thread(void *arg)
{
	int node = arg ? 1 : 0, i;
	bool is_local = fill_small(node);

	for (i = 0; i < NR_SMALL; i++)
		if (i % 4)
			free(small[node][i]);
	return (void *)(intptr_t)!is_local;
}

/* What a thread of one node leaves behind is not for one of the other. */
static int inner_heirs(void)
{
	pthread_t thread;
	void *ret;
	int i;

	for (i = 0; i < 6; i++) {
		if (run_on(i % 2))
			return fail(2, "can't stay on a CPU", i);
		if (pthread_create(&thread, NULL, heir_thread,
				   i % 2 ? &thread : NULL))
			return fail(2, "pthread_create", i);
		pthread_join(thread, &ret);
		if (ret)
			return fail(12, "not on its own node", i);
	}
	return ashlar_stat("heaps") > 3 ?
		       fail(13, "heaps not reused", ashlar_stat("heaps")) : 0;
}

/* What there is to choose from on any machine. */
static int inner_choices(void)
{
	if (thread_node(0) || thread_node(-1))
		return fail(2, "node 0 refused", thread_node(0));
	if (thread_node(60) != EINVAL || thread_node(64) != EINVAL)
		return fail(3, "a missing node", thread_node(60));
	if (thread_node(-2) != EINVAL)
		return fail(4, "below -1", thread_node(-2));
	return 0;
}

static int inner_no_choice(void)
{
	if (thread_node(0) != EOPNOTSUPP)
		return fail(2, "chosen all the same", thread_node(0));
	return thread_node(-1) ? fail(3, "no way back", thread_node(-1)) : 0;
}

static const struct inner inners[] = {
	{"on_0", inner_on_0},	  {"on_1", inner_on_1},
	{"spread", inner_spread}, {"nothing", inner_nothing},
	{"remote", inner_remote}, {"chosen", inner_chosen},
	{"heirs", inner_heirs},	  {"choices", inner_choices},
	{"no_choice", inner_no_choice},
	{},
};

static bool skipped(int nodes_wanted)
{
	if (!is_ashlar())
		ktap_skip("not running under libashlar");
	else if (nr_nodes() < nodes_wanted)
		ktap_skip("a machine with one node");
	else
		return false;
	return true;
}

/* The same of two nodes that have CPUs. */
static bool skipped_on_cpus(void)
{
	if (skipped(2))
		return true;
	if (cpu_of(0) >= 0 && cpu_of(1) >= 0)
		return false;
	ktap_skip("a node without a CPU");
	return true;
}

static void expect_inner(const char *name, const char *conf, const char *says)
{
	struct child child;

	inner_exec(&child, name, conf);
	EXPECT(!child_code(&child), "code %d for %s under %s: %.300s",
	       child_code(&child), name, conf, child.text);
	EXPECT(!says || strstr(child.text, says), "no '%s' in '%.300s'", says,
	       child.text);
}

static void one_node(void)
{
	if (skipped(1))
		return;
	expect_inner("on_0", "numa:bind=0", NULL);
	expect_inner("on_0", "numa:bind=0,backend:plain", NULL);
	if (nr_nodes() == 1) {
		expect_inner("on_0", "numa:local", NULL);
		expect_inner("on_0", "numa:interleave", NULL);
	}
}

static void missing_node(void)
{
	if (skipped(1))
		return;
	expect_inner("nothing", "numa:bind=60,stats_print:1", "bind=60");
	expect_inner("nothing", "numa:bind=0+60,stats_print:1",
		     "numa: no memory");
}

static void bind(void)
{
	if (skipped(2))
		return;
	expect_inner("on_1", "numa:bind=1", NULL);
	expect_inner("on_1", "numa:bind=1,backend:thp,thp_start:0", NULL);
	expect_inner("on_1", "numa:bind=1,backend:plain", NULL);
}

static void interleave(void)
{
	if (skipped(2))
		return;
	expect_inner("spread", "numa:interleave", NULL);
	expect_inner("spread", "numa:interleave,backend:plain", NULL);
}

static void remote_frees_go_home(void)
{
	if (skipped_on_cpus())
		return;
	expect_inner("remote", "numa:local", NULL);
	expect_inner("remote", "numa:local,backend:plain", NULL);
}

static void choices(void)
{
	if (skipped(1))
		return;
	expect_inner("choices", "numa:local", NULL);
	expect_inner("no_choice", "numa:interleave", NULL);
	expect_inner("no_choice", "numa:bind=0", NULL);
}

static void threads_choose(void)
{
	if (skipped_on_cpus())
		return;
	expect_inner("chosen", "numa:local", NULL);
	expect_inner("chosen", "numa:local,backend:plain", NULL);
	expect_inner("heirs", "numa:local", NULL);
}

static const struct ktap_test tests[] = {
	{"one_node", one_node},
	{"missing_node", missing_node},
	{"bind", bind},
	{"interleave", interleave},
	{"remote_frees_go_home", remote_frees_go_home},
	{"choices", choices},
	{"threads_choose", threads_choose},
	{},
};

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "inner"))
		return inner_run(inners, argv[2]);
	return ktap_main(tests, argc, argv);
}
