/* SPDX-License-Identifier: MIT */
/*
 * What the guest tests share: the device, its calls, and /proc and sysfs read
 * as numbers. Anything that a test must be able to trust ends the program with
 * a message when it fails; what a test checks is returned.
 */
#ifndef SELFTESTS_GUEST_H
#define SELFTESTS_GUEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/ashlar.h>

#define HUNK ((size_t)ASHLAR_HUNK_SIZE)
#define ASHLAR_SYSFS "/sys/class/misc/ashlar/"

/* The device, opened by dev_open(). */
extern int dev;

void dev_open(void);
char *map_region(size_t len);
char *try_map_region(size_t len);

/* Return 0 or -errno; results in *ret. */
int do_info(struct ashlar_info *ret);
int do_discard(void *addr, size_t len, uint64_t *ret_done);
int do_populate(void *addr, size_t len, uint32_t flags, uint64_t *ret_done);
int do_fold(void *addr, size_t len, struct ashlar_fold *ret);
int do_collapse(void *addr, size_t len, uint32_t flags,
		struct ashlar_collapse *ret);
int do_unshare(void *addr, size_t len, uint64_t *ret_shared);
int do_query(void *addr, size_t nr, struct ashlar_hunk *hunks);
int do_cow(void *addr, enum ashlar_cow cow);
int do_ioctl(unsigned long cmd, void *arg);

/* Ticket, mremap() and the scratch range replaced. */
int do_remap(char *addr, size_t len);

/* Numbers out of files; the program ends if there is no such file. */
long long read_number(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));
void write_file(const char *path, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for what may be refused: 0 or -errno. */
int try_write(const char *path, const char *text);
long long stat_now(const char *name);
long smaps_kib(const void *addr, size_t len, const char *key);
long smaps_other_kib(pid_t pid, const void *addr, size_t len, const char *key);
long nr_minor_faults(void);
int node_of(const void *addr);
int nr_vmas(const void *addr, size_t len);

void pin_cpu(int cpu);
void unpin(void);
bool wait_for(bool (*cond)(void *), void *arg, int ms);
void wait_pools(int nr_hunks);
void set_pools(int nr_hunks);
void fix_pools(int nr_hunks);	/* and never more, whatever the demand */
bool balanced(void *arg);
int wait_child(pid_t pid);
bool is_test_build(void);
void set_param(const char *name, long value);
long long get_param(const char *name);

/* rmmod and insmod of the build under test; 0 or -errno. */
int module_unload(void);
int module_load(const char *suffix, const char *args);

/* Runs tests (by ktap_main()) with the test build in the module's place. */
struct ktap_test;
int with_test_build(int (*run)(const struct ktap_test *, int, char **),
		    const struct ktap_test *tests, int argc, char **argv);

/* fragment.ko: from now on free memory is in pieces of a page or so. */
void fragment(int percent);
void unfragment(void);

/* SIGBUS, SIGSEGV or 0: what touching the byte raises. */
int touch_signal(char *addr, bool is_write);

#endif
