// SPDX-License-Identifier: MIT
/*
 * What the guest tests share; see guest.h.
 */
#include "guest.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

int dev = -1;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(4);
}

void dev_open(void)
{
	dev = open(ASHLAR_DEVICE, O_RDWR | O_CLOEXEC);
	if (dev < 0)
		die("open " ASHLAR_DEVICE);
}

char *try_map_region(size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, dev, 0);

	return p == MAP_FAILED ? NULL : p;
}

char *map_region(size_t len)
{
	char *p = try_map_region(len);

	if (!p)
		die("mmap of the device");
	return p;
}

int do_ioctl(unsigned long cmd, void *arg)
{
	return ioctl(dev, cmd, arg) < 0 ? -errno : 0;
}

int do_info(struct ashlar_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = sizeof(*ret);
	return do_ioctl(ASHLAR_IOC_INFO, ret);
}

int do_discard(void *addr, size_t len, uint64_t *ret_done)
{
	struct ashlar_discard arg = {
		.size = sizeof(arg), .addr = (uintptr_t)addr, .len = len,
	};
	int err = do_ioctl(ASHLAR_IOC_DISCARD, &arg);

	if (ret_done)
		*ret_done = arg.ret_done;
	return err;
}

int do_populate(void *addr, size_t len, uint32_t flags, uint64_t *ret_done)
{
	struct ashlar_populate arg = {
		.size = sizeof(arg), .flags = flags,
		.addr = (uintptr_t)addr, .len = len,
	};
	int err = do_ioctl(ASHLAR_IOC_POPULATE, &arg);

	if (ret_done)
		*ret_done = arg.ret_done;
	return err;
}

int do_fold(void *addr, size_t len, struct ashlar_fold *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = sizeof(*ret);
	ret->addr = (uintptr_t)addr;
	ret->len = len;
	return do_ioctl(ASHLAR_IOC_FOLD, ret);
}

int do_collapse(void *addr, size_t len, uint32_t flags,
		struct ashlar_collapse *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->size = sizeof(*ret);
	ret->flags = flags;
	ret->addr = (uintptr_t)addr;
	ret->len = len;
	return do_ioctl(ASHLAR_IOC_COLLAPSE, ret);
}

int do_unshare(void *addr, size_t len, uint64_t *ret_shared)
{
	struct ashlar_unshare arg = {
		.size = sizeof(arg), .addr = (uintptr_t)addr, .len = len,
	};
	int err = do_ioctl(ASHLAR_IOC_UNSHARE, &arg);

	if (ret_shared)
		*ret_shared = arg.ret_shared;
	return err;
}

int do_query(void *addr, size_t nr, struct ashlar_hunk *hunks)
{
	struct ashlar_query arg = {
		.size = sizeof(arg), .addr = (uintptr_t)addr, .len = nr * HUNK,
		.hunks = (uintptr_t)hunks, .hunk_size = sizeof(*hunks),
	};

	return do_ioctl(ASHLAR_IOC_QUERY, &arg);
}

int do_cow(void *addr, enum ashlar_cow cow)
{
	struct ashlar_policy arg = {
		.size = sizeof(arg), .flags = ASHLAR_POLICY_SET_COW,
		.addr = (uintptr_t)addr, .cow = cow,
	};

	return do_ioctl(ASHLAR_IOC_POLICY, &arg);
}

/* NULL if there is no room. */
static char *scratch_range(size_t len)
{
	char *p = mmap(NULL, len + HUNK, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	return (char *)(((uintptr_t)p + HUNK - 1) & -HUNK);
}

int do_remap(char *addr, size_t len)
{
	struct ashlar_ticket arg = {
		.size = sizeof(arg), .addr = (uintptr_t)addr, .len = len,
	};
	char *scratch = scratch_range(len);
	int err = scratch ? do_ioctl(ASHLAR_IOC_TICKET, &arg) : -ENOMEM;

	if (!err && mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED |
			   MREMAP_DONTUNMAP, scratch) == MAP_FAILED)
		err = -errno;
	if (scratch)
		munmap(scratch, len);
	return err;
}

long long read_number(const char *fmt, ...)
{
	char path[256];
	long long n;
	va_list ap;
	FILE *file;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%lld", &n) != 1)
		die(path);
	fclose(file);
	return n;
}

void write_file(const char *path, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int fd, len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, len) != len)
		die(path);
	close(fd);
}

long long stat_now(const char *name)
{
	return read_number(ASHLAR_SYSFS "stats/%s", name);
}

long smaps_other_kib(pid_t pid, const void *addr, size_t len, const char *key)
{
	uintptr_t from = (uintptr_t)addr, to = from + len;
	unsigned long start, end, value;
	char line[512], name[64];
	bool is_in = false;
	long sum = 0;
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%d/smaps", pid);
	file = fopen(line, "re");
	if (!file)
		die("smaps");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			is_in = start < to && from < end;
		else if (is_in &&
			 sscanf(line, "%63[^:]: %lu", name, &value) == 2 &&
			 !strcmp(name, key))
			sum += value;
	}
	fclose(file);
	return sum;
}

long smaps_kib(const void *addr, size_t len, const char *key)
{
	return smaps_other_kib(getpid(), addr, len, key);
}

int nr_vmas(const void *addr, size_t len)
{
	uintptr_t from = (uintptr_t)addr, to = from + len;
	unsigned long start, end;
	char line[512];
	int nr = 0;
	FILE *file = fopen("/proc/self/maps", "re");

	if (!file)
		die("maps");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start < to &&
		    from < end)
			nr++;
	fclose(file);
	return nr;
}

long nr_minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

