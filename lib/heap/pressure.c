// SPDX-License-Identifier: MIT
/*
 * The background thread sleeps on the source of pressure.  What it hears holds
 * for the length of the kernel's window; what follows from it is lib/heap/
 * press.c's to do.
 */
#include "heap/pressure.h"

#include <errno.h>
#include <string.h>

#include "backend/status.h"
#include "heap/notify.h"
#include "hpheap/limit.h"
#include "os/cgroup.h"
#include "os/psi.h"
#include "os/shortage.h"
#include "os/sys.h"
#include "rt/conf.h"
#include "rt/lock.h"
#include "rt/print.h"

enum {
	HOLD_MS = 2000,
	/*
	 * The kernel takes 10 to 25 ms to close a trigger, which is how much
	 * longer a process takes to end: not for one that lives for a moment.
	 */
	SOURCE_MS = 1000,
};

static const char machine_path[] = "/proc/pressure/memory";

/* The background thread's own, but at a fork. */
static struct os_psi source = { .fd = OS_FD_NONE };
static bool is_due; /* to be opened yet... */
static u64 since_ms; /* ...by a thread that began then */
static u64 last_epoch;
static bool has_epoch;
static u64 heard_ms; /* when pressure was last heard of; 0: it is over */

static _Atomic u64 nr_events, nr_ignored;
static struct lock text_lock;
static char text[PRESSURE_TEXT_MAX] = "not watched: no background thread yet";

static bool is_option(const char *value)
{
	return !strcmp(conf.pressure, value);
}

/* Has the user named a source, so that it is to be watched at any time? */
bool pressure_is_wanted(void)
{
	return !is_option("auto") && !is_option("off") && conf.pressure[0];
}

static void describe(const char *what, const char *path, int err)
{
	struct print p;

	lock_acquire(&text_lock);
	print_to_buf(&p, text, sizeof(text));
	print_str(&p, what);
	print_str(&p, path);
	if (err) {
		const char *name = strerrorname_np(-err);

		print_str(&p, ": ");
		print_str(&p, name ? name : "unknown error");
	}
	lock_release(&text_lock);
}

static int try_open(const char *path)
{
	int err = os_psi_open(&source, path);

	describe(err ? "none, " : source.is_fifo ? "FIFO " : "PSI ", path, err);
	return err;
}

static void open_named(void)
{
	static atomic_flag has_complained = ATOMIC_FLAG_INIT;
	const char *name;
	int err = try_open(conf.pressure);

	if (!err || atomic_flag_test_and_set(&has_complained))
		return;
	name = strerrorname_np(-err);
	print_error_parts("pressure: can't watch ", conf.pressure, " (",
			  name ? name : "unknown error",
			  "); name a FIFO, or a file like ", machine_path,
			  " of a kernel with PSI");
}

/* The cgroup's own pressure if it can be heard, else the machine's. */
static void open_auto(void)
{
	char path[CONF_STR_MAX];

	if (os_cgroup_pressure_path("", path, sizeof(path)) || try_open(path))
		try_open(machine_path);
}

/* By the background thread, as it starts. */
void pressure_start(void)
{
	is_due = source.fd.fd < 0;
	since_ms = os_now_ms();
	if (is_due)
		describe("not watched: the background thread has just begun",
			 "", 0);
}

static bool is_too_early(void)
{
	return is_option("auto") && !notify_is_wanted() &&
	       os_now_ms() - since_ms < SOURCE_MS;
}

/* By the background thread, before each sleep. */
static void open_source(void)
{
	if (!is_due || is_too_early())
		return;
	is_due = false;
	if (pressure_is_wanted())
		open_named();
	else if (is_option("auto"))
		open_auto();
	else
		describe("off", "", 0);
}

/* By the background thread, as it ends: a trigger costs the kernel work. */
void pressure_stop(void)
{
	if (source.fd.fd >= 0)
		describe("not watched: nothing to do for the background thread",
			 "", 0);
	os_psi_close(&source);
	heard_ms = 0;
	limit_set_pressure(false);
}

/* Has the machine taken memory back since the last look? */
static bool has_epoch_moved(void)
{
	u64 epoch, was = last_epoch;
	bool had = has_epoch;

	if (is_option("off") || !status_pressure_epoch(&epoch))
		return false;
	last_epoch = epoch;
	has_epoch = true;
	return had && epoch != was;
}

/**
 * pressure_wait() - the background thread's sleep
 * @ms: at most so long
 *
 * Return: true if there is pressure, told just now.
 */
bool pressure_wait(long ms)
{
	bool is_told;

	open_source();
	is_told = os_psi_wait(&source, ms) | has_epoch_moved();
	/* A source that the user has named is believed. */
	if (is_told && !pressure_is_wanted() && !os_memory_is_short("")) {
		nr_ignored++;
		is_told = false;
	}
	if (is_told) {
		nr_events++;
		heard_ms = os_now_ms();
		limit_set_pressure(true);
	} else if (heard_ms && os_now_ms() - heard_ms > HOLD_MS) {
		heard_ms = 0;
		limit_set_pressure(false);
	}
	return is_told;
}

/* How often pressure was heard of. */
u64 pressure_events(void)
{
	return nr_events;
}

/* How often not, since memory was not short. */
u64 pressure_ignored(void)
{
	return nr_ignored;
}

/**
 * pressure_describe() - what is watched, or why nothing is
 * @buf: receives text of PRESSURE_TEXT_MAX bytes at most
 * @len: size of @buf
 */
void pressure_describe(char *buf, size_t len)
{
	struct print p;

	lock_acquire(&text_lock);
	print_to_buf(&p, buf, len);
	print_str(&p, text);
	lock_release(&text_lock);
}

void pressure_before_fork(void)
{
	lock_acquire(&text_lock);
}

void pressure_after_fork_parent(void)
{
	lock_release(&text_lock);
}

/* The trigger is the parent's; a child that wants one opens its own. */
void pressure_after_fork_child(void)
{
	lock_reset(&text_lock);
	os_psi_close(&source);
	has_epoch = false;
	heard_ms = 0;
	limit_set_pressure(false);
}