int node_of(const void *addr)
{
	const void *pages[1] = { addr };
	int status = -1;

	if (syscall(SYS_move_pages, 0, 1UL, pages, NULL, &status, 0))
		die("move_pages");
	return status;
}

void pin_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

void unpin(void)
{
	cpu_set_t set;
	int cpu;

	CPU_ZERO(&set);
	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_CONF); cpu++)
		CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

bool wait_for(bool (*cond)(void *), void *arg, int ms)
{
	int i;

	for (i = 0; i < ms / 10; i++) {
		if (cond(arg))
			return true;
		usleep(10000);
	}
	return cond(arg);
}

static bool pools_have(void *arg)
{
	int nid, want = *(int *)arg;
	char path[80];

	for (nid = 0;; nid++) {
		snprintf(path, sizeof(path), ASHLAR_SYSFS "node%d/pool", nid);
		if (access(path, R_OK))
			return true;
		if (read_number("%s", path) < want &&
		    read_number(ASHLAR_SYSFS "node%d/target", nid))
			return false;
	}
}

static bool pools_are_empty(void *arg)
{
	char path[80];
	int nid;

	(void)arg;
	for (nid = 0;; nid++) {
		snprintf(path, sizeof(path), ASHLAR_SYSFS "node%d/pool", nid);
		if (access(path, R_OK))
			return true;
		if (read_number("%s", path))
			return false;
	}
}

void wait_pools(int nr_hunks)
{
	if (!wait_for(pools_have, &nr_hunks, 60000)) {
		errno = ETIMEDOUT;
		die("waiting for the pools to fill");
	}
}

int try_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static void write_nodes(const char *name, int value)
{
	char path[80];
	int nid;

	for (nid = 0;; nid++) {
		snprintf(path, sizeof(path), ASHLAR_SYSFS "node%d/%s", nid,
			 name);
		if (access(path, W_OK))
			break;
		write_file(path, "%d", value);
	}
}

void set_pools(int nr_hunks)
{
	write_nodes("min_target", nr_hunks);
	if (nr_hunks) {
		wait_pools(nr_hunks);
	} else if (!wait_for(pools_are_empty, NULL, 60000)) {
		/* A burst is forgotten by an eighth a second. */
		errno = ETIMEDOUT;
		die("waiting for the pools to be empty");
	}
}

void fix_pools(int nr_hunks)
{
	write_nodes("max_target", nr_hunks);
	set_pools(nr_hunks);
}

/* Everything back, and counted right: for the end of a test. */
bool balanced(void *arg)
{
	(void)arg;
	return !stat_now("mapped") && !stat_now("parked") &&
	       !stat_now("small") && !stat_now("regions") &&
	       !stat_now("shared") && !read_number(ASHLAR_SYSFS "imbalance");
}

int wait_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return status;
}

bool is_test_build(void)
{
	struct ashlar_info info;

	return !do_info(&info) && info.ret_features & ASHLAR_FEAT_TESTBUILD;
}

void set_param(const char *name, long value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/ashlar/parameters/%s", name);
	write_file(path, "%ld", value);
}

long long get_param(const char *name)
{
	return read_number("/sys/module/ashlar/parameters/%s", name);
}

int module_unload(void)
{
	return syscall(SYS_delete_module, "ashlar", O_NONBLOCK) ? -errno : 0;
}

/* build/selftests/guest/PROGRAM -> build/kmod/RELEASE-suffix/file */
static int load_built(const char *suffix, const char *file, const char *args)
{
	char self[300], path[600];
	struct utsname name;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int fd, i, err;

	if (len < 0 || uname(&name))
		die("readlink /proc/self/exe");
	self[len] = '\0';
	for (i = 0; i < 3; i++)
		*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%s/kmod/%s%s/%s", self, name.release,
		 suffix, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	err = syscall(SYS_finit_module, fd, args, 0) ? -errno : 0;
	close(fd);
	return err;
}

int module_load(const char *suffix, const char *args)
{
	return load_built(suffix, "ashlar.ko", args);
}

int with_test_build(int (*run)(const struct ktap_test *, int, char **),
		    const struct ktap_test *tests, int argc, char **argv)
{
	int status, err = module_unload();

	if (!err)
		err = module_load("-test", "");
	if (err) {
		errno = -err;
		die("loading the test build");
	}
	dev_open();
	set_pools(8);
	status = run(tests, argc, argv);
	close(dev);
	err = module_unload();
	if (!err)
		err = module_load("", "");
	if (err) {
		errno = -err;
		die("loading the module again");
	}
	return status;
}

void fragment(int percent)
{
	char args[32];
	int err;

	/* Not 2 or 3: shrinkers would empty the pools. */
	write_file("/proc/sys/vm/drop_caches", "1");
	snprintf(args, sizeof(args), "percent=%d", percent);
	err = load_built("-fragment", "fragment.ko", args);
	if (err) {
		errno = -err;
		die("loading fragment.ko");
	}
}

void unfragment(void)
{
	if (syscall(SYS_delete_module, "fragment", O_NONBLOCK))
		die("unloading fragment.ko");
}

static sigjmp_buf touch_jump;

static void touch_handler(int sig)
{
	siglongjmp(touch_jump, sig);
}

int touch_signal(char *addr, bool is_write)
{
	struct sigaction action = { .sa_handler = touch_handler }, bus, segv;
	int sig;

	sigaction(SIGBUS, &action, &bus);
	sigaction(SIGSEGV, &action, &segv);
	sig = sigsetjmp(touch_jump, 1);
	if (!sig) {
		if (is_write)
			*(volatile char *)addr = 1;
		else
			(void)*(volatile char *)addr;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return sig;
}
